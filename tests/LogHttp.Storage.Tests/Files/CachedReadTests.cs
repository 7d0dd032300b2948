using System.Runtime.InteropServices;
using LogHttp.Storage.Files;
using LogHttp.Testing;
using Microsoft.Win32.SafeHandles;

namespace LogHttp.Storage.Tests.Files;

public sealed partial class CachedReadTests : IDisposable
{
    const int LengthBytes = 4 << 20;
    const int InputOutput = 5;
    const int TryAgain = 11;
    const int InvalidArgument = 22;
    const int NoSuchCall = 38;
    const int NotSupported = 95;

    readonly TemporaryDirectory _temporary = new();
    readonly PhysicalFileSystem _fileSystem;
    readonly IFile _file;
    readonly byte[] _bytes = new byte[LengthBytes];

    public CachedReadTests()
    {
        new Random(1).NextBytes(_bytes);
        _fileSystem = new PhysicalFileSystem(_temporary.Path);
        _file = _fileSystem.Create(Path.Combine(_temporary.Path, "file"));
        _file.Write(_bytes, 0);
        _file.Sync();
    }

    [Fact]
    public void Read_Cached_ReturnsBytes()
    {
        var read = new byte[LengthBytes];
        Assert.Equal(LengthBytes, _file.Cached.Read(read, 0));
        Assert.Equal(_bytes, read);
    }

    [Theory]
    [InlineData(LengthBytes - 10, 10)]
    [InlineData(LengthBytes, 0)]
    [InlineData(LengthBytes + 10, 0)]
    public void Read_AcrossEndOfFile_IsShort(long position, int expected) =>
        Assert.Equal(expected, _file.Cached.Read(new byte[100], position));

    [Fact]
    public void Read_UncachedPage_WouldWaitUntilItIsRead()
    {
        if (!TryEvict(_file.Stream!.SafeFileHandle))
            return; // A file system in memory has no cold pages, other systems are not asked.
        var read = new byte[100];
        Assert.Throws<WouldWaitException>(() => _file.Cached.Read(read, LengthBytes / 2));
        Assert.Equal(100, _file.Read(read, LengthBytes / 2));
        Assert.Equal(100, _file.Cached.Read(read, LengthBytes / 2));
        Assert.Equal(_bytes[(LengthBytes / 2)..(LengthBytes / 2 + 100)], read);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(40)]
    public void Read_EmptyOrShortBeforeEnd_WouldWait(int cachedBytes)
    {
        // Linux 5.9 and 5.10 return 0, or fewer bytes than requested, if the next byte is not cached.
        using var file = OpenWith(
            (_, destination, position) => (int)Math.Min(destination.Length, Math.Max(0, cachedBytes - position))
        );

        Assert.Throws<WouldWaitException>(() => file.Cached.Read(new byte[100], 0));
    }

    [Theory]
    [InlineData(InputOutput)]
    [InlineData(TryAgain)]
    public void Read_AfterErrorOfOneRead_IsCachedAgain(int error)
    {
        var calls = 0;
        using var file = OpenWith(
            (handle, destination, position) =>
                calls++ == 0 ? -error : PosixCalls.ReadCached(handle, destination, position)
        );

        Assert.Throws<WouldWaitException>(() => file.Cached.Read(new byte[100], 0));

        Assert.Equal(100, file.Cached.Read(new byte[100], 0));
        Assert.Equal(2, calls);
    }

    [Theory]
    [InlineData(NoSuchCall)]
    [InlineData(NotSupported)]
    [InlineData(InvalidArgument)]
    public void Read_NotSupportedByKernel_ReadsFile(int error)
    {
        var calls = 0;
        using var file = OpenWith(
            (_, _, _) =>
            {
                calls++;
                return -error;
            }
        );
        var read = new byte[100];

        Assert.Equal(100, file.Cached.Read(read, 0));
        Assert.Equal(100, file.Cached.Read(read, 0));

        Assert.Equal(_bytes[..100], read);
        Assert.Equal(1, calls);
    }

    PhysicalFile OpenWith(CachedRead readCached) =>
        new(
            File.Open(Path.Combine(_temporary.Path, "file"), FileMode.Open, FileAccess.Read, FileShare.ReadWrite),
            readCached
        );

    [Fact]
    public void Read_ClosedFile_Throws()
    {
        var cached = _file.Cached;
        _file.Dispose();
        Assert.Throws<ObjectDisposedException>(() => cached.Read(new byte[1], 0));
    }

    public void Dispose()
    {
        _file.Dispose();
        _fileSystem.Dispose();
        _temporary.Dispose();
    }

    static bool TryEvict(SafeFileHandle file)
    {
        // The probe is at another position than the reads, because a probe makes the kernel read ahead there.
        const int DontNeed = 4;
        return OperatingSystem.IsLinux()
            && Advise(file, 0, 0, DontNeed) == 0
            && PosixCalls.ReadCached(file, new byte[1], 3 * LengthBytes / 4) == -TryAgain;
    }

    [LibraryImport("libc", EntryPoint = "posix_fadvise")]
    private static partial int Advise(SafeFileHandle file, long position, long lengthBytes, int advice);
}
