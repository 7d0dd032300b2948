using Microsoft.Win32.SafeHandles;

namespace LogHttp.Kestrel;

/// <summary>
/// A run of bytes of an open file. The handle is carried along because asking a stream for its handle costs an lseek(2)
/// each time.
/// </summary>
internal readonly record struct FileRegion(FileStream File, SafeFileHandle Handle, long Position, int LengthBytes);

/// <summary>How the sending of a region ended.</summary>
internal enum RegionOutcome
{
    /// <summary>The kernel has every byte.</summary>
    Sent,

    /// <summary>The connection ended first, or had ended before.</summary>
    ConnectionGone,

    /// <summary>The server took no bytes for it: the response has no body, or is being torn down.</summary>
    NotTaken,

    /// <summary>The file ended before the region.</summary>
    CutShort,

    /// <summary>The file could not be sent; see <see cref="SocketPipeWriter.RegionError"/>.</summary>
    Failed,
}
