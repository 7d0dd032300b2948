namespace LogHttp.Storage.Files;

/// <summary>
/// Turns all errors of a disk into one kind of exception. .NET reports a lack of permission as
/// UnauthorizedAccessException, which is no IOException. Code that handles a failing disk would not catch it.
/// </summary>
static class DiskErrors
{
    const int NoSpace = 28;
    const int QuotaExceeded = 122;
    const int FileTooLargeError = 27;

    public static void Translate(string path, Action act) =>
        Translate(
            path,
            () =>
            {
                act();
                return true;
            }
        );

    /// <exception cref="IOException">The call failed for any reason.</exception>
    public static T Translate<T>(string path, Func<T> act)
    {
        try
        {
            return act();
        }
        catch (IOException exception) when (IsDiskFull(exception))
        {
            throw DiskFull(path, exception);
        }
        catch (ArgumentOutOfRangeException exception) when (IsFileTooLarge(exception))
        {
            throw FileTooLarge(path, exception);
        }
        catch (UnauthorizedAccessException exception)
        {
            throw new IOException($"No permission for {path}: {exception.Message}", exception);
        }
    }

    /// <summary>Whether the exception is .NET's form of EFBIG. A fault of the caller names another parameter.</summary>
    public static bool IsFileTooLarge(ArgumentOutOfRangeException exception) =>
        !OperatingSystem.IsWindows() && exception.ParamName is "value";

    /// <summary>
    /// Returns the exception for a write beyond <c>ulimit -f</c>, or beyond the file system's largest file.
    /// </summary>
    public static DiskFullException FileTooLarge(string path, Exception exception) =>
        new(
            $"{path} cannot grow further (EFBIG): it has reached ulimit -f, or the largest size that the file "
                + "system allows.",
            exception
        );

    public static bool IsDiskFull(IOException exception) =>
        !OperatingSystem.IsWindows() && exception.HResult is NoSpace or QuotaExceeded or FileTooLargeError;

    public static DiskFullException DiskFull(string path, IOException exception) =>
        new($"No space left on the device, or the quota is used up, for {path}.", exception);
}
