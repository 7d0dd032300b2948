namespace LogHttp.Storage;

/// <summary>Thrown when bytes on the disk differ from the bytes that were written.</summary>
public sealed class CorruptionException : IOException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="path">The file.</param>
    /// <param name="position">The position in the file, in bytes.</param>
    /// <param name="reason">The content that was expected, and the content that was found.</param>
    public CorruptionException(string path, long position, string reason)
        : base($"{path}, position {position}: {reason}")
    {
        Path = path;
        Position = position;
        Reason = reason;
    }

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>The position in the file, in bytes.</summary>
    public long Position { get; }

    /// <summary>The content that was expected, and the content that was found.</summary>
    public string Reason { get; }

    /// <summary>The offset after the damage, or null if it is unknown. Readers can resume there.</summary>
    public long? NextOffset { get; init; }
}
