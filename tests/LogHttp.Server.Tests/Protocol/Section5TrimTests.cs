using System.Net;

namespace LogHttp.Server.Tests.Protocol;

/// <summary>Trims, and readers at the trimmed offsets.</summary>
public sealed class Section5TrimTests : IDisposable
{
    readonly TestServer _server = new();

    public void Dispose() => _server.Dispose();

    Task<HttpResponseMessage> TrimAsync(string topicAndQuery) =>
        _server.SendAsync(HttpMethod.Delete, $"/topics/{topicAndQuery}");

    async Task AppendAsync(int count, string topic = "t")
    {
        for (var i = 0; i < count; i++)
            (await _server.PostAsync($"/topics/{topic}", "text/plain", "x")).Dispose();
    }

    [Theory]
    [InlineData("3", 3)]
    [InlineData("-2", 3)]
    [InlineData("latest", 5)]
    [InlineData("earliest", 0)]
    [InlineData("@1970-01-01", 0)]
    [InlineData("@2100-01-01", 5)]
    public async Task Trim_BeforePlace_RemovesRecordsAndReturnsTopic(string before, long earliest)
    {
        await AppendAsync(5);
        using var trimmed = await TrimAsync($"t/records?before={before}");
        Assert.Equal(HttpStatusCode.OK, trimmed.StatusCode);
        var partition = (await TestServer.JsonAsync(trimmed)).GetProperty("partitions")[0];
        Assert.Equal(
            (earliest, 5),
            (partition.GetProperty("earliestOffset").GetInt64(), partition.GetProperty("nextOffset").GetInt64())
        );
        using var first = await _server.Client.GetAsync("/topics/t/earliest");
        Assert.Equal(
            earliest.ToString(System.Globalization.CultureInfo.InvariantCulture),
            TestServer.Header(first, "Log-First-Offset")
        );
    }

    [Fact]
    public async Task Fetch_Trimmed_Returns410WithEarliest()
    {
        await AppendAsync(5);
        (await TrimAsync("t/records?before=3")).Dispose();
        using var gone = await _server.Client.GetAsync("/topics/t/2");
        Assert.Equal("3", TestServer.Header(gone, "Log-Earliest-Offset"));
        var problem = await TestServer.ProblemAsync(gone, HttpStatusCode.Gone, "offset_gone", "Offset 2 was deleted");
        Assert.Equal(3, problem.GetProperty("earliestOffset").GetInt64());
    }

    [Theory]
    [InlineData("t/records?before=latest", HttpStatusCode.Gone)]
    [InlineData("t", HttpStatusCode.NotFound)]
    public async Task Fetch_TrimmedMeanwhile_CompletesThenFreesSpace(string whatGoes, HttpStatusCode later)
    {
        // More than all socket buffers on the way hold together.
        const int Records = 40;
        var text = new string('x', 1_000_000);
        for (var i = 0; i < Records; i++)
            (await _server.PostAsync("/topics/t", "text/plain", text)).EnsureSuccessStatusCode();
        using var page = await _server.Client.GetAsync(
            "/topics/t/0?maxBytes=67108864",
            HttpCompletionOption.ResponseHeadersRead
        );
        using var lines = new StreamReader(await page.Content.ReadAsStreamAsync());
        Assert.StartsWith("{\"offset\":0,", await lines.ReadLineAsync(), StringComparison.Ordinal);

        (await TrimAsync(whatGoes)).EnsureSuccessStatusCode();
        Assert.Equal(later, (await _server.Client.GetAsync("/topics/t/0")).StatusCode);
        Assert.Empty(
            Directory.EnumerateFiles(_server.DataDirectory, "00000000000000000000.ndjson", SearchOption.AllDirectories)
        );
        Assert.NotEmpty(OpenButRemoved());

        for (var offset = 1; offset < Records; offset++)
            Assert.True(
                (await lines.ReadLineAsync())!.EndsWith($"\"value\":\"{text}\"}}", StringComparison.Ordinal),
                $"Offset {offset} came otherwise than it was."
            );
        Assert.Null(await lines.ReadLineAsync());
        await TestServer.UntilAsync(() => !OpenButRemoved().Any());
    }

    /// <summary>Segments that have no name any more and still take space.</summary>
    IEnumerable<string> OpenButRemoved() =>
        new DirectoryInfo("/proc/self/fd")
            .GetFiles()
            .Select(static file => file.LinkTarget ?? "")
            .Where(target =>
                target.StartsWith(_server.DataDirectory, StringComparison.Ordinal)
                && target.EndsWith(".ndjson (deleted)", StringComparison.Ordinal)
            );

    [Fact]
    public async Task LongPoll_PlaceTrimmedMeanwhile_Returns410()
    {
        await AppendAsync(2);
        var waiting = _server.Client.GetAsync("/topics/t/1?wait=60s&minBytes=1000000");
        await TestServer.UntilAsync(() => _server.Waiting == 1);
        (await TrimAsync("t/records?before=latest")).Dispose();
        await TestServer.ProblemAsync(
            await waiting,
            HttpStatusCode.Gone,
            "offset_gone",
            "The earliest available offset is 2"
        );
    }

    [Fact]
    public async Task LongPoll_AtEndDuringTrim_Continues()
    {
        await AppendAsync(2);
        var waiting = _server.Client.GetAsync("/topics/t/2?wait=60s");
        await TestServer.UntilAsync(() => _server.Waiting == 1);
        (await TrimAsync("t/records?before=latest")).Dispose();
        await AppendAsync(1);
        using var page = await waiting;
        Assert.Equal((HttpStatusCode.OK, "2"), (page.StatusCode, TestServer.Header(page, "Log-First-Offset")));
    }

    [Fact]
    public async Task Trim_SeveralPartitions_AcceptsOffsetForOneAlone()
    {
        (await _server.SendAsync(HttpMethod.Put, "/topics/many", """{"partitions":2}""")).Dispose();
        foreach (var partition in new[] { 0, 0, 1 })
            (await _server.PostAsync($"/topics/many?partition={partition}", "text/plain", "x")).Dispose();
        await TestServer.ProblemAsync(
            await TrimAsync("many/records?before=1"),
            HttpStatusCode.BadRequest,
            "partition_required"
        );
        Assert.Equal((1, 0), await EarliestAsync("many/records?before=1&partition=0"));
        Assert.Equal((2, 1), await EarliestAsync("many/records?before=latest"));

        async Task<(long, long)> EarliestAsync(string topicAndQuery)
        {
            using var trimmed = await TrimAsync(topicAndQuery);
            var partitions = (await TestServer.JsonAsync(trimmed)).GetProperty("partitions");
            return (
                partitions[0].GetProperty("earliestOffset").GetInt64(),
                partitions[1].GetProperty("earliestOffset").GetInt64()
            );
        }
    }

    [Fact]
    public async Task Retention_SetOnTopic_RemovesOldRecords()
    {
        using var server = new TestServer(("RetentionInterval", "1s"));
        (await server.PostAsync("/topics/t", "text/plain", "x")).Dispose();
        (await server.SendAsync(HttpMethod.Patch, "/topics/t", """{"retentionMs":1000}""")).EnsureSuccessStatusCode();
        for (var earliest = 0L; earliest == 0; await Task.Delay(10))
            earliest = (await TestServer.JsonAsync(await server.Client.GetAsync("/topics/t")))
                .GetProperty("partitions")[0]
                .GetProperty("earliestOffset")
                .GetInt64();
        await TestServer.ProblemAsync(await server.Client.GetAsync("/topics/t/0"), HttpStatusCode.Gone, "offset_gone");
    }

    [Theory]
    [InlineData("t/records", HttpStatusCode.BadRequest, "invalid_parameter", "before is missing")]
    [InlineData("t/records?befor=1", HttpStatusCode.BadRequest, "invalid_parameter", "befor")]
    [InlineData("t/records?before=ten", HttpStatusCode.BadRequest, "invalid_place", "ten")]
    [InlineData("t/records?before=1&partition=1", HttpStatusCode.NotFound, "unknown_partition", "no partition 1")]
    [InlineData(
        "t/records?before=4",
        HttpStatusCode.RequestedRangeNotSatisfiable,
        "offset_beyond_end",
        "The next record gets offset 3"
    )]
    [InlineData("other/records?before=1", HttpStatusCode.NotFound, "unknown_topic", "other")]
    [InlineData("t%20/records?before=1", HttpStatusCode.BadRequest, "invalid_topic", "name")]
    public async Task Trim_Invalid_NamesReasonAndRemovesNothing(
        string topicAndQuery,
        HttpStatusCode status,
        string code,
        string mentions
    )
    {
        await AppendAsync(3);
        await TestServer.ProblemAsync(await TrimAsync(topicAndQuery), status, code, mentions);
        using var all = await _server.Client.GetAsync("/topics/t/0");
        Assert.Equal(HttpStatusCode.OK, all.StatusCode);
    }
}
