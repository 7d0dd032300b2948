using System.Runtime.InteropServices;
using LogHttp.Kestrel.Tests.Support;
using Microsoft.Win32.SafeHandles;

namespace LogHttp.Kestrel.Tests;

public sealed partial class PageCacheTests
{
    [Fact]
    public async Task ColdSlice_IsFetchedBeforeItIsSent()
    {
        using var file = new TempFile(4_000_000);
        await using var stream = file.Open();
        if (!TryEvict(stream.SafeFileHandle))
            return; // A file system in memory has no cold pages, other systems are not asked.

        await new PageCache(maxColdSlices: 1).WarmAsync(new FileRegion(stream, stream.SafeFileHandle, 1_000_000, 2_000_000), CancellationToken.None);
        // A busy disk may still be bringing pages between those that were waited for; nobody else asks for them.
        for (var position = 1_000_000; position < 3_000_000; position += 4096)
            Assert.True(SpinWait.SpinUntil(() => SystemCalls.IsCached(stream.SafeFileHandle, position), TimeSpan.FromSeconds(30)), $"The page at {position} is cold.");
    }

    [Fact]
    public async Task ColdRegion_ArrivesWhole()
    {
        using var file = new TempFile(4_000_000);
        await using var stream = file.Open();
        TryEvict(stream.SafeFileHandle);
        await using var host = await KestrelHost.StartAsync(Handlers.Region(file, 0, 4_000_000), new() { MaxColdSlices = 1, SliceBytes = 256 * 1024 });
        using var client = host.NewClient();

        Assert.Equal(file.Bytes, await client.GetByteArrayAsync("/"));
        Assert.Equal(4_000_000, (await host.SettledAsync()).SendFile);
    }

    [Fact]
    public async Task WarmSlice_NeedsNoSlot()
    {
        using var file = new TempFile(100_000);
        await using var stream = file.Open();
        var warmed = new PageCache(maxColdSlices: 1).WarmAsync(new FileRegion(stream, stream.SafeFileHandle, 0, 100_000), CancellationToken.None);
        Assert.True(warmed.IsCompletedSuccessfully);
    }

    [Fact]
    public async Task Slice_BeyondTheEnd_IsNotWaitedFor()
    {
        using var file = new TempFile(100);
        await using var stream = file.Open();
        await new PageCache(maxColdSlices: 1).WarmAsync(new FileRegion(stream, stream.SafeFileHandle, 50, 1_000_000), CancellationToken.None);
    }

    private static bool TryEvict(SafeFileHandle file)
    {
        if (!OperatingSystem.IsLinux())
            return false;
        const int adviceDontNeed = 4;

        // Dirty pages stay; write them out first.
        RandomAccess.FlushToDisk(file);
        _ = Advise(file, 0, 0, adviceDontNeed);
        return SystemCalls.CanAskPageCache && !SystemCalls.IsCached(file, 1_000_000);
    }

    [LibraryImport("libc", EntryPoint = "posix_fadvise")]
    private static partial int Advise(SafeFileHandle file, long position, long lengthBytes, int advice);
}
