namespace LogHttp.Testing;

/// <content>The end of one boot and the start of the next.</content>
public sealed partial class PowerCutFileSystem
{
    readonly HashSet<FileNode> _locked = [];
    bool _isSucceeded;

    /// <summary>
    /// Whether this boot is over: a fault cut the power, or <see cref="PowerCut"/> or <see cref="Kill"/> was called.
    /// </summary>
    public bool IsOver => _end is not null;

    /// <summary>How many file handles of this boot are open.</summary>
    public int OpenHandleCount => _openFiles.Count;

    /// <summary>The paths that the open handles were opened by.</summary>
    public IEnumerable<string> OpenPaths => _openFiles.Select(static file => file.Path).Order(StringComparer.Ordinal);

    readonly HashSet<PowerCutFile> _openFiles = [];

    /// <summary>
    /// Cuts the power, unless a fault already did, and returns the next boot. It finds only the data that survived, all
    /// of it durable. It takes over the fault hook.
    /// </summary>
    public PowerCutFileSystem PowerCut()
    {
        lock (_disk.Gate)
        {
            if (!IsOver)
                EndBoot();
            BeSucceeded();
            _disk.PowerCut();
            return new PowerCutFileSystem(_disk, Faults);
        }
    }

    /// <summary>
    /// Kills the process and returns the next one. It finds all files unchanged, with unsynced data still unsynced, and
    /// no handle or lock left. It takes over the fault hook.
    /// </summary>
    public PowerCutFileSystem Kill()
    {
        lock (_disk.Gate)
        {
            if (IsOver)
                throw new InvalidOperationException($"{_end} Nothing is left to kill.");
            _end = $"The process was killed after call {_disk.CallCount}.";
            BeSucceeded();
            _disk.Kill();
            return new PowerCutFileSystem(_disk, Faults);
        }
    }

    void BeSucceeded()
    {
        if (_isSucceeded)
            throw new InvalidOperationException("The next boot has begun already.");
        _isSucceeded = true;
        EndHangs(Fault.None);
    }

    sealed class HeldLock(PowerCutFileSystem fileSystem, FileNode node) : IDisposable
    {
        bool _isDisposed;

        public void Dispose()
        {
            lock (fileSystem._disk.Gate)
            {
                if (!_isDisposed)
                    fileSystem._locked.Remove(node);
                _isDisposed = true;
            }
        }
    }
}
