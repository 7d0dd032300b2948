namespace LogHttp.Storage.Files;

/// <summary>
/// An open file. Positions and lengths are bytes. Reads may run on any thread beside one writer. The caller orders the
/// writer's calls (<see cref="Write"/>, <see cref="Truncate"/>). <see cref="Sync"/> may run beside them.
/// </summary>
public interface IFile : IDisposable
{
    /// <summary>The file's present length.</summary>
    long LengthBytes { get; }

    /// <summary>The stream whose handle sendfile(2) reads from, or null for a file in memory.</summary>
    FileStream? Stream { get; }

    /// <summary>
    /// Reads at most <paramref name="destination"/>.Length bytes. Reads fewer only at the end of the file, and 0 beyond
    /// it.
    /// </summary>
    int Read(Span<byte> destination, long position);

    /// <summary>This file for a thread that must not wait for the disk. Its reads throw instead of waiting.</summary>
    /// <exception cref="WouldWaitException">
    /// Thrown by its <see cref="Read"/> if a byte is not in the page cache.
    /// </exception>
    IFile Cached { get; }

    /// <summary>
    /// Writes all of <paramref name="source"/>. When it throws, any prefix of it may have been written.
    /// </summary>
    /// <exception cref="DiskFullException">The disk has no room.</exception>
    void Write(ReadOnlySpan<byte> source, long position);

    /// <summary>Cuts the file to a length that is not beyond its end.</summary>
    void Truncate(long lengthBytes);

    /// <summary>
    /// Makes content and length durable (fdatasync). After a failure the kernel may have dropped the bytes that it
    /// could not write, and forgotten the error. A second call that succeeds proves nothing about those bytes.
    /// </summary>
    void Sync();
}
