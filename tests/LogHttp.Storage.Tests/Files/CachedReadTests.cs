using System.Runtime.InteropServices;
using LogHttp.Storage.Files;
using LogHttp.Testing;
using Microsoft.Win32.SafeHandles;

namespace LogHttp.Storage.Tests.Files;

public sealed partial class CachedReadTests : IDisposable
{
    const int LengthBytes = 4 << 20;

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
    public void WhatIsInThePageCache_IsRead()
    {
        var read = new byte[LengthBytes];
        Assert.Equal(LengthBytes, _file.Cached.Read(read, 0));
        Assert.Equal(_bytes, read);
    }

    [Theory]
    [InlineData(LengthBytes - 10, 10)]
    [InlineData(LengthBytes, 0)]
    [InlineData(LengthBytes + 10, 0)]
    public void TheEndOfTheFile_MakesItShort(long position, int expected) => Assert.Equal(expected, _file.Cached.Read(new byte[100], position));

    [Fact]
    public void WhatIsOnTheDiskAlone_IsNotWaitedFor_UntilSomebodyReadIt()
    {
        if (!TryEvict(_file.Stream!.SafeFileHandle))
            return; // A file system in memory has no cold pages, other systems are not asked.
        var read = new byte[100];
        Assert.Throws<WouldWaitException>(() => _file.Cached.Read(read, LengthBytes / 2));
        Assert.Equal(100, _file.Read(read, LengthBytes / 2));
        Assert.Equal(100, _file.Cached.Read(read, LengthBytes / 2));
        Assert.Equal(_bytes[(LengthBytes / 2)..(LengthBytes / 2 + 100)], read);
    }

    [Fact]
    public void ClosedFile_SaysSo()
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
        // Asked for elsewhere than where it is read: to ask makes the kernel begin to read there.
        const int DontNeed = 4;
        return OperatingSystem.IsLinux() && Advise(file, 0, 0, DontNeed) == 0 && PosixCalls.ReadCached(file, new byte[1], 3 * LengthBytes / 4) < 0 && PosixCalls.CanReadCached;
    }

    [LibraryImport("libc", EntryPoint = "posix_fadvise")]
    private static partial int Advise(SafeFileHandle file, long position, long lengthBytes, int advice);
}
