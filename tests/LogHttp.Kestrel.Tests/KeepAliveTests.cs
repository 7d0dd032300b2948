using System.Text;
using LogHttp.Kestrel.Tests.Support;
using Microsoft.AspNetCore.Http;

namespace LogHttp.Kestrel.Tests;

public sealed class KeepAliveTests
{
    [Fact]
    public async Task Requests_OnOneConnection_AlternateRegionsAndJson()
    {
        using var file = new TempFile(500_000);
        await using var host = await KestrelHost.StartAsync(RegionOrJson(file));
        using var client = await RawClient.ConnectAsync(host);

        for (var index = 0; index < 20; index++)
        {
            await client.GetAsync($"/region?r={index}-{index * 20_000}");
            Assert.Equal(file.Bytes[index..(index + index * 20_000)], (await client.ReadResponseAsync()).Body);
            await client.GetAsync($"/json?n={index}");
            Assert.Equal($"{{\"n\":{index}}}", Encoding.ASCII.GetString((await client.ReadResponseAsync()).Body));
        }
    }

    [Fact]
    public async Task Requests_Pipelined_GetResponsesInOrder()
    {
        using var file = new TempFile(500_000);
        await using var host = await KestrelHost.StartAsync(RegionOrJson(file));
        using var client = await RawClient.ConnectAsync(host);

        var requests = new StringBuilder();
        for (var index = 0; index < 30; index++)
            requests
                .Append("GET /")
                .Append(index % 2 == 0 ? $"region?r={index}-{index * 10_000}" : $"json?n={index}")
                .Append(" HTTP/1.1\r\nHost: test\r\n\r\n");
        await client.SendAsync(requests.ToString());

        for (var index = 0; index < 30; index++)
        {
            var body = (await client.ReadResponseAsync()).Body;
            if (index % 2 == 0)
                Assert.Equal(file.Bytes[index..(index + index * 10_000)], body);
            else
                Assert.Equal($"{{\"n\":{index}}}", Encoding.ASCII.GetString(body));
        }
    }

    [Fact]
    public async Task Response_ManyBlocks_ArrivesWhole()
    {
        var expected = new TempFile(3_000_001);
        await using var host = await KestrelHost.StartAsync(async context =>
        {
            // Unflushed, in pieces of odd sizes: more blocks than one gather send takes.
            context.Response.ContentLength = expected.Bytes.Length;
            for (var written = 0; written < expected.Bytes.Length; )
            {
                var piece = Math.Min(expected.Bytes.Length - written, 3_001);
                expected.Bytes.AsSpan(written, piece).CopyTo(context.Response.BodyWriter.GetSpan(piece));
                context.Response.BodyWriter.Advance(piece);
                written += piece;
            }

            await context.Response.BodyWriter.FlushAsync();
        });
        using (expected)
        {
            using var client = host.NewClient();
            Assert.Equal(expected.Bytes, await client.GetByteArrayAsync("/"));
        }
    }

    [Fact]
    public async Task Handler_Throws_RespondsThroughSameWriter()
    {
        await using var host = await KestrelHost.StartAsync(_ =>
            throw new InvalidOperationException("Meant by the test.")
        );
        using var client = await RawClient.ConnectAsync(host);

        await client.GetAsync("/");
        Assert.StartsWith("HTTP/1.1 500", (await client.ReadResponseAsync()).Headers, StringComparison.Ordinal);
        await client.SendAsync("nonsense\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 400", await client.ReadHeadersAsync(), StringComparison.Ordinal);
        await client.ReadToEndAsync();
    }

    private static RequestDelegate RegionOrJson(TempFile file) =>
        context =>
        {
            if (context.Request.Path == "/region")
                return Handlers.RegionsOfQuery(file)(context);
            var json = $"{{\"n\":{context.Request.Query["n"]}}}";
            context.Response.ContentLength = json.Length;
            context.Response.ContentType = "application/json";
            return context.Response.WriteAsync(json);
        };
}
