using LogHttp.Storage.Files;

namespace LogHttp.Server.Tests.Threads;

/// <summary>
/// A disk that can hang. Then every call waits until <see cref="Release"/>, except reads of cached bytes. Any thread.
/// </summary>
sealed class HangingFileSystem(IFileSystem fileSystem) : IFileSystem, IDisposable
{
    readonly ManualResetEventSlim _works = new(initialState: true);
    int _waitingCalls;

    /// <summary>The calls that wait now.</summary>
    public int WaitingCalls => Volatile.Read(ref _waitingCalls);

    public void Hang() => _works.Reset();

    public void Release() => _works.Set();

    public void Dispose()
    {
        Release();
        (fileSystem as IDisposable)?.Dispose();
    }

    public IFile Create(string path) => new HangingFile(this, Answer(() => fileSystem.Create(path)));

    public IFile Open(string path) => new HangingFile(this, Answer(() => fileSystem.Open(path)));

    public IReadOnlyList<DirectoryEntry> List(string directory) => Answer(() => fileSystem.List(directory));

    public void CreateDirectory(string path) => Call(() => fileSystem.CreateDirectory(path));

    public void Rename(string sourcePath, string destinationPath) =>
        Call(() => fileSystem.Rename(sourcePath, destinationPath));

    public bool TryLink(string path, string newPath) => Answer(() => fileSystem.TryLink(path, newPath));

    public void DeleteFile(string path) => Call(() => fileSystem.DeleteFile(path));

    public void DeleteDirectory(string path) => Call(() => fileSystem.DeleteDirectory(path));

    public void SyncDirectory(string path) => Call(() => fileSystem.SyncDirectory(path));

    public IVolume VolumeOf(string directory) => Answer(() => fileSystem.VolumeOf(directory));

    public IDisposable Lock(string path) => Answer(() => fileSystem.Lock(path));

    void Call(Action call)
    {
        Wait();
        call();
    }

    T Answer<T>(Func<T> call)
    {
        Wait();
        return call();
    }

    void Wait()
    {
        Interlocked.Increment(ref _waitingCalls);
        _works.Wait();
        Interlocked.Decrement(ref _waitingCalls);
    }

    sealed class HangingFile(HangingFileSystem disk, IFile file) : IFile
    {
        public long LengthBytes
        {
            get
            {
                disk.Wait();
                return file.LengthBytes;
            }
        }

        public FileStream? Stream => file.Stream;

        public IFile Cached => file.Cached;

        public int Read(Span<byte> destination, long position)
        {
            disk.Wait();
            return file.Read(destination, position);
        }

        public void Write(ReadOnlySpan<byte> source, long position)
        {
            disk.Wait();
            file.Write(source, position);
        }

        public void Truncate(long lengthBytes) => disk.Call(() => file.Truncate(lengthBytes));

        public void Sync() => disk.Call(file.Sync);

        public void Dispose() => disk.Call(file.Dispose);
    }
}
