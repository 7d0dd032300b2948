using Microsoft.Win32.SafeHandles;

namespace LogHttp.Server.Hosting;

/// <summary>
/// Keeps console output away from files that took the numbers of closed standard streams. A process that is started
/// with its standard output closed has no descriptor 1. The next file that it opens gets that number: a pipe of the
/// runtime, or a segment, into which the log would be written.
/// </summary>
internal static class StandardStreams
{
    const int CloseOnExec = 0x80000; // O_CLOEXEC, 02000000 in octal

    // The descriptors are held until the process ends, so that no file of the server gets their numbers.
    static readonly List<SafeFileHandle> Placeholders = [];

    /// <summary>Call before anything is written to the console.</summary>
    public static void Protect()
    {
        if (!OperatingSystem.IsLinux())
            return;
        var (isInputOpen, isOutputOpen, isErrorOpen) = (IsInherited(0), IsInherited(1), IsInherited(2));
        if (isInputOpen && isOutputOpen && isErrorOpen)
            return;
        // The kernel assigns the lowest free number, so opening three files fills the gaps among the first three.
        for (var opened = 0; opened < 3; opened++)
            Placeholders.Add(File.OpenHandle("/dev/null", FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite));
        if (!isOutputOpen)
            Console.SetOut(TextWriter.Null);
        if (!isErrorOpen)
            Console.SetError(TextWriter.Null);
    }

    /// <summary>
    /// Whether a descriptor came from the parent. The runtime opens its own close-on-exec, and a new program inherits
    /// no descriptor with that flag. Without /proc it counts as inherited.
    /// </summary>
    static bool IsInherited(int descriptor)
    {
        const string Name = "flags:";
        try
        {
            var line = File.ReadLines($"/proc/self/fdinfo/{descriptor}")
                .FirstOrDefault(static line => line.StartsWith(Name, StringComparison.Ordinal));
            return line is null || (Convert.ToInt32(line[Name.Length..].Trim(), 8) & CloseOnExec) == 0;
        }
        catch (FileNotFoundException)
        {
            return false;
        }
        catch (Exception exception)
            when (exception is IOException or UnauthorizedAccessException or FormatException or OverflowException)
        {
            return true;
        }
    }
}
