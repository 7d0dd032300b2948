namespace LogHttp.Storage.Files;

/// <summary>What is said with the seam's own calls.</summary>
public static class FileExtensions
{
    /// <summary>Fills <paramref name="destination"/> whole.</summary>
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
