using Microsoft.Win32.SafeHandles;

namespace LogHttp.Storage.Files;

/// <summary>Reads from the page cache alone, as <see cref="PosixCalls.ReadCached"/> does.</summary>
delegate int CachedRead(SafeFileHandle file, Span<byte> destination, long position);

/// <summary>A file of the operating system.</summary>
/// <param name="stream">The open file.</param>
/// <param name="readCached">The system call behind <see cref="Cached"/>, or null for the real one.</param>
sealed class PhysicalFile(FileStream stream, CachedRead? readCached = null) : IFile
{
    readonly CachedRead _readCached = readCached ?? PosixCalls.ReadCached;

    // Kept, because a stream calls lseek(2) each time that it is asked for its handle.
    readonly SafeFileHandle _handle = stream.SafeFileHandle;

    /// <summary>
    /// Opens a file. A missing directory counts as a missing file, as in <see cref="IFileSystem.Open"/>.
    /// </summary>
    /// <exception cref="FileNotFoundException">The mode is Open, and there is no such file.</exception>
    public static PhysicalFile Open(string path, FileStreamOptions options) =>
        DiskErrors.Translate(
            path,
            () =>
            {
                try
                {
                    return new PhysicalFile(new FileStream(path, options));
                }
                catch (DirectoryNotFoundException exception) when (options.Mode == FileMode.Open)
                {
                    throw new FileNotFoundException(exception.Message, path, exception);
                }
            }
        );

    public long LengthBytes => RandomAccess.GetLength(_handle);

    public FileStream Stream => stream;

    public int Read(Span<byte> destination, long position)
    {
        // A signal can cause a short read in the middle of a file. The contract is a full one.
        var total = 0;
        while (total < destination.Length)
        {
            var read = RandomAccess.Read(_handle, destination[total..], position + total);
            if (read == 0)
                break;
            total += read;
        }
        return total;
    }

    public IFile Cached => field ??= new CachedFile(this);

    public void Write(ReadOnlySpan<byte> source, long position)
    {
        try
        {
            // Continues after a short write by itself, and throws when nothing more can be written.
            RandomAccess.Write(_handle, source, position);
        }
        catch (IOException exception) when (DiskErrors.IsDiskFull(exception))
        {
            throw DiskErrors.DiskFull(stream.Name, exception);
        }
        catch (ArgumentOutOfRangeException exception) when (DiskErrors.IsFileTooLarge(exception))
        {
            throw DiskErrors.FileTooLarge(stream.Name, exception);
        }
        catch (UnauthorizedAccessException exception)
        {
            throw new IOException($"No permission to write {stream.Name}: {exception.Message}", exception);
        }
    }

    public void Truncate(long lengthBytes) =>
        DiskErrors.Translate(stream.Name, () => RandomAccess.SetLength(_handle, lengthBytes));

    public void Sync() => PosixCalls.SyncData(_handle, stream.Name);

    public void Dispose() => stream.Dispose();

    /// <summary>The same file, for reads from the page cache alone.</summary>
    sealed class CachedFile(PhysicalFile file) : IFile
    {
        const string ReadOnlyMessage = "This view of the file is for reads only.";

        // Kept for each file, because one file system may support such reads and another not.
        volatile bool _isNotSupported;

        public long LengthBytes => file.LengthBytes;

        public FileStream Stream => file.Stream;

        public IFile Cached => this;

        public int Read(Span<byte> destination, long position)
        {
            if (_isNotSupported)
                return file.Read(destination, position);
            var total = 0;
            while (total < destination.Length)
            {
                var read = file._readCached(file._handle, destination[total..], position + total);
                if (read > 0)
                {
                    total += read;
                    continue;
                }
                // Linux 5.9 and 5.10 return 0 also for bytes that are not cached.
                if (read == 0 && position + total >= LengthBytes)
                    break;
                if (PosixCalls.IsNotSupported(-read))
                {
                    _isNotSupported = true;
                    return file.Read(destination, position);
                }
                // Not cached, or an error (EIO). The read that may wait reports errors.
                throw new WouldWaitException();
            }
            return total;
        }

        public void Write(ReadOnlySpan<byte> source, long position) => throw new NotSupportedException(ReadOnlyMessage);

        public void Truncate(long lengthBytes) => throw new NotSupportedException(ReadOnlyMessage);

        public void Sync() => throw new NotSupportedException(ReadOnlyMessage);

        // The owner disposes of the file itself.
        public void Dispose() { }
    }
}
