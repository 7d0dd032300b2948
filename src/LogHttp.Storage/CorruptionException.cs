namespace LogHttp.Storage;

/// <summary>Bytes on the disk are not what was written.</summary>
public sealed class CorruptionException : IOException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="path">The file.</param>
    /// <param name="position">Where in the file, in bytes.</param>
    /// <param name="reason">What was expected and found.</param>
    public CorruptionException(string path, long position, string reason)
        : base($"{path}, position {position}: {reason}")
    {
        Path = path;
        Position = position;
        Reason = reason;
    }

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>Where in the file, in bytes.</summary>
    public long Position { get; }

    /// <summary>What was expected and found.</summary>
    public string Reason { get; }

    /// <summary>The offset after what is damaged, where that is known: readers can go on there.</summary>
    public long? NextOffset { get; init; }
}
