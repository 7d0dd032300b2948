using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace LogHttp.Storage.Files;

/// <summary>The system calls that .NET does not offer.</summary>
static partial class PosixCalls
{
    const int ReadOnly = 0;
    const int CloseOnExec = 0x80000;
    const int InvalidArgument = 22;
    const int NoSuchCall = 38;
    const int NotSupported = 95;

    static volatile bool IsReadCachedMissing = !OperatingSystem.IsLinux() || !Environment.Is64BitProcess;

    /// <summary>Opens a directory, which FileStream refuses.</summary>
    public static SafeFileHandle OpenDirectory(string path)
    {
        var handle = Open(path, OperatingSystem.IsLinux() ? ReadOnly | CloseOnExec : ReadOnly);
        if (handle.IsInvalid)
            throw LastError("open", path);
        return handle;
    }

    public static void SyncDirectory(SafeFileHandle directory, string path)
    {
        if (Sync(directory) != 0)
            throw LastError("fsync", path);
    }

    /// <summary>
    /// fdatasync: syncs content and length, without the times. Systems other than Linux use the framework's full sync.
    /// </summary>
    public static void SyncData(SafeFileHandle file, string path)
    {
        if (!OperatingSystem.IsLinux())
            RandomAccess.FlushToDisk(file);
        else if (DataSync(file) != 0)
            throw LastError("fdatasync", path);
    }

    /// <summary>syncfs(2): syncs the file system of a handle.</summary>
    public static void SyncFileSystem(SafeFileHandle anyFile, string name)
    {
        if (FileSystemSync(anyFile) != 0)
            throw LastError("syncfs", name);
    }

    /// <summary>
    /// statx(2): returns the device number of a handle's file system, or null if libc or the kernel lack the call.
    /// </summary>
    public static unsafe DeviceNumber? DeviceOf(SafeFileHandle file, string path)
    {
        const int EmptyPath = 0x1000;
        const int DeviceMajorPosition = 0x88;
        const int DeviceMinorPosition = 0x8C;
        // struct statx is the same on every architecture, unlike struct stat.
        Span<byte> status = stackalloc byte[256];
        try
        {
            fixed (byte* start = status)
            {
                if (ExtendedStatus(file, "", EmptyPath, 0, start) != 0)
                    return Marshal.GetLastPInvokeError() == NoSuchCall ? null : throw LastError("statx", path);
            }
        }
        catch (EntryPointNotFoundException)
        {
            return null;
        }
        return new DeviceNumber(
            MemoryMarshal.Read<uint>(status[DeviceMajorPosition..]),
            MemoryMarshal.Read<uint>(status[DeviceMinorPosition..])
        );
    }

    /// <summary>Gives a file a second name. Returns false if the file system or the file's owner forbids it.</summary>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    public static bool TryLink(string path, string newPath)
    {
        const int NoSuchFile = 2;
        if (OperatingSystem.IsWindows())
            return false;
        if (Link(path, newPath) == 0)
            return true;
        return Marshal.GetLastPInvokeError() == NoSuchFile
            ? throw new FileNotFoundException($"There is no file {path}.", path)
            : false;
    }

    /// <summary>Reads from the page cache alone: preadv2(2) with RWF_NOWAIT.</summary>
    /// <returns>
    /// The bytes read, or a negative errno. Linux 5.9 and 5.10 return 0 or a short count also before the end of the
    /// file, for bytes that are not cached.
    /// </returns>
    public static unsafe int ReadCached(SafeFileHandle file, Span<byte> destination, long position)
    {
        const int NoWait = 8;
        if (IsReadCachedMissing)
            return -NoSuchCall;
        fixed (byte* start = destination)
        {
            var vector = new IoVector { Base = start, Length = destination.Length };
            try
            {
                var read = ReadVector(file, &vector, 1, position, NoWait);
                return read < 0 ? -Marshal.GetLastPInvokeError() : (int)read;
            }
            catch (EntryPointNotFoundException)
            {
                // Older versions of musl lack the function. An exception for each file would be slow.
                IsReadCachedMissing = true;
                return -NoSuchCall;
            }
        }
    }

    /// <summary>
    /// Whether an errno of <see cref="ReadCached"/> says that the kernel or the file system does not support such
    /// reads.
    /// </summary>
    public static bool IsNotSupported(int error) => error is NoSuchCall or InvalidArgument or NotSupported;

    static IOException LastError(string call, string path)
    {
        var error = Marshal.GetLastPInvokeError();
        var exception = new IOException(
            $"{call} of {path} failed: {Marshal.GetPInvokeErrorMessage(error)} (errno {error}).",
            error
        );
        return DiskErrors.IsDiskFull(exception) ? DiskErrors.DiskFull(path, exception) : exception;
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial SafeFileHandle Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "link", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Link(string path, string newPath);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int Sync(SafeFileHandle file);

    [LibraryImport("libc", EntryPoint = "fdatasync", SetLastError = true)]
    private static partial int DataSync(SafeFileHandle file);

    [LibraryImport("libc", EntryPoint = "syncfs", SetLastError = true)]
    private static partial int FileSystemSync(SafeFileHandle file);

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static unsafe partial int ExtendedStatus(
        SafeFileHandle directory,
        string path,
        int flags,
        uint mask,
        byte* status
    );

    [LibraryImport("libc", EntryPoint = "preadv2", SetLastError = true)]
    private static unsafe partial nint ReadVector(
        SafeFileHandle file,
        IoVector* vectors,
        int vectorCount,
        long position,
        int flags
    );

    [StructLayout(LayoutKind.Sequential)]
    unsafe struct IoVector
    {
        public byte* Base;
        public nint Length;
    }
}
