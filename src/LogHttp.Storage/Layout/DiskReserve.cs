using System.Numerics;
using LogHttp.Storage.Files;

namespace LogHttp.Storage.Layout;

/// <summary>
/// A file that only reserves room. On a full disk it is deleted, so that a trim can still write the log's new start. It
/// is created again once there is room. It grows with the size of a trim's files. Any thread.
/// </summary>
internal sealed class DiskReserve(StorageEnvironment environment, string directory, long baseBytes)
{
    public const string Name = "reserve";

    const int ChunkBytes = 64 << 10;

    readonly Lock _gate = new();
    readonly string _path = Path.Combine(directory, Name);

    long _checkpointBytes;

    // Guarded by _gate.
    long _sizeBytes;
    bool _isShortageLogged;

    /// <summary>Takes over the file of an earlier process, for a start that finds the disk full.</summary>
    public void Find()
    {
        lock (_gate)
            _sizeBytes = environment
                .FileSystem.List(directory)
                .FirstOrDefault(static entry => entry.Name == Name)
                .LengthBytes;
    }

    /// <summary>
    /// Asks for room for a checkpoint of this size, besides the other files of a trim. Returns false if it was asked
    /// for before.
    /// </summary>
    public bool Request(long checkpointBytes)
    {
        // At least doubles, so that a checkpoint that grows slowly does not rewrite the file each time.
        var bytes = (long)BitOperations.RoundUpToPowerOf2((ulong)checkpointBytes);
        for (
            var asked = Volatile.Read(ref _checkpointBytes);
            bytes > asked;
            asked = Volatile.Read(ref _checkpointBytes)
        )
        {
            if (Interlocked.CompareExchange(ref _checkpointBytes, bytes, asked) == asked)
                return true;
        }
        return false;
    }

    /// <summary>
    /// Creates the file if it is missing, and grows it to its size. Without room, or on a failing disk, the file stays
    /// as it is until the next call.
    /// </summary>
    public void Keep()
    {
        lock (_gate)
        {
            var neededBytes = baseBytes + Volatile.Read(ref _checkpointBytes);
            if (_sizeBytes >= neededBytes)
                return;
            try
            {
                Grow(neededBytes);
                _isShortageLogged = false;
            }
            catch (IOException exception)
            {
                // Logs the failure once, not at each attempt.
                if (!_isShortageLogged)
                    StorageLog.NoReserve(environment.Logger, exception, _path);
                _isShortageLogged = true;
            }
        }
    }

    /// <summary>Runs an action that needs little room, and on a full disk gives it the reserve's room.</summary>
    /// <exception cref="DiskFullException">The reserve was not enough, or is gone.</exception>
    public void Run(Action act)
    {
        try
        {
            act();
        }
        catch (DiskFullException)
        {
            if (!TryUse(act))
                throw;
        }
    }

    /// <summary>
    /// Runs an action in the reserve's room after a full disk refused it. Returns false without a reserve. One action
    /// at a time: the room that one leaves is there for the next.
    /// </summary>
    /// <exception cref="DiskFullException">The reserve was not enough.</exception>
    public bool TryUse(Action act)
    {
        lock (_gate)
        {
            if (_sizeBytes == 0)
                return false;
            environment.FileSystem.DeleteFile(_path);
            _sizeBytes = 0;
            try
            {
                act();
            }
            catch (IOException)
            {
                Keep();
                throw;
            }
            Keep();
            return true;
        }
    }

    void Grow(long neededBytes)
    {
        if (_sizeBytes == 0)
            environment.FileSystem.DeleteFile(_path);
        using var file = _sizeBytes == 0 ? environment.FileSystem.Create(_path) : environment.FileSystem.Open(_path);
        try
        {
            // Random bytes: they leave no hole, and do not compress to one.
            var random = new Random(1);
            var chunk = new byte[ChunkBytes];
            for (var position = _sizeBytes; position < neededBytes; position += ChunkBytes)
            {
                random.NextBytes(chunk);
                file.Write(chunk.AsSpan(0, (int)Math.Min(ChunkBytes, neededBytes - position)), position);
            }
            file.Sync();
            _sizeBytes = neededBytes;
        }
        catch (IOException)
        {
            // Leaves the room to other files, as it was not enough for this one.
            file.Truncate(_sizeBytes);
            throw;
        }
    }
}
