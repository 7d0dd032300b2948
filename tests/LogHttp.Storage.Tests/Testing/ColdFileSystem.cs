using System.Collections.Concurrent;
using LogHttp.Storage.Files;

namespace LogHttp.Storage.Tests.Testing;

/// <summary>
/// Files that are not in the page cache. A read that must not wait for the disk gets nothing from them.
/// </summary>
sealed class ColdFileSystem(IFileSystem fileSystem) : IFileSystem
{
    int _openFiles;

    /// <summary>For each read so far, whether it was on a thread of the pool.</summary>
    public ConcurrentQueue<bool> ReadsOnPool { get; } = [];

    /// <summary>Runs before each read.</summary>
    public Action BeforeRead { get; set; } = static () => { };

    public int OpenFiles => _openFiles;

    public IFile Create(string path) => new ColdFile(this, fileSystem.Create(path));

    public IFile Open(string path) => new ColdFile(this, fileSystem.Open(path));

    public IReadOnlyList<DirectoryEntry> List(string directory) => fileSystem.List(directory);

    public void CreateDirectory(string path) => fileSystem.CreateDirectory(path);

    public void Rename(string sourcePath, string destinationPath) => fileSystem.Rename(sourcePath, destinationPath);

    public bool TryLink(string path, string newPath) => fileSystem.TryLink(path, newPath);

    public void DeleteFile(string path) => fileSystem.DeleteFile(path);

    public void DeleteDirectory(string path) => fileSystem.DeleteDirectory(path);

    public void SyncDirectory(string path) => fileSystem.SyncDirectory(path);

    public IVolume VolumeOf(string directory) => fileSystem.VolumeOf(directory);

    public IDisposable Lock(string path) => fileSystem.Lock(path);

    sealed class ColdFile : IFile
    {
        readonly ColdFileSystem _fileSystem;
        readonly IFile _file;

        public ColdFile(ColdFileSystem fileSystem, IFile file)
        {
            (_fileSystem, _file) = (fileSystem, file);
            Interlocked.Increment(ref fileSystem._openFiles);
        }

        public long LengthBytes => _file.LengthBytes;

        public FileStream? Stream => _file.Stream;

        public IFile Cached => new Nothing(_file);

        public int Read(Span<byte> destination, long position)
        {
            _fileSystem.ReadsOnPool.Enqueue(Thread.CurrentThread.IsThreadPoolThread);
            _fileSystem.BeforeRead();
            return _file.Read(destination, position);
        }

        public void Write(ReadOnlySpan<byte> source, long position) => _file.Write(source, position);

        public void Truncate(long lengthBytes) => _file.Truncate(lengthBytes);

        public void Sync() => _file.Sync();

        public void Dispose()
        {
            Interlocked.Decrement(ref _fileSystem._openFiles);
            _file.Dispose();
        }
    }

    sealed class Nothing(IFile file) : IFile
    {
        public long LengthBytes => file.LengthBytes;

        public FileStream? Stream => file.Stream;

        public IFile Cached => this;

        public int Read(Span<byte> destination, long position) => throw new WouldWaitException();

        public void Write(ReadOnlySpan<byte> source, long position) => throw new NotSupportedException();

        public void Truncate(long lengthBytes) => throw new NotSupportedException();

        public void Sync() => throw new NotSupportedException();

        public void Dispose() { }
    }
}
