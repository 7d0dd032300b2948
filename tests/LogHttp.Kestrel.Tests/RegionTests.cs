using LogHttp.Kestrel.Tests.Support;
using Microsoft.AspNetCore.Http;

namespace LogHttp.Kestrel.Tests;

public sealed class RegionTests
{
    [Fact]
    public async Task Region_OfALargeFile_GoesBySendfile()
    {
        using var file = new TempFile(5_000_000);
        await using var host = await KestrelHost.StartAsync(async context =>
        {
            await using var stream = file.Open();
            context.Response.ContentLength = 4_000_000;
            await context.Features.Get<IHttpSendFileFeature>()!.SendFileAsync(stream, 12_345, 4_000_000, context.RequestAborted);
        });
        using var client = host.NewClient();
        Assert.Equal(file.Bytes[12_345..4_012_345], await client.GetByteArrayAsync("/"));
        Assert.Equal(4_000_000, host.Counted.SendFile);
    }
}
