namespace LogHttp.Testing;

/// <content>Calls that hang.</content>
public sealed partial class PowerCutFileSystem
{
    /// <summary>The calls that hang now, in the order in which they began.</summary>
    public IReadOnlyList<FileSystemCall> HangingCalls
    {
        get
        {
            lock (_disk.Gate)
                return [.. _disk.HangingCalls.Select(static hanging => hanging.Call)];
        }
    }

    /// <summary>Waits until one more call hangs. Each call that hangs ends one wait. False after the timeout.</summary>
    public bool WaitForHang(TimeSpan timeout) => _disk.HangsBegun.Wait(timeout);

    /// <summary>Releases the calls that hang now, and sets the fault that strikes each of them.</summary>
    public void ReleaseHangs(Fault result = Fault.None)
    {
        if (result is Fault.Hang)
            throw new ArgumentException("A call that is released does not hang again.", nameof(result));
        lock (_disk.Gate)
            EndHangs(result);
    }

    void EndHangs(Fault result)
    {
        foreach (var hanging in _disk.HangingCalls)
        {
            hanging.Result = result;
            hanging.Released.Set();
        }
        _disk.HangingCalls.Clear();
    }

    /// <summary>Waits without the gate, which the call's thread has entered once.</summary>
    Fault Hang(FileSystemCall call)
    {
        var hanging = new HangingCall(call);
        _disk.HangingCalls.Add(hanging);
        _disk.HangsBegun.Release();
        _disk.Gate.Exit();
        try
        {
            hanging.Released.Wait();
        }
        finally
        {
            _disk.Gate.Enter();
        }
        hanging.Released.Dispose();
        ThrowIfOver();
        return hanging.Result!.Value;
    }
}
