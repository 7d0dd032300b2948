using Microsoft.Win32.SafeHandles;

namespace LogHttp.Kestrel;

/// <summary>
/// A range of bytes of an open file. It carries the handle, because asking a stream for its handle costs an lseek(2).
/// </summary>
internal readonly record struct FileRegion(FileStream File, SafeFileHandle Handle, long Position, int LengthBytes);

/// <summary>How the sending of a region ended.</summary>
internal enum RegionOutcome
{
    /// <summary>The kernel has every byte.</summary>
    Sent,

    /// <summary>The connection ended before or during the region.</summary>
    ConnectionGone,

    /// <summary>The server counted no bytes for the region: the response has no body, or is being torn down.</summary>
    Discarded,

    /// <summary>The file ended before the region did.</summary>
    CutShort,

    /// <summary>The file could not be sent. See <see cref="SocketPipeWriter.RegionError"/>.</summary>
    Failed,
}
