namespace LogHttp.Storage.Files;

/// <summary>Operations on a file that need no system call of their own.</summary>
public static class FileExtensions
{
    /// <summary>Fills <paramref name="destination"/> completely.</summary>
    /// <exception cref="EndOfStreamException">The file ends before that.</exception>
    public static void ReadExactly(this IFile file, Span<byte> destination, long position)
    {
        ArgumentNullException.ThrowIfNull(file);
        var read = file.Read(destination, position);
        if (read < destination.Length)
            throw new EndOfStreamException(
                $"The file ends {destination.Length - read} bytes early: wanted {destination.Length} at position "
                    + $"{position}."
            );
    }
}
