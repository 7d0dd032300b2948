using System.Numerics;
using LogHttp.Storage.Files;

namespace LogHttp.Storage.Layout;

/// <summary>
/// A file of no use but for the room it takes: given up when the disk is full and a trim must still be able to note the
/// log's new start, and made again when there is room. It grows with what that may take. Any thread.
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
    bool _isMissed;

    /// <summary>Takes over the file that an earlier process left, for a start that finds the disk full.</summary>
    public void Find()
    {
        lock (_gate)
            _sizeBytes = environment
                .FileSystem.List(directory)
                .FirstOrDefault(static entry => entry.Name == Name)
                .LengthBytes;
    }

    /// <summary>
    /// Asks for room for a checkpoint of a size, besides what else a trim takes; false where that was asked for before.
    /// </summary>
    public bool Need(long checkpointBytes)
    {
        // Twice as much as before, or more: one that grows by and by is not written by and by.
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
    /// Makes the file where it is not there, and as large as it should be; without room, or with a failing disk, it
    /// stays as it is until the next time.
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
                _isMissed = false;
            }
            catch (IOException exception)
            {
                // Said once, not each time that it is tried.
                if (!_isMissed)
                    StorageLog.NoReserve(environment.Logger, exception, _path);
                _isMissed = true;
            }
        }
    }

    /// <summary>Does what takes little room, and on a full disk takes the reserve for it.</summary>
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
    /// Does with the room that the reserve takes what a full disk had no room for; false where there is none. One at a
    /// time: what a trim leaves of the room is there for the next.
    /// </summary>
    /// <exception cref="DiskFullException">It was not enough.</exception>
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
            // No hole, and nothing that compresses to one.
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
            // What there was not enough of is for others.
            file.Truncate(_sizeBytes);
            throw;
        }
    }
}
