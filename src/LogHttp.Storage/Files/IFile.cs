namespace LogHttp.Storage.Files;

/// <summary>
/// An open file. Positions and lengths are bytes. Reads may run on any thread beside one writer; the writer's calls
/// (<see cref="Write"/>, <see cref="Truncate"/>) are ordered by the caller, <see cref="Sync"/> may run beside them.
/// </summary>
public interface IFile : IDisposable
{
    /// <summary>The file's length now.</summary>
    long LengthBytes { get; }

    /// <summary>
    /// The stream whose handle sendfile(2) takes its bytes from; null where there is no such thing (in memory).
    /// </summary>
    FileStream? Stream { get; }

    /// <summary>
    /// Reads at most <paramref name="destination"/>.Length bytes; fewer only at the end of the file, 0 beyond it.
    /// </summary>
    int Read(Span<byte> destination, long position);

    /// <summary>
    /// This file, for a thread that must not wait for the disk: its reads throw where they would have to.
    /// </summary>
    /// <exception cref="WouldWaitException">By its <see cref="Read"/>: not all of it is in the page cache.</exception>
    IFile Cached { get; }

    /// <summary>
    /// Writes all of <paramref name="source"/>. When it throws, any prefix of it may have been written.
    /// </summary>
    /// <exception cref="DiskFullException">No room.</exception>
    void Write(ReadOnlySpan<byte> source, long position);

    /// <summary>Cuts the file to a length that is not beyond its end.</summary>
    void Truncate(long lengthBytes);

    /// <summary>
    /// Makes content and length durable (fdatasync). After a failure the kernel may have dropped what it could not
    /// write and forgotten about it: a second call that succeeds proves nothing about those bytes.
    /// </summary>
    void Sync();
}
