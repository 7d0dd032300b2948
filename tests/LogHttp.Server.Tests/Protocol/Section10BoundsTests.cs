using System.Net;
using System.Text;
using System.Text.Json;
using LogHttp.AspNetCore.Following;

namespace LogHttp.Server.Tests.Protocol;

/// <summary>Endless responses that end, and the bookmarks in lines of several partitions.</summary>
public sealed class Section10BoundsTests : IDisposable
{
    const string Events = "text/event-stream";

    readonly TestServer _server = new(("SegmentBytes", "65536"), ("HeartbeatInterval", "60s"));

    public void Dispose() => _server.Dispose();

    async Task AppendAsync(int count, string topic = "t", int valueBytes = 1_000, string query = "")
    {
        var values = Enumerable.Range(0, count).Select(number => $"{number} {new string('x', valueBytes)}");
        using var response = await _server.PostAsync(
            $"/topics/{topic}?split=lines{query}",
            "text/plain",
            string.Join('\n', values)
        );
        Assert.Equal(HttpStatusCode.Created, response.StatusCode);
    }

    Task<HttpResponseMessage> OpenAsync(string path, string accept = "*/*")
    {
        var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.TryAddWithoutValidation("Accept", accept);
        return _server.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
    }

    /// <summary>Reads a response that ends by itself. Returns the offsets of its records.</summary>
    static async Task<long[]> OffsetsAsync(HttpResponseMessage response)
    {
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        var text = await response.Content.ReadAsStringAsync().WaitAsync(TimeSpan.FromSeconds(30));
        return
        [
            .. text.Split('\n')
                .Select(line => line.StartsWith("data: ", StringComparison.Ordinal) ? line[6..] : line)
                .Where(line => line.Contains("\"offset\":", StringComparison.Ordinal))
                .Select(line => JsonDocument.Parse(line).RootElement.GetProperty("offset").GetInt64()),
        ];
    }

    static long[] Range(int first, int count) => [.. Enumerable.Range(first, count).Select(offset => (long)offset)];

    [Theory]
    [InlineData("/topics/t/0?follow=true&limit=10", 0, 10)]
    [InlineData("/topics/t/0?follow=true&limit=150", 0, 150)]
    [InlineData("/topics/t/150?follow=true&limit=50", 150, 50)]
    [InlineData("/topics/t/-3?follow=true&limit=2", 197, 2)]
    [InlineData("/topics/t/0?follow=true&until=latest", 0, 200)]
    [InlineData("/topics/t/10?follow=true&until=11", 10, 1)]
    [InlineData("/topics/t/10?follow=true&until=-20&limit=300", 10, 170)]
    [InlineData("/topics/t/10?follow=true&until=100&limit=30", 10, 30)]
    [InlineData("/stream?topics=t:earliest&limit=10", 0, 10)]
    [InlineData("/stream?topics=t:earliest&until=latest", 0, 200)]
    [InlineData("/stream?topics=t:190&until=195", 190, 5)]
    public async Task Follow_Bounds_EndsThere(string path, int first, int count)
    {
        await AppendAsync(100);
        await AppendAsync(100);
        foreach (var accept in new[] { "*/*", "application/x-ndjson", Events })
        {
            using var response = await OpenAsync(path, accept);
            Assert.Equal(Range(first, count), await OffsetsAsync(response));
        }
        await TestServer.UntilAsync(() => _server.FollowingBytes == 0);
    }

    [Theory]
    [InlineData("limit=7", "*/*")]
    [InlineData("limit=7", Events)]
    [InlineData("until=11", "*/*")]
    [InlineData("until=11", Events)]
    public async Task Follow_LiveLog_EndsAtBounds(string bounds, string accept)
    {
        await AppendAsync(4);
        using var response = await OpenAsync($"/topics/t/4?follow=true&{bounds}", accept);
        var offsets = OffsetsAsync(response);
        for (var i = 0; i < 7; i++)
        {
            Assert.False(offsets.IsCompleted);
            await AppendAsync(i == 6 ? 5 : 1);
        }
        Assert.Equal(Range(4, 7), await offsets);
        await TestServer.UntilAsync(() => _server.Waiting == 0);
    }

    [Fact]
    public async Task Follow_LargeRecords_EndsAtLimit()
    {
        await AppendAsync(5, valueBytes: 200_000);
        foreach (
            var path in new[]
            {
                "/topics/t/1?follow=true&limit=3",
                "/topics/t/1?follow=true&until=4",
                "/stream?topics=t:1&limit=3",
                "/stream?topics=t:1&until=4",
            }
        )
        {
            foreach (var accept in new[] { "*/*", Events })
            {
                using var response = await OpenAsync(path, accept);
                Assert.Equal(Range(1, 3), await OffsetsAsync(response));
            }
        }
    }

    [Fact]
    public async Task Stream_UntilLatest_EndsInEveryPartition()
    {
        await _server.SendAsync(HttpMethod.Put, "/topics/three", "{\"partitions\":3}");
        await AppendAsync(150, "three", query: "&partition=0");
        await AppendAsync(1, "three", query: "&partition=2");
        await AppendAsync(2);
        using var response = await OpenAsync("/stream?topics=three:earliest,t:earliest&until=latest");
        Assert.Equal(153, (await OffsetsAsync(response)).Length);
        using var limited = await OpenAsync("/stream?topics=three:earliest,t:earliest&until=latest&limit=40");
        Assert.Equal(40, (await OffsetsAsync(limited)).Length);

        // A live stream ends when the last partition has reached its end.
        using var last = await OpenAsync("/stream?topics=three/2:earliest,t:earliest&until=@2200-01-01");
        Assert.Equal(3, (await OffsetsAsync(last)).Length);
        await TestServer.ProblemAsync(
            await OpenAsync("/stream?topics=three:earliest&until=5"),
            HttpStatusCode.BadRequest,
            "invalid_parameter",
            "until is an offset"
        );
        using var ended = await OpenAsync("/stream?topics=three,t&until=latest", Events);
        Assert.Equal(
            (HttpStatusCode.NoContent, "no-store"),
            (ended.StatusCode, TestServer.Header(ended, "Cache-Control"))
        );
    }

    [Fact]
    public async Task Stream_TimeBeforeNow_StartsThere()
    {
        await AppendAsync(3);
        using var response = await OpenAsync("/stream?topics=t:@-1h&until=@-0");
        Assert.Equal(Range(0, 3), await OffsetsAsync(response));
    }

    sealed class Lines(Stream stream) : IDisposable
    {
        readonly StreamReader _reader = new(stream, Encoding.UTF8);

        public async Task<JsonElement> ReadAsync()
        {
            string? line;
            do line = await _reader.ReadLineAsync().WaitAsync(TimeSpan.FromSeconds(30));
            while (line is "");
            return JsonDocument.Parse(line!).RootElement;
        }

        public void Dispose() => _reader.Dispose();
    }

    async Task<Lines> LinesAsync(string path)
    {
        var response = await OpenAsync(path);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        return new(await response.Content.ReadAsStreamAsync());
    }

    static string? IdIn(JsonElement line) => line.TryGetProperty("lastEventId", out var id) ? id.GetString() : null;

    [Fact]
    public async Task Stream_Lines_BeginWithBookmarkAndFollowRecords()
    {
        await _server.SendAsync(HttpMethod.Put, "/topics/two", "{\"partitions\":2}");
        var id = await _server.TopicIdAsync("two");
        using var lines = await LinesAsync("/stream?topics=two");
        var first = await lines.ReadAsync();
        Assert.Equal($"two/0-1/{id}:0.0", IdIn(first));
        Assert.Single(first.EnumerateObject());
        await AppendAsync(2, "two", query: "&partition=1");
        for (var i = 0; i < 2; i++)
            Assert.Equal(i, (await lines.ReadAsync()).GetProperty("offset").GetInt64());
        // It comes without another record, and long before a heartbeat.
        Assert.Equal($"two/0-1/{id}:0.2", IdIn(await lines.ReadAsync()));
    }

    [Fact]
    public async Task Stream_ResumedAtBookmarks_GetsEachRecordOnce()
    {
        await _server.SendAsync(HttpMethod.Put, "/topics/two", "{\"partitions\":2}");
        var appending = Task.Run(async () =>
        {
            for (var i = 0; i < 60; i++)
                await AppendAsync(3, "two", query: $"&partition={i % 2}");
        });
        var (id, seen) = ("", new List<(int, long)>());
        while (seen.Count < 180)
        {
            using var lines = await LinesAsync(
                $"/stream?topics=two:earliest&limit=17&lastEventId={Uri.EscapeDataString(id)}"
            );
            var unmarked = new List<(int, long)>();
            // Records after the last bookmark do not count for a client that is cut off there.
            for (var bookmarks = 0; bookmarks < 2; )
            {
                var line = await lines.ReadAsync();
                if (IdIn(line) is { } next)
                {
                    (id, bookmarks) = (next, bookmarks + 1);
                    seen.AddRange(unmarked);
                    unmarked.Clear();
                }
                else
                    unmarked.Add((line.GetProperty("partition").GetInt32(), line.GetProperty("offset").GetInt64()));
            }
        }
        await appending;
        Assert.Equal(180, seen.Distinct().Count());
        foreach (var partition in seen.GroupBy(record => record.Item1))
            Assert.Equal(Range(0, 90), partition.Select(record => record.Item2));
    }

    [Fact]
    public async Task Stream_LimitReached_EndsWithBookmark()
    {
        await AppendAsync(5);
        using var response = await OpenAsync("/stream?topics=t:earliest&limit=3");
        var text = await response.Content.ReadAsStringAsync();
        Assert.EndsWith(
            $"\n{{\"lastEventId\":\"t/0/{await _server.TopicIdAsync("t")}:3\"}}\n",
            text,
            StringComparison.Ordinal
        );
        // Not one for each record.
        Assert.InRange(
            text.Split("lastEventId").Length - 1,
            2,
            2 + (int)(30 / ManyLinesFollow.BookmarkInterval.TotalSeconds)
        );
    }
}
