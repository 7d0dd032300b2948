namespace LogHttp.Testing;

/// <summary>A call that hangs, and the end of it. The disk's gate guards <see cref="Result"/>.</summary>
sealed class HangingCall(FileSystemCall call)
{
    public FileSystemCall Call => call;

    /// <summary>What strikes the call once it goes on; null while it hangs.</summary>
    public Fault? Result { get; set; }

    public ManualResetEventSlim Released { get; } = new();
}
