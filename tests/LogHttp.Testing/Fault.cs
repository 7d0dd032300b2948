namespace LogHttp.Testing;

/// <summary>A fault that strikes one call of a <see cref="PowerCutFileSystem"/>.</summary>
public enum Fault
{
    /// <summary>The call succeeds.</summary>
    None,

    /// <summary>
    /// EIO. A sync loses some of the data that it should write. A recursive deletion stops half-way. Any other call has
    /// no effect.
    /// </summary>
    InputOutputError,

    /// <summary>
    /// ENOSPC, for calls that can allocate. A sync loses data as with EIO. Any other call has no effect.
    /// </summary>
    DiskFull,

    /// <summary>
    /// A write stores a prefix, which is never the whole and may be empty. Then it fails with ENOSPC or EIO.
    /// </summary>
    ShortWrite,

    /// <summary>
    /// The call blocks its thread until the test releases it. Other calls proceed. For real threads only.
    /// </summary>
    Hang,

    /// <summary>The power is cut before the call has any effect.</summary>
    PowerCutBefore,

    /// <summary>The power is cut in the middle: any part of the call may have happened.</summary>
    PowerCutDuring,

    /// <summary>The call has its full effect. The power is cut before its caller learns of it.</summary>
    PowerCutAfter,
}
