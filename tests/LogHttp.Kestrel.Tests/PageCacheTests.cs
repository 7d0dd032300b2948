using System.Runtime.InteropServices;
using LogHttp.Kestrel.Tests.Support;
using Microsoft.Win32.SafeHandles;

namespace LogHttp.Kestrel.Tests;

public sealed partial class PageCacheTests
{
    private const int ColdReadBytes = 128 * 1024;

    [Fact]
    public async Task ColdSlice_BeforeSend_IsRead()
    {
        using var file = new TempFile(4_000_000);
        await using var stream = file.Open();
        if (!TryEvict(stream.SafeFileHandle))
            return; // A file system in memory has no cold pages, other systems are not asked.

        await new PageCache(maxColdSlices: 1, ColdReadBytes).WarmAsync(
            new FileRegion(stream, stream.SafeFileHandle, 1_000_000, 2_000_000),
            CancellationToken.None
        );
        // A busy disk may still be reading the pages between the requested ones. Nothing else requests them.
        for (var position = 1_000_000; position < 3_000_000; position += 4096)
            Assert.True(
                SpinWait.SpinUntil(
                    () => SystemCalls.IsCached(stream.SafeFileHandle, position),
                    TimeSpan.FromSeconds(30)
                ),
                $"The page at {position} is cold."
            );
    }

    [Fact]
    public async Task ColdRegion_ArrivesWhole()
    {
        using var file = new TempFile(4_000_000);
        await using var stream = file.Open();
        TryEvict(stream.SafeFileHandle);
        await using var host = await KestrelHost.StartAsync(
            Handlers.Region(file, 0, 4_000_000),
            new() { MaxColdSlices = 1, SliceBytes = 256 * 1024 }
        );
        using var client = host.NewClient();

        Assert.Equal(file.Bytes, await client.GetByteArrayAsync("/"));
        Assert.Equal(4_000_000, (await host.SettledAsync()).SendFile);
    }

    [Fact]
    public async Task Slice_ColdPageInMiddle_IsRead()
    {
        using var file = new TempFile(4_000_000);
        await using var stream = file.Open();
        if (!TryEvict(stream.SafeFileHandle))
            return;
        // Only both ends are read. A probe of the middle would make the kernel read ahead.
        var end = new byte[100_000];
        Assert.Equal(end.Length, RandomAccess.Read(stream.SafeFileHandle, end, 1_000_000));
        Assert.Equal(end.Length, RandomAccess.Read(stream.SafeFileHandle, end, 2_900_000));
        Assert.False(SystemCalls.IsCached(stream.SafeFileHandle, 1_000_000, 2_000_000));
        await new PageCache(maxColdSlices: 1, ColdReadBytes).WarmAsync(
            new FileRegion(stream, stream.SafeFileHandle, 1_000_000, 2_000_000),
            CancellationToken.None
        );
        Assert.True(
            SpinWait.SpinUntil(
                () => SystemCalls.IsCached(stream.SafeFileHandle, 1_000_000, 2_000_000),
                TimeSpan.FromSeconds(30)
            )
        );
    }

    [Fact]
    public async Task Probe_OneFileNotSupported_StillProbesOthers()
    {
        using var file = new TempFile(100_000);
        await using var stream = file.Open();
        if (!OperatingSystem.IsLinux() || !SystemCalls.CanAskPageCache)
            return;
        await using var refusing = new FileStream(
            "/proc/self/mem",
            FileMode.Open,
            FileAccess.Read,
            FileShare.ReadWrite,
            bufferSize: 0,
            FileOptions.Asynchronous
        );
        Assert.True(SystemCalls.IsCached(refusing.SafeFileHandle, 0));
        Assert.True(SystemCalls.CanAskPageCache);
    }

    [Fact]
    public async Task WarmSlice_NeedsNoSlot()
    {
        using var file = new TempFile(100_000);
        await using var stream = file.Open();
        var warmed = new PageCache(maxColdSlices: 1, ColdReadBytes).WarmAsync(
            new FileRegion(stream, stream.SafeFileHandle, 0, 100_000),
            CancellationToken.None
        );
        Assert.True(warmed.IsCompletedSuccessfully);
    }

    [Fact]
    public async Task Slice_BeyondEndOfFile_IsNotAwaited()
    {
        using var file = new TempFile(100);
        await using var stream = file.Open();
        await new PageCache(maxColdSlices: 1, ColdReadBytes).WarmAsync(
            new FileRegion(stream, stream.SafeFileHandle, 50, 1_000_000),
            CancellationToken.None
        );
    }

    [Fact]
    public async Task ColdSlices_AboveLimit_AreAllRead()
    {
        using var file = new TempFile(4_000_000);
        await using var stream = file.Open();
        if (!TryEvict(stream.SafeFileHandle))
            return;
        var cache = new PageCache(maxColdSlices: 2, coldReadBytes: 4096);
        await Task.WhenAll(
            Enumerable
                .Range(0, 40)
                .Select(number =>
                    cache
                        .WarmAsync(
                            new FileRegion(stream, stream.SafeFileHandle, number * 100_000, 100_000),
                            CancellationToken.None
                        )
                        .AsTask()
                )
        );
        Assert.True(SystemCalls.IsCached(stream.SafeFileHandle, 3_999_999));
    }

    [Fact]
    public async Task ColdSlice_ReaderDisconnected_FreesSlotForNext()
    {
        using var file = new TempFile(4_000_000);
        await using var stream = file.Open();
        if (!TryEvict(stream.SafeFileHandle))
            return;
        var cache = new PageCache(maxColdSlices: 1, ColdReadBytes);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() =>
            cache
                .WarmAsync(
                    new FileRegion(stream, stream.SafeFileHandle, 1_000_000, 1_000_000),
                    new CancellationToken(canceled: true)
                )
                .AsTask()
        );
        await cache.WarmAsync(
            new FileRegion(stream, stream.SafeFileHandle, 2_000_000, 1_000_000),
            CancellationToken.None
        );
        Assert.True(SystemCalls.IsCached(stream.SafeFileHandle, 2_999_999));
    }

    [Fact]
    public async Task ColdSlice_FileClosed_FailsAllWaiting()
    {
        using var file = new TempFile(4_000_000);
        await using var stream = file.Open();
        await using var closed = file.Open();
        if (!TryEvict(stream.SafeFileHandle))
            return;
        // While the cache reads the first region, the file of the second one is closed.
        var cache = new PageCache(maxColdSlices: 1, coldReadBytes: 4096);
        var first = cache
            .WarmAsync(new FileRegion(stream, stream.SafeFileHandle, 0, 3_000_000), CancellationToken.None)
            .AsTask();
        var second = cache
            .WarmAsync(new FileRegion(closed, closed.SafeFileHandle, 3_500_000, 100_000), CancellationToken.None)
            .AsTask();
        await closed.DisposeAsync();
        await first;
        var ended = await Record.ExceptionAsync(() => second);
        Assert.True(ended is null or ObjectDisposedException, $"{ended}");
    }

    private static bool TryEvict(SafeFileHandle file)
    {
        if (!OperatingSystem.IsLinux())
            return false;
        const int adviceDontNeed = 4;

        // Dirty pages stay in the cache, so they are written first.
        RandomAccess.FlushToDisk(file);
        _ = Advise(file, 0, 0, adviceDontNeed);
        return SystemCalls.CanAskPageCache && !SystemCalls.IsCached(file, 1_000_000);
    }

    [LibraryImport("libc", EntryPoint = "posix_fadvise")]
    private static partial int Advise(SafeFileHandle file, long position, long lengthBytes, int advice);
}
