using System.Diagnostics.Metrics;
using System.Net;
using System.Numerics;
using System.Text;
using LogHttp.Kestrel;

namespace LogHttp.Server.Tests.Protocol;

public sealed class Section3FetchTests : IDisposable
{
    readonly TestServer _server = new(("SegmentBytes", "65536"));

    public void Dispose() => _server.Dispose();

    async Task AppendAsync(int count, int valueBytes = 100) =>
        Assert.Equal(
            HttpStatusCode.Created,
            (
                await _server.PostAsync(
                    "/topics/t?split=lines",
                    "text/plain",
                    string.Join(
                        '\n',
                        Enumerable.Range(0, count).Select(number => $"{number} {new string('x', valueBytes)}")
                    )
                )
            ).StatusCode
        );

    [Fact]
    public async Task Get_Page_ReturnsFirstAndNextOffset()
    {
        await AppendAsync(3);
        using var response = await _server.Client.GetAsync("/topics/t/1");

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal("application/vnd.loghttp.records+ndjson", response.Content.Headers.ContentType!.ToString());
        Assert.Equal(
            (1, 3, 3, 0),
            (
                TestServer.Number(response, "Log-First-Offset"),
                TestServer.Number(response, "Log-Next-Offset"),
                TestServer.Number(response, "Log-End-Offset"),
                TestServer.Number(response, "Log-Earliest-Offset")
            )
        );
        Assert.Equal($"/topics/t/3?partition=0&v={await _server.TopicIdAsync("t")}", TestServer.NextLink(response));
        Assert.Equal("Accept", Assert.Single(response.Headers.Vary));
        Assert.Equal("no-cache", response.Headers.CacheControl!.ToString());
        Assert.NotEqual(true, response.Headers.TransferEncodingChunked);
        Assert.Equal(2, (await response.Content.ReadAsStringAsync()).Count(character => character == '\n'));
    }

    [Theory]
    [InlineData("earliest", 0)]
    [InlineData("0", 0)]
    [InlineData("41", 41)]
    [InlineData("-10", 40)]
    [InlineData("-1000", 0)]
    public async Task Get_AnyPlace_StartsThere(string place, long first)
    {
        await AppendAsync(50);
        using var response = await _server.Client.GetAsync($"/topics/t/{place}");
        Assert.Equal(first, TestServer.Number(response, "Log-First-Offset"));
        Assert.StartsWith(
            $"{{\"offset\":{first},",
            await response.Content.ReadAsStringAsync(),
            StringComparison.Ordinal
        );
    }

    [Theory]
    [InlineData("latest")]
    [InlineData("50")]
    public async Task Get_AtEnd_Returns204WithNextLink(string place)
    {
        await AppendAsync(50);
        using var response = await _server.Client.GetAsync($"/topics/t/{place}");
        Assert.Equal(HttpStatusCode.NoContent, response.StatusCode);
        Assert.Equal(50, TestServer.Number(response, "Log-Next-Offset"));
        Assert.Equal($"/topics/t/50?partition=0&v={await _server.TopicIdAsync("t")}", TestServer.NextLink(response));
    }

    [Fact]
    public async Task Get_BeyondEnd_Returns416WithEnd()
    {
        await AppendAsync(50);
        using var response = await _server.Client.GetAsync("/topics/t/51");
        Assert.Equal(HttpStatusCode.RequestedRangeNotSatisfiable, response.StatusCode);
        var problem = await TestServer.JsonAsync(response);
        Assert.Equal(
            ("offset_beyond_end", 50),
            (problem.GetProperty("code").GetString()!, problem.GetProperty("endOffset").GetInt64())
        );
    }

    [Fact]
    public async Task Get_BelowEarliest_Returns410WithEarliest()
    {
        await AppendAsync(50);
        _server.Restart(() => MoveLogStart(offset: 7));
        using var response = await _server.Client.GetAsync("/topics/t/6");
        Assert.Equal(HttpStatusCode.Gone, response.StatusCode);
        var problem = await TestServer.JsonAsync(response);
        Assert.Equal(
            ("offset_gone", 7),
            (problem.GetProperty("code").GetString()!, problem.GetProperty("earliestOffset").GetInt64())
        );
        Assert.Equal(7, TestServer.Number(await _server.Client.GetAsync("/topics/t/earliest"), "Log-First-Offset"));
    }

    /// <summary>
    /// Moves the log's start as a trim does: changes the checkpoint's first field and its CRC (api/FORMAT.md §4).
    /// </summary>
    void MoveLogStart(long offset)
    {
        var path = Path.Combine(_server.DataDirectory, "topics", "t", "0", "checkpoint");
        var line =
            File.ReadAllLines(path)[0]
                .Replace("\"logStartOffset\":0", $"\"logStartOffset\":{offset}", StringComparison.Ordinal) + "\n";
        var crc = uint.MaxValue;
        foreach (var value in Encoding.UTF8.GetBytes(line))
            crc = BitOperations.Crc32C(crc, value);
        File.WriteAllText(path, $"{line}crc32c:{~crc:x8}\n");
    }

    [Theory]
    [InlineData("/topics/none/0", HttpStatusCode.NotFound, "unknown_topic")]
    [InlineData("/topics/t/0?partition=1", HttpStatusCode.NotFound, "unknown_partition")]
    [InlineData("/topics/t/ten", HttpStatusCode.BadRequest, "invalid_place")]
    [InlineData("/topics/t/+1", HttpStatusCode.BadRequest, "invalid_place")]
    [InlineData("/topics/t/-0", HttpStatusCode.BadRequest, "invalid_place")]
    [InlineData("/topics/t/99999999999999999999", HttpStatusCode.BadRequest, "invalid_place")]
    [InlineData("/topics/t/0?maxBytes=1k", HttpStatusCode.BadRequest, "invalid_parameter")]
    [InlineData("/topics/t/0?maxBytes=1&maxBytes=2", HttpStatusCode.BadRequest, "invalid_parameter")]
    [InlineData("/topics/t!/0", HttpStatusCode.BadRequest, "invalid_topic")]
    [InlineData("/topics/t/@soon", HttpStatusCode.BadRequest, "invalid_place")]
    [InlineData("/topics/t/0?keys=a", HttpStatusCode.BadRequest, "invalid_parameter")]
    [InlineData("/topics/t/0?limits=1", HttpStatusCode.BadRequest, "invalid_parameter")]
    [InlineData("/topics/t/0/value?key=a", HttpStatusCode.BadRequest, "invalid_parameter")]
    [InlineData("/topics?partition=1", HttpStatusCode.BadRequest, "invalid_parameter")]
    [InlineData("/topics/t/0?view=keys", HttpStatusCode.BadRequest, "invalid_parameter")]
    [InlineData("/topics/t/0?key=a&key=b", HttpStatusCode.BadRequest, "invalid_parameter")]
    [InlineData("/topics/t/0?key=a&keyBase64=YQ==", HttpStatusCode.BadRequest, "invalid_parameter")]
    [InlineData("/topics/t/0?keyBase64=!", HttpStatusCode.BadRequest, "invalid_parameter")]
    [InlineData("/topics/t/0?v=0000000000000000", HttpStatusCode.Gone, "topic_replaced")]
    [InlineData("/nothing", HttpStatusCode.NotFound, "unknown_path")]
    public async Task Get_Missing_NamesReason(string path, HttpStatusCode status, string code)
    {
        await AppendAsync(1);
        using var response = await _server.Client.GetAsync(path);
        Assert.Equal(
            (status, code),
            (response.StatusCode, (await TestServer.JsonAsync(response)).GetProperty("code").GetString())
        );
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType!.MediaType);
        Assert.Equal("no-store", response.Headers.CacheControl!.ToString());
    }

    [Fact]
    public async Task Get_FollowingLinks_ReturnsEveryRecordOnce()
    {
        for (var i = 0; i < 5; i++)
            await AppendAsync(400);
        Assert.True(Directory.GetFiles(Path.Combine(_server.DataDirectory, "topics", "t", "0"), "*.ndjson").Length > 3);
        foreach (var query in new[] { "", "?maxBytes=4096", "?maxBytes=70000" })
            Assert.Equal(
                Enumerable.Range(0, 2_000),
                (await _server.ReadAllAsync("t", query)).Select(record => record.GetProperty("offset").GetInt32())
            );
    }

    [Fact]
    public async Task Get_MaxBytes_KeepsItInLink()
    {
        await AppendAsync(400);
        using var response = await _server.Client.GetAsync("/topics/t/0?maxBytes=16384");
        Assert.InRange(response.Content.Headers.ContentLength!.Value, 1, 16384);
        Assert.EndsWith("&maxBytes=16384", TestServer.NextLink(response), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Head_Page_HasHeadersWithoutBody()
    {
        await AppendAsync(10);
        using var get = await _server.Client.GetAsync("/topics/t/0");
        using var head = await _server.Client.SendAsync(new HttpRequestMessage(HttpMethod.Head, "/topics/t/0"));
        Assert.Equal(get.Content.Headers.ContentLength, head.Content.Headers.ContentLength);
        Assert.Equal(TestServer.Number(get, "Log-Next-Offset"), TestServer.Number(head, "Log-Next-Offset"));
        Assert.Empty(await head.Content.ReadAsByteArrayAsync());
    }

    [Fact]
    public async Task Get_DefaultPage_UsesSendfile()
    {
        // The bytes are counted once the kernel has them, which can be after the client has.
        var sent = new TaskCompletionSource<(string Path, long Bytes)>(
            TaskCreationOptions.RunContinuationsAsynchronously
        );
        using var meters = new MeterListener
        {
            InstrumentPublished = (instrument, listener) =>
            {
                if (instrument is { Meter.Name: SendFileMeter.Name, Name: SendFileMeter.RegionBytes })
                    listener.EnableMeasurementEvents(instrument);
            },
        };
        var lengthBytes = 0L;
        await AppendAsync(500);
        meters.SetMeasurementEventCallback<long>(
            (_, bytes, tags, _) =>
            {
                // Other tests of this process send too, but nothing of this length.
                if (bytes == Volatile.Read(ref lengthBytes))
                    sent.TrySetResult(((string)tags[0].Value!, bytes));
            }
        );
        using (var head = await _server.Client.SendAsync(new HttpRequestMessage(HttpMethod.Head, "/topics/t/0")))
            Volatile.Write(ref lengthBytes, head.Content.Headers.ContentLength!.Value);
        meters.Start();
        await _server.Client.GetByteArrayAsync("/topics/t/0");
        Assert.Equal(("sendfile", lengthBytes), await sent.Task.WaitAsync(TimeSpan.FromSeconds(30)));
    }
}
