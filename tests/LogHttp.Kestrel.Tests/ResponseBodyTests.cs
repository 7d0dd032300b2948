using System.IO.Compression;
using System.Net;
using System.Net.Http.Headers;
using LogHttp.Kestrel.Tests.Support;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.FileProviders;

namespace LogHttp.Kestrel.Tests;

public sealed class ResponseBodyTests
{
    [Fact]
    public async Task ResultsFile_WithPath_UsesSendfile()
    {
        using var file = new TempFile(500_000);
        await using var host = await KestrelHost.StartAsync(context =>
            Results.File(file.Path, enableRangeProcessing: true).ExecuteAsync(context)
        );
        using var client = host.NewClient();

        Assert.Equal(file.Bytes, await client.GetByteArrayAsync("/"));
        Assert.Equal(500_000, (await host.SettledAsync()).SendFile);

        using var request = new HttpRequestMessage(HttpMethod.Get, "/")
        {
            Headers = { Range = new RangeHeaderValue(1_000, 299_999) },
        };
        using var response = await client.SendAsync(request);
        Assert.Equal(HttpStatusCode.PartialContent, response.StatusCode);
        Assert.Equal(file.Bytes[1_000..300_000], await response.Content.ReadAsByteArrayAsync());
        Assert.Equal(799_000, (await host.SettledAsync()).SendFile);
        Assert.Equal(0, (await host.SettledAsync()).Copy);
    }

    [Fact]
    public async Task StaticFiles_Default_UseSendfile()
    {
        using var file = new TempFile(500_000);
        await using var host = await KestrelHost.StartAsync(
            context => Task.CompletedTask,
            configure: app =>
                app.UseStaticFiles(
                    new StaticFileOptions
                    {
                        FileProvider = new PhysicalFileProvider(Path.GetDirectoryName(file.Path)!),
                        ServeUnknownFileTypes = true,
                    }
                )
        );
        using var client = host.NewClient();

        Assert.Equal(file.Bytes, await client.GetByteArrayAsync("/" + Path.GetFileName(file.Path)));
        Assert.Equal(500_000, (await host.SettledAsync()).SendFile);

        using var head = await client.SendAsync(new(HttpMethod.Head, "/" + Path.GetFileName(file.Path)));
        Assert.Equal(500_000, head.Content.Headers.ContentLength);
        Assert.Equal(500_000, (await host.SettledAsync()).SendFile);
    }

    [Theory]
    [InlineData(0, 100_001L)]
    [InlineData(100_001, null)]
    [InlineData(-1, 5L)]
    [InlineData(5, -1L)]
    public async Task SendFile_OutsideFile_IsRejectedBeforeResponseStarts(long offset, long? count)
    {
        using var file = new TempFile(100_000);
        await using var host = await KestrelHost.StartAsync(async context =>
        {
            await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() =>
                context.Response.SendFileAsync(file.Path, offset, count)
            );
            Assert.False(context.Response.HasStarted);
        });
        using var client = host.NewClient();

        Assert.Equal(HttpStatusCode.OK, (await client.GetAsync("/")).StatusCode);
    }

    [Fact]
    public async Task SendFile_MissingPath_IsLeftToServer()
    {
        await using var host = await KestrelHost.StartAsync(context =>
            context.Response.SendFileAsync("/nowhere/at/all")
        );
        using var client = host.NewClient();

        Assert.Equal(HttpStatusCode.InternalServerError, (await client.GetAsync("/")).StatusCode);
    }

    [Fact]
    public async Task Region_IntoWrappedBody_PassesThroughWrapper()
    {
        using var file = new TempFile(300_000);
        await using var host = await KestrelHost.StartAsync(
            Handlers.Region(file, 0, 300_000),
            configure: app =>
                app.Use(
                    async (context, next) =>
                    {
                        var body = context.Response.Body;
                        await using var compressing = new GZipStream(body, CompressionLevel.Fastest, leaveOpen: true);
                        context.Response.OnStarting(() =>
                        {
                            context.Response.ContentLength = null;
                            context.Response.Headers.ContentEncoding = "gzip";
                            return Task.CompletedTask;
                        });
                        context.Response.Body = compressing;
                        await next(context);
                        await compressing.FlushAsync();
                        context.Response.Body = body;
                    }
                )
        );
        using var client = host.NewClient();

        using var response = await client.GetAsync("/");
        Assert.Equal("gzip", Assert.Single(response.Content.Headers.ContentEncoding));
        await using var plain = new GZipStream(await response.Content.ReadAsStreamAsync(), CompressionMode.Decompress);
        var received = new MemoryStream();
        await plain.CopyToAsync(received);
        Assert.Equal(file.Bytes, received.ToArray());
        Assert.Equal(300_000, (await host.SettledAsync()).Copy);
    }

    [Fact]
    public async Task Body_OtherMembers_AreServerDefaults()
    {
        await using var host = await KestrelHost.StartAsync(async context =>
        {
            var body = context.Features.Get<IHttpResponseBodyFeature>()!;
            body.DisableBuffering();
            context.Response.ContentLength = 12;
            await body.StartAsync();
            await body.Stream.WriteAsync("stream"u8.ToArray());
            await body.Writer.WriteAsync("writer"u8.ToArray());
            await body.CompleteAsync();
        });
        using var client = host.NewClient();

        Assert.Equal("streamwriter", await client.GetStringAsync("/"));
    }
}
