namespace LogHttp.Testing;

/// <summary>A call that hangs, and its later result. The disk's gate guards <see cref="Result"/>.</summary>
sealed class HangingCall(FileSystemCall call)
{
    public FileSystemCall Call => call;

    /// <summary>The fault that strikes the call on its release. Null while it hangs.</summary>
    public Fault? Result { get; set; }

    public ManualResetEventSlim Released { get; } = new();
}
