namespace LogHttp.Storage.Files;

/// <summary>
/// A file of no use but for the room it takes: given up when the disk is full and a trim must still be able to note the
/// log's new start, and made again when there is room. Any thread.
/// </summary>
internal sealed class DiskReserve(StorageEnvironment environment, string directory)
{
    public const string Name = "reserve";
    const int SizeBytes = 64 << 10;

    readonly Lock _gate = new();
    readonly string _path = Path.Combine(directory, Name);

    // Guarded by _gate.
    bool _isThere;

    /// <summary>Makes the file where it is not there; without room, or with a failing disk, there is none until the next time.</summary>
    public void Keep()
    {
        lock (_gate)
        {
            if (_isThere)
                return;
            try
            {
                environment.FileSystem.DeleteFile(_path);
                using var file = environment.FileSystem.Create(_path);
                // No hole, and nothing that compresses to one.
                var content = new byte[SizeBytes];
                new Random(1).NextBytes(content);
                file.Write(content, 0);
                file.Sync();
                _isThere = true;
            }
            catch (IOException exception)
            {
                StorageLog.NoReserve(environment.Logger, exception, _path);
                TryRelease();
            }
        }
    }

    /// <summary>Gives the room up; false where there was none to give.</summary>
    public bool TryRelease()
    {
        lock (_gate)
        {
            var wasThere = _isThere;
            _isThere = false;
            try
            {
                environment.FileSystem.DeleteFile(_path);
            }
            catch (IOException)
            {
                // The next Keep removes it.
                return false;
            }
            return wasThere;
        }
    }
}
