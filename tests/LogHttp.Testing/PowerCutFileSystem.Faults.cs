using LogHttp.Storage.Files;

namespace LogHttp.Testing;

/// <content>The beginning and end of every call: it is announced, may be struck, and may be the last of its
/// boot.</content>
public sealed partial class PowerCutFileSystem
{
    /// <summary>The reason why this boot is over, or null.</summary>
    string? _end;

    /// <summary>The power is cut at the end of the call, or before the next one if this call fails by itself.</summary>
    bool _isPowerGoing;

    static bool IsError(Fault fault) => fault is Fault.InputOutputError or Fault.DiskFull;

    static IOException Error(Fault fault, FileSystemCall call) =>
        fault is Fault.DiskFull
            ? new DiskFullException(
                $"Injected: no space left on the device ({call.Kind} '{call.Path}', call {call.Number})."
            )
            : new IOException($"Injected: input/output error ({call.Kind} '{call.Path}', call {call.Number}).");

    /// <summary>Begins a call on which an error has no effect.</summary>
    Fault Begin(FileSystemCallKind kind, string path, long sizeBytes = 0)
    {
        var fault = Announce(kind, path, sizeBytes, out var call);
        return IsError(fault) ? throw Error(fault, call) : fault;
    }

    /// <summary>Begins a call that fails in its own way.</summary>
    Fault Announce(FileSystemCallKind kind, string path, long sizeBytes, out FileSystemCall call)
    {
        ThrowIfOver();
        if (_isPowerGoing)
            throw EndBoot();
        call = new FileSystemCall(++_disk.CallCount, kind, path, sizeBytes);
        var fault = Faults?.Invoke(call) ?? Fault.None;
        if (fault is Fault.None)
            fault = FaultOfVolume(call);
        if (fault is Fault.Hang)
            fault = Hang(call);
        if (!call.Admits(fault))
            throw new InvalidOperationException($"{fault} cannot strike {kind}.");
        // Only two calls have a middle of their own. After a cut the outcome of a sync is drawn with that of all other
        // unsynced data.
        if (
            fault is Fault.PowerCutDuring
            && kind is not (FileSystemCallKind.Write or FileSystemCallKind.DeleteDirectory)
        )
            fault = _disk.Random.Next(2) == 0 ? Fault.PowerCutBefore : Fault.PowerCutAfter;
        if (fault is Fault.PowerCutBefore)
            throw EndBoot();
        _isPowerGoing = fault is Fault.PowerCutDuring or Fault.PowerCutAfter;
        return fault;
    }

    Fault FaultOfVolume(FileSystemCall call)
    {
        foreach (var volume in _disk.Volumes)
            if (volume is { Faults: { } faults, MountPoint: { } mountPoint } && IsBelow(call.Path, mountPoint))
                return faults(call);
        return Fault.None;
    }

    static bool IsBelow(ReadOnlySpan<char> path, ReadOnlySpan<char> directory)
    {
        path = path.Trim('/');
        directory = directory.Trim('/');
        return path.StartsWith(directory) && (path.Length == directory.Length || path[directory.Length] == '/');
    }

    void End(Fault fault)
    {
        if (fault is Fault.PowerCutDuring or Fault.PowerCutAfter)
            throw EndBoot();
    }

    void ThrowIfOver()
    {
        if (_end is not null)
            throw new PowerCutException(_end);
    }

    PowerCutException EndBoot()
    {
        _end = $"The power was cut at call {_disk.CallCount}.";
        return new PowerCutException(_end);
    }
}
