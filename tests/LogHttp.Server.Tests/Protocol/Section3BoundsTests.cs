using System.Globalization;
using System.Net;
using System.Text.Json;
using CsCheck;

namespace LogHttp.Server.Tests.Protocol;

/// <summary><c>limit</c>, <c>until</c> and times before now.</summary>
public sealed class Section3BoundsTests : IDisposable
{
    const string Forever = "public, max-age=31536000, immutable";
    const string Shared = "public, max-age=0, s-maxage=5";

    readonly TestServer _server = new(("SegmentBytes", "65536"), ("MaxWait", "60s"));

    public void Dispose() => _server.Dispose();

    async Task AppendAsync(int count, int valueBytes = 1_000, string query = "")
    {
        var values = Enumerable.Range(0, count).Select(number => $"{number} {new string('x', valueBytes)}");
        using var response = await _server.PostAsync(
            $"/topics/t?split=lines{query}",
            "text/plain",
            string.Join('\n', values)
        );
        Assert.Equal(HttpStatusCode.Created, response.StatusCode);
    }

    static async Task<long[]> OffsetsAsync(HttpResponseMessage response) =>
        [
            .. (await response.Content.ReadAsStringAsync())
                .Split('\n', StringSplitOptions.RemoveEmptyEntries)
                .Select(line => JsonDocument.Parse(line).RootElement.GetProperty("offset").GetInt64()),
        ];

    [Theory]
    [InlineData("0?limit=1", 0, 1)]
    [InlineData("0?limit=10", 0, 10)]
    // A page ends with its segment.
    [InlineData("95?limit=10", 95, 5)]
    [InlineData("earliest?limit=3", 0, 3)]
    [InlineData("-10?limit=3", 190, 3)]
    [InlineData("-3?limit=10", 197, 3)]
    [InlineData("0?limit=9223372036854775807&maxBytes=4096", 0, 3)]
    [InlineData("0?limit=2&maxBytes=4096", 0, 2)]
    [InlineData("0?until=5", 0, 5)]
    [InlineData("0?until=5&limit=3", 0, 3)]
    [InlineData("0?until=3&limit=5", 0, 3)]
    [InlineData("190?until=latest", 190, 10)]
    [InlineData("190?until=-4", 190, 6)]
    [InlineData("190?until=1000", 190, 10)]
    [InlineData("190?until=@2200-01-01", 190, 10)]
    [InlineData("190?until=@-0", 190, 10)]
    public async Task Get_Bounds_ReturnsRecordsBeforeThem(string path, long first, int count)
    {
        await AppendAsync(100);
        await AppendAsync(100);
        using var response = await _server.Client.GetAsync($"/topics/t/{path}");
        var offsets = await OffsetsAsync(response);
        Assert.Equal(Enumerable.Range((int)first, count).Select(offset => (long)offset), offsets);
        Assert.Equal(
            (first, first + count, 200),
            (
                TestServer.Number(response, "Log-First-Offset"),
                TestServer.Number(response, "Log-Next-Offset"),
                TestServer.Number(response, "Log-End-Offset")
            )
        );
        // The records come by sendfile, so their length is known before.
        Assert.NotNull(response.Content.Headers.ContentLength);

        using var head = await _server.SendAsync(HttpMethod.Head, $"/topics/t/{path}");
        foreach (var name in new[] { "Content-Length", "Log-Next-Offset", "Cache-Control", "ETag" })
            Assert.Equal(TestServer.Header(response, name), TestServer.Header(head, name));
    }

    [Fact]
    public async Task Get_FollowingLinks_KeepsLimit()
    {
        await AppendAsync(25);
        var (path, sizes) = ("/topics/t/earliest?limit=10", new List<int>());
        while (true)
        {
            using var response = await _server.Client.GetAsync(path);
            path = TestServer.NextLink(response);
            Assert.EndsWith("&limit=10", path, StringComparison.Ordinal);
            if (response.StatusCode == HttpStatusCode.NoContent)
                break;
            sizes.Add((await OffsetsAsync(response)).Length);
        }
        Assert.Equal([10, 10, 5], sizes);
    }

    [Fact]
    public async Task Get_LinksWithinBounds_ReturnEachRecordOnce()
    {
        const int Count = 240;
        await AppendAsync(Count);
        await Gen.Select(
                Gen.Int[0, Count],
                Gen.Int[0, Count],
                Gen.OneOf(Gen.Const(0), Gen.Int[1, 100]),
                Gen.OneOf(Gen.Const(4096), Gen.Const(1 << 20))
            )
            .SampleAsync(
                async (from, until, limit, maxBytes) =>
                {
                    var path = string.Create(
                        CultureInfo.InvariantCulture,
                        $"/topics/t/{from}?until={until}&maxBytes={maxBytes}{(limit == 0 ? "" : $"&limit={limit}")}"
                    );
                    var seen = new List<long>();
                    while (path.Length > 0)
                    {
                        using var response = await _server.Client.GetAsync(path);
                        var offsets = await OffsetsAsync(response);
                        Assert.True(limit == 0 || offsets.Length <= limit);
                        seen.AddRange(offsets);
                        path = response.Headers.Contains("Link") ? TestServer.NextLink(response) : "";
                    }
                    Assert.Equal(
                        Enumerable.Range(from, Math.Max(0, until - from)).Select(offset => (long)offset),
                        seen
                    );
                },
                iter: 40,
                threads: 2
            );
    }

    [Theory]
    [InlineData("5?until=5")]
    [InlineData("5?until=2")]
    [InlineData("latest?until=latest")]
    [InlineData("5?until=5&wait=60s")]
    [InlineData("latest?until=latest&wait=60s&limit=1")]
    [InlineData("5?until=5&view=values")]
    [InlineData("5?until=5&key=a")]
    [InlineData("5?until=5&follow=true")]
    [InlineData("latest?until=latest&follow=true&limit=3")]
    public async Task Get_UntilNotAfterPlace_Returns204WithoutLink(string path)
    {
        await AppendAsync(10);
        using var response = await _server.Client.GetAsync($"/topics/t/{path}");
        Assert.Equal(HttpStatusCode.NoContent, response.StatusCode);
        Assert.False(response.Headers.Contains("Link"));
    }

    [Fact]
    public async Task Get_UntilLatest_LinksToSameEnd()
    {
        await AppendAsync(10);
        using var first = await _server.Client.GetAsync("/topics/t/0?until=latest&limit=4");
        Assert.EndsWith("&limit=4&until=10", TestServer.NextLink(first), StringComparison.Ordinal);
        await AppendAsync(10);
        using var second = await _server.Client.GetAsync(TestServer.NextLink(first));
        using var third = await _server.Client.GetAsync(TestServer.NextLink(second));
        Assert.Equal((long[])[8, 9], await OffsetsAsync(third));
        Assert.False(third.Headers.Contains("Link"));
    }

    [Theory]
    [InlineData("11", HttpStatusCode.RequestedRangeNotSatisfiable, "offset_beyond_end")]
    [InlineData("0", HttpStatusCode.Gone, "offset_gone")]
    public async Task Get_PlaceOutsideLog_FailsWhateverBounds(string place, HttpStatusCode status, string code)
    {
        await AppendAsync(10);
        await _server.SendAsync(HttpMethod.Delete, "/topics/t/records?before=4");
        foreach (var query in new[] { "limit=1", "until=0", "until=latest&limit=1", "until=0&follow=true" })
            await TestServer.ProblemAsync(await _server.Client.GetAsync($"/topics/t/{place}?{query}"), status, code);
    }

    [Theory]
    [InlineData("limit=0", "invalid_parameter")]
    [InlineData("limit=-1", "invalid_parameter")]
    [InlineData("limit=9223372036854775808", "invalid_parameter")]
    [InlineData("limit=ten", "invalid_parameter")]
    [InlineData("limit=1&limit=2", "invalid_parameter")]
    [InlineData("until=", "invalid_place")]
    [InlineData("until=soon", "invalid_place")]
    [InlineData("until=@-1", "invalid_place")]
    [InlineData("until=1&until=2", "invalid_parameter")]
    public async Task Get_InvalidBounds_AreRejected(string query, string code)
    {
        await AppendAsync(1);
        foreach (var follow in new[] { "", "&follow=true" })
            await TestServer.ProblemAsync(
                await _server.Client.GetAsync($"/topics/t/0?{query}{follow}"),
                HttpStatusCode.BadRequest,
                code
            );
        await TestServer.ProblemAsync(
            await _server.Client.GetAsync($"/topics/t/0/value?{query}"),
            HttpStatusCode.BadRequest,
            "invalid_parameter",
            "Unknown query parameter"
        );
    }

    [Fact]
    public async Task Get_Bounds_AreCachedWhileTheyCannotChange()
    {
        await AppendAsync(100);
        var id = await _server.TopicIdAsync("t");
        foreach (
            var (query, expected) in new[]
            {
                // All records of the limit are there, also where it ends with the log.
                ($"0?partition=0&v={id}&limit=10", Forever),
                ($"95?partition=0&v={id}&limit=5", Forever),
                ($"95?partition=0&v={id}&until=100", Forever),
                ($"95?partition=0&v={id}&limit=5&view=values", Forever),
                ($"95?partition=0&v={id}&limit=5&wait=1ms", Forever),
                // One may come yet.
                ($"95?partition=0&v={id}&limit=6", "no-cache"),
                ($"95?partition=0&v={id}&until=101", "no-cache"),
                ($"95?partition=0&v={id}&limit=6&wait=1ms&minBytes=100000", Shared),
                // The bound moves with the log.
                ($"0?partition=0&v={id}&until=latest", "no-cache"),
                ($"0?partition=0&v={id}&until=-10", "no-cache"),
                ($"0?partition=0&v={id}&until=@2200-01-01", "no-cache"),
                ($"0?partition=0&v={id}&until=@-1ms", "no-cache"),
                ($"-10?partition=0&v={id}&limit=1", "no-store"),
                ($"@-1h?partition=0&v={id}&limit=1", "no-store"),
                ($"0?partition=0&limit=10", "no-cache"),
                ($"5?partition=0&v={id}&until=5", "no-store"),
            }
        )
        {
            using var response = await _server.Client.GetAsync($"/topics/t/{query}");
            Assert.Equal((query, expected), (query, TestServer.Header(response, "Cache-Control")));
        }
    }

    [Fact]
    public async Task Get_ImmutableLimit_StaysSameWhenLogGrows()
    {
        await AppendAsync(5);
        var path = $"/topics/t/2?partition=0&v={await _server.TopicIdAsync("t")}&limit=3";
        using var before = await _server.Client.GetAsync(path);
        Assert.Equal(Forever, TestServer.Header(before, "Cache-Control"));
        await AppendAsync(100);
        using var after = await _server.Client.GetAsync(path);
        Assert.Equal(await before.Content.ReadAsByteArrayAsync(), await after.Content.ReadAsByteArrayAsync());
        foreach (var name in new[] { "Link", "ETag", "Cache-Control", "Log-Next-Offset" })
            Assert.Equal(TestServer.Header(before, name), TestServer.Header(after, name));

        using var known = await _server.SendAsync(
            HttpMethod.Get,
            path,
            ("If-None-Match", TestServer.Header(before, "ETag")!)
        );
        Assert.Equal(HttpStatusCode.NotModified, known.StatusCode);
        using var part = await _server.SendAsync(HttpMethod.Get, path, ("Range", "bytes=0-9"));
        Assert.Equal(
            (HttpStatusCode.PartialContent, "{\"offset\":"),
            (part.StatusCode, await part.Content.ReadAsStringAsync())
        );
        using var beyond = await _server.SendAsync(HttpMethod.Get, path, ("Range", "bytes=100000-"));
        await TestServer.ProblemAsync(beyond, HttpStatusCode.RequestedRangeNotSatisfiable, "range_not_satisfiable");
    }

    [Fact]
    public async Task Get_SharedPage_IsSameBesideBoundedOnes()
    {
        await AppendAsync(40);
        var path = $"/topics/t/0?partition=0&v={await _server.TopicIdAsync("t")}&maxBytes=16384";
        using var before = await _server.Client.GetAsync(path);
        for (var limit = 1; limit <= 20; limit++)
            using (await _server.Client.GetAsync($"{path}&limit={limit}&until={limit + 2}")) { }
        using var after = await _server.Client.GetAsync(path);
        Assert.Equal(await before.Content.ReadAsByteArrayAsync(), await after.Content.ReadAsByteArrayAsync());
        foreach (var name in new[] { "Link", "ETag" })
            Assert.Equal(TestServer.Header(before, name), TestServer.Header(after, name));
    }

    [Fact]
    public async Task Get_WaitWithLimit_ReturnsAtMostThatMany()
    {
        await AppendAsync(1);
        var poll = _server.Client.GetAsync("/topics/t/latest?wait=60s&minBytes=1000000&limit=3");
        await TestServer.UntilAsync(() => _server.Waiting == 1);
        await AppendAsync(5);
        using var response = await poll;
        Assert.Equal((long[])[1, 2, 3], await OffsetsAsync(response));
        Assert.EndsWith("&minBytes=1000000&limit=3", TestServer.NextLink(response), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Get_WaitWithUntil_EndsOnceReached()
    {
        await AppendAsync(1);
        var poll = _server.Client.GetAsync("/topics/t/0?wait=60s&minBytes=1000000&until=2");
        await TestServer.UntilAsync(() => _server.Waiting == 1);
        await AppendAsync(1);
        using var response = await poll;
        Assert.Equal((long[])[0, 1], await OffsetsAsync(response));
        Assert.False(response.Headers.Contains("Link"));
    }

    [Theory]
    [InlineData("application/x-ndjson", "\"0 x\"\n\"1 x\"\n")]
    [InlineData("application/json", "[\"0 x\",\n\"1 x\"]\n")]
    [InlineData("text/plain", "0 x\n1 x\n")]
    public async Task Get_ValuesWithLimit_ReturnsThatMany(string accept, string expected)
    {
        await AppendAsync(5, valueBytes: 1);
        using var response = await _server.SendAsync(
            HttpMethod.Get,
            "/topics/t/0?view=values&limit=2",
            ("Accept", accept)
        );
        Assert.Equal(expected, await response.Content.ReadAsStringAsync());
        Assert.EndsWith("2", TestServer.NextLink(response).Split('?')[0], StringComparison.Ordinal);
        Assert.EndsWith("&limit=2&view=values", TestServer.NextLink(response), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Get_KeyWithLimit_CountsMatches()
    {
        using var produced = await _server.PostAsync(
            "/topics/t",
            "application/vnd.loghttp.records+ndjson",
            string.Concat(
                Enumerable.Range(0, 100).Select(number => $"{{\"key\":\"k{number % 10}\",\"value\":{number}}}\n")
            )
        );
        Assert.Equal(HttpStatusCode.Created, produced.StatusCode);
        var (path, seen) = ("/topics/t/earliest?key=k7&limit=4", new List<long[]>());
        while (true)
        {
            using var response = await _server.Client.GetAsync(path);
            path = TestServer.NextLink(response);
            if (response.StatusCode == HttpStatusCode.NoContent)
                break;
            seen.Add(await OffsetsAsync(response));
        }
        Assert.Equal(
            (long[][])
                [
                    [7, 17, 27, 37],
                    [47, 57, 67, 77],
                    [87, 97],
                ],
            seen
        );

        var id = await _server.TopicIdAsync("t");
        foreach (
            var (query, next, expected) in new[]
            {
                ("limit=10", 98L, Forever),
                ("limit=11", 100L, "no-cache"),
                ("limit=1&until=50", 8L, Forever),
                ("limit=9&until=50", 50L, Forever),
            }
        )
        {
            using var response = await _server.Client.GetAsync($"/topics/t/0?partition=0&v={id}&key=k7&{query}");
            Assert.Equal(
                (query, next, expected),
                (query, TestServer.Number(response, "Log-Next-Offset"), TestServer.Header(response, "Cache-Control"))
            );
        }
        Assert.Equal(0, _server.FollowingBytes);
    }

    [Fact]
    public async Task Get_TimeBeforeNow_StartsAtFirstRecordSince()
    {
        var now = TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds();
        foreach (var minutesAgo in new[] { 300, 120, 30, 1 })
            (
                await _server.PostAsync(
                    "/topics/t",
                    "text/plain",
                    "x",
                    ("Record-Timestamp", $"{now - minutesAgo * 60_000}")
                )
            ).EnsureSuccessStatusCode();
        foreach (
            var (place, first) in new[]
            {
                ("@-7d", 0),
                ("@-4h", 1),
                ("@-90m", 2),
                ("@-120s", 3),
                ("@-1000ms", 4),
                ("@-0", 4),
            }
        )
        {
            using var response = await _server.Client.GetAsync($"/topics/t/{place}");
            Assert.Equal((place, first), (place, TestServer.Number(response, "Log-First-Offset")));
            Assert.Equal("no-store", TestServer.Header(response, "Cache-Control"));
        }
        using var between = await _server.Client.GetAsync("/topics/t/@-4h?until=@-10m");
        Assert.Equal((long[])[1, 2], await OffsetsAsync(between));
        using var value = await _server.Client.GetAsync("/topics/t/@-90m/value");
        Assert.Equal(2, TestServer.Number(value, "Log-First-Offset"));
        (await _server.SendAsync(HttpMethod.Delete, "/topics/t/records?before=@-90m")).EnsureSuccessStatusCode();
        Assert.Equal(2, TestServer.Number(await _server.Client.GetAsync("/topics/t/earliest"), "Log-First-Offset"));
    }
}
