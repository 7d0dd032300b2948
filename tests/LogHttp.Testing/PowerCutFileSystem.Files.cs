using LogHttp.Storage.Files;

namespace LogHttp.Testing;

/// <content>The calls on open files.</content>
public sealed partial class PowerCutFileSystem
{
    sealed class PowerCutFile : IFile
    {
        readonly PowerCutFileSystem _fileSystem;
        readonly FileNode _node;
        readonly string _path;

        public string Path => _path;
        long _reportedErrorCount;
        bool _isDisposed;

        public PowerCutFile(PowerCutFileSystem fileSystem, FileNode node, string path)
        {
            (_fileSystem, _node, _path) = (fileSystem, node, path);
            _reportedErrorCount = node.ErrorCount;
            node.OpenHandleCount++;
            node.Volume.OpenHandleCount++;
            fileSystem._openFiles.Add(this);
        }

        public FileStream? Stream => null;

        // No call here waits for a disk.
        public IFile Cached => this;

        public long LengthBytes
        {
            get
            {
                lock (Disk.Gate)
                {
                    _fileSystem.ThrowIfOver();
                    ObjectDisposedException.ThrowIf(_isDisposed, this);
                    return _node.LengthBytes;
                }
            }
        }

        SimulatedDisk Disk => _fileSystem._disk;

        SimulatedVolume Volume => _node.Volume;

        public int Read(Span<byte> destination, long position)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(position);
            lock (Disk.Gate)
            {
                var fault = Announce(FileSystemCallKind.Read, destination.Length, out var call);
                if (IsError(fault))
                    throw Error(fault, call);
                var count = _node.Read(destination, position);
                _fileSystem.End(fault);
                return count;
            }
        }

        public void Write(ReadOnlySpan<byte> source, long position)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(position);
            lock (Disk.Gate)
            {
                var fault = Announce(FileSystemCallKind.Write, source.Length, out var call);
                if (IsError(fault))
                    throw Error(fault, call);
                var roomBytes = Volume.WritableBytes(_node, position, source.Length);
                var isShortOfRoom = roomBytes < source.Length;
                if (isShortOfRoom)
                    source = source[..(int)roomBytes];
                if (fault is Fault.ShortWrite or Fault.PowerCutDuring && !source.IsEmpty)
                    source = source[..Disk.Random.Next(source.Length)];
                Volume.Write(_node, source, position);
                if (fault is Fault.ShortWrite)
                    throw Error(Disk.Random.Next(2) == 0 ? Fault.DiskFull : Fault.InputOutputError, call);
                _fileSystem.End(fault);
                if (isShortOfRoom)
                    throw new DiskFullException(
                        $"No space left on the device: '{_path}' has room for {roomBytes} more bytes at position "
                            + $"{position}."
                    );
            }
        }

        public void Truncate(long lengthBytes)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(lengthBytes);
            lock (Disk.Gate)
            {
                var fault = Announce(FileSystemCallKind.Truncate, lengthBytes, out var call);
                ArgumentOutOfRangeException.ThrowIfGreaterThan(lengthBytes, _node.LengthBytes);
                if (IsError(fault))
                    throw Error(fault, call);
                Volume.Truncate(_node, lengthBytes);
                _fileSystem.End(fault);
            }
        }

        public void Sync()
        {
            lock (Disk.Gate)
            {
                var fault = Announce(FileSystemCallKind.Sync, 0, out var call);
                if (IsError(fault))
                    Volume.FailSync(_node, fault);
                else
                    Volume.Sync(_node);
                // A failure of another handle's sync, or of a sync of the whole volume, is reported here too, once.
                if (_reportedErrorCount != _node.ErrorCount)
                {
                    _reportedErrorCount = _node.ErrorCount;
                    throw Error(_node.LastError, call);
                }
                _fileSystem.End(fault);
            }
        }

        public void Dispose()
        {
            lock (Disk.Gate)
            {
                // The handles of an ended boot no longer count.
                if (_isDisposed || _fileSystem.IsOver)
                    return;
                _isDisposed = true;
                _node.OpenHandleCount--;
                Volume.OpenHandleCount--;
                _fileSystem._openFiles.Remove(this);
                Volume.ReleaseIfUnused(_node);
            }
        }

        Fault Announce(FileSystemCallKind kind, long sizeBytes, out FileSystemCall call)
        {
            _fileSystem.ThrowIfOver();
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            return _fileSystem.Announce(kind, _path, sizeBytes, out call);
        }
    }
}
