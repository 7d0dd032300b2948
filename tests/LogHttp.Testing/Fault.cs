namespace LogHttp.Testing;

/// <summary>What strikes one call of a <see cref="PowerCutFileSystem"/>.</summary>
public enum Fault
{
    /// <summary>The call goes on as it should.</summary>
    None,

    /// <summary>
    /// EIO. A sync loses some of what it should have written, a recursive deletion stops half-way; any other call
    /// has no effect.
    /// </summary>
    InputOutputError,

    /// <summary>
    /// ENOSPC, for calls that can allocate. A sync loses data as with EIO; any other call has no effect.
    /// </summary>
    DiskFull,

    /// <summary>
    /// A prefix of a write arrives, not all of it and perhaps nothing; then it fails for want of room or with EIO.
    /// </summary>
    ShortWrite,

    /// <summary>
    /// The call does nothing until the test releases it, and holds its thread. Other calls go on. For real threads
    /// only.
    /// </summary>
    Hang,

    /// <summary>The power goes before the call did anything.</summary>
    PowerCutBefore,

    /// <summary>The power goes in the middle: any part of the call may have happened.</summary>
    PowerCutDuring,

    /// <summary>The call did all it should; the power goes before its caller learns of it.</summary>
    PowerCutAfter,
}
