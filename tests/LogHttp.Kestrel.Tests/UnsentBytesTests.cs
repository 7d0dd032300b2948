using LogHttp.Kestrel.Tests.Support;

namespace LogHttp.Kestrel.Tests;

public sealed class UnsentBytesTests
{
    private const int BlockBytes = 16 * 1024;

    [Fact]
    public async Task Bound_ReaderTakesNothing_KernelKeepsFewBytes()
    {
        var bounded = await KernelTakesAsync(maxUnsentBytes: 32 * 1024);
        var unbounded = await KernelTakesAsync(maxUnsentBytes: null);
        var released = await KernelTakesAsync(maxUnsentBytes: 32 * 1024, isReleased: true);

        // The reader's own buffer takes a few blocks too.
        Assert.InRange(bounded, 32 * 1024, 16 * BlockBytes);
        Assert.InRange(unbounded, 2 * bounded, long.MaxValue);
        Assert.InRange(released, 2 * bounded, long.MaxValue);
    }

    /// <summary>Returns the bytes that the kernel takes for a reader that reads nothing.</summary>
    private static async Task<long> KernelTakesAsync(int? maxUnsentBytes, bool isReleased = false)
    {
        var taken = new TaskCompletionSource<long>();
        await using var host = await KestrelHost.StartAsync(async context =>
        {
            if (maxUnsentBytes is { } maxBytes)
                UnsentBytes.Bound(context, maxBytes);
            if (isReleased)
                UnsentBytes.Release(context);
            for (var takenBytes = 0L; ; takenBytes += BlockBytes)
            {
                context.Response.BodyWriter.GetSpan(BlockBytes)[..BlockBytes].Clear();
                context.Response.BodyWriter.Advance(BlockBytes);
                var flushing = context.Response.BodyWriter.FlushAsync(context.RequestAborted);
                if (!flushing.IsCompleted)
                    taken.TrySetResult(takenBytes);
                if ((await flushing).IsCompleted)
                    return;
            }
        });
        using var client = await RawClient.ConnectAsync(host, receiveBufferBytes: 4096);
        await client.GetAsync("/");
        return await taken.Task.WaitAsync(TimeSpan.FromSeconds(30));
    }
}
