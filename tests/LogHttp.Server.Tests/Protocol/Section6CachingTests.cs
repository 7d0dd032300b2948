using System.Net;

namespace LogHttp.Server.Tests.Protocol;

public sealed class Section6CachingTests : IDisposable
{
    const string Forever = "public, max-age=31536000, immutable";
    const string Shared = "public, max-age=0, s-maxage=5";

    readonly TestServer _server = new(("SegmentBytes", "65536"));

    public void Dispose() => _server.Dispose();

    /// <summary>Appends a sealed segment and an active one.</summary>
    async Task<string> AppendAsync(TestServer? server = null)
    {
        for (var i = 0; i < 100; i++)
            await (server ?? _server).PostAsync("/topics/t", "text/plain", new string('x', 1_000));
        return await (server ?? _server).TopicIdAsync("t");
    }

    [Fact]
    public async Task Fetch_FinalPage_IsImmutableForIdUrlAlone()
    {
        var id = await AppendAsync();
        foreach (
            var (path, expected) in new[]
            {
                ($"/topics/t/0?partition=0&v={id}", Forever),
                ($"/topics/t/0?partition=0&v={id}&view=values", Forever),
                ($"/topics/t/0?partition=0&v={id}&key=a", Forever),
                ($"/topics/t/0/value?partition=0&v={id}", Forever),
                ($"/topics/t/99/value?partition=0&v={id}", Forever),
                ($"/topics/t/0?partition=0", "no-cache"),
                ($"/topics/t/0?v={id}", "no-cache"),
                ($"/topics/t/0/value?partition=0", "no-cache"),
                ($"/topics/t/99?partition=0&v={id}", "no-cache"),
                ($"/topics/t/100?partition=0&v={id}", "no-store"),
                ($"/topics/t/101?partition=0&v={id}", "no-store"),
                ($"/topics/t/earliest?partition=0&v={id}", "no-store"),
                ($"/topics/t/-10?partition=0&v={id}", "no-store"),
                ($"/topics/t/@0?partition=0&v={id}", "no-store"),
                ("/topics/t/-1/value", "no-store"),
                ("/topics/none/0", "no-store"),
                ("/topics/t", "no-store"),
                ("/topics", "no-store"),
                ("/healthz", "no-store"),
            }
        )
        {
            using var response = await _server.Client.GetAsync(path);
            Assert.Equal((path, expected), (path, TestServer.Header(response, "Cache-Control")));
        }
    }

    [Fact]
    public async Task Fetch_FollowingLinks_IsImmutableUntilLast()
    {
        await AppendAsync();
        var found = new List<string?>();
        for (var path = TestServer.NextLink(await _server.Client.GetAsync("/topics/t/earliest?maxBytes=16384")); ; )
        {
            using var response = await _server.Client.GetAsync(path);
            if (response.StatusCode == HttpStatusCode.NoContent)
                break;
            found.Add(TestServer.Header(response, "Cache-Control"));
            path = TestServer.NextLink(response);
        }
        Assert.True(found.Count > 4);
        Assert.Equal("no-cache", found[^1]);
        Assert.All(found.SkipLast(1), cacheControl => Assert.Equal(Forever, cacheControl));
    }

    [Fact]
    public async Task Fetch_DeletedTopic_IsCachedForConcurrentClients()
    {
        foreach (var code in new[] { "topic_replaced", "unknown_topic" })
        {
            foreach (
                var (path, expected) in new[]
                {
                    ("/topics/t/0?partition=0&v=gone", Shared),
                    ("/topics/t/0?partition=0&v=gone&wait=1s", Shared),
                    ("/topics/t/0/value?partition=0&v=gone", Shared),
                    ("/topics/t/0?v=gone", "no-store"),
                    ("/topics/t/earliest?partition=0&v=gone", "no-store"),
                }
            )
            {
                if (code == "topic_replaced")
                    using (await _server.PostAsync("/topics/t", "text/plain", "x")) { }
                using var response = await _server.Client.GetAsync(path);
                await TestServer.ProblemAsync(
                    response,
                    code == "topic_replaced" ? HttpStatusCode.Gone : HttpStatusCode.NotFound,
                    code
                );
                Assert.Equal((path, expected), (path, TestServer.Header(response, "Cache-Control")));
            }
            await _server.SendAsync(HttpMethod.Delete, "/topics/t");
        }
    }

    [Fact]
    public async Task LongPoll_Response_IsCachedForSecondsIfShared()
    {
        var id = await AppendAsync();
        foreach (
            var (path, expected) in new[]
            {
                ($"/topics/t/99?partition=0&v={id}&wait=1ms", Shared),
                ($"/topics/t/99?partition=0&v={id}&wait=1ms&minBytes=100000", Shared),
                ($"/topics/t/100?partition=0&v={id}&wait=1ms", Shared),
                ($"/topics/t/100?partition=0&v={id}&wait=1ms&cursor=7", Shared),
                // A response that cannot change is kept for ever, also with a wait.
                ($"/topics/t/0?partition=0&v={id}&wait=1ms", Forever),
                ($"/topics/t/100?partition=0&wait=1ms", "no-store"),
                ($"/topics/t/99?v={id}&wait=1ms", "no-cache"),
                ($"/topics/t/101?partition=0&v={id}&wait=1ms", "no-store"),
                ($"/topics/t/latest?partition=0&v={id}&wait=1ms", "no-store"),
            }
        )
        {
            using var response = await _server.Client.GetAsync(path);
            Assert.Equal((path, expected), (path, TestServer.Header(response, "Cache-Control")));
        }
        foreach (var (offset, expected) in new[] { (99, "no-cache"), (100, "no-store") })
        {
            using var authenticated = await _server.SendAsync(
                HttpMethod.Get,
                $"/topics/t/{offset}?partition=0&v={id}&wait=1ms",
                ("Authorization", "Basic YTpi")
            );
            Assert.Equal(expected, TestServer.Header(authenticated, "Cache-Control"));
        }
    }

    [Fact]
    public async Task Fetch_AuthenticatedRequest_IsPrivate()
    {
        var id = await AppendAsync();
        using var response = await _server.SendAsync(
            HttpMethod.Get,
            $"/topics/t/0?partition=0&v={id}",
            ("Authorization", "Basic YTpi")
        );
        Assert.Equal("max-age=31536000, private, immutable", TestServer.Header(response, "Cache-Control"));
    }

    [Fact]
    public async Task Fetch_UnsyncedRecord_IsNotImmutable()
    {
        await _server.SendAsync(HttpMethod.Put, "/topics/lax", """{"flush":"os"}""");
        await _server.PostAsync("/topics/lax", "application/json", "1");
        var id = await _server.TopicIdAsync("lax");
        using var lax = await _server.Client.GetAsync($"/topics/lax/0/value?partition=0&v={id}");
        // It has no tag either: after a power cut another record may have its offset.
        Assert.Equal(("no-cache", null), (TestServer.Header(lax, "Cache-Control"), TestServer.Header(lax, "ETag")));
        // The change of policy and the append after it make it durable.
        await _server.SendAsync(HttpMethod.Patch, "/topics/lax", """{"flush":"always"}""");
        await _server.PostAsync("/topics/lax", "application/json", "2");
        using var durable = await _server.Client.GetAsync($"/topics/lax/0/value?partition=0&v={id}");
        Assert.Equal(Forever, TestServer.Header(durable, "Cache-Control"));
    }

    [Theory]
    [InlineData("/topics/t/0", "*/*")]
    [InlineData("/topics/t/0?view=values", "text/plain")]
    [InlineData("/topics/t/0?key=a", "*/*")]
    [InlineData("/topics/t/3/value", "*/*")]
    public async Task IfNoneMatch_UnchangedPage_Returns304(string path, string accept)
    {
        await _server.PostAsync("/topics/t?split=lines", "text/plain", "a\nb\nc\nd");
        using var first = await _server.SendAsync(HttpMethod.Get, path, ("Accept", accept));
        var etag = TestServer.Header(first, "ETag")!;
        foreach (var given in new[] { etag, $"W/{etag}", $"\"other\", {etag}", "*" })
        {
            foreach (var method in new[] { HttpMethod.Get, HttpMethod.Head })
            {
                using var same = await _server.SendAsync(method, path, ("Accept", accept), ("If-None-Match", given));
                Assert.Equal(
                    (HttpStatusCode.NotModified, etag, "no-cache"),
                    (same.StatusCode, TestServer.Header(same, "ETag"), TestServer.Header(same, "Cache-Control"))
                );
                Assert.Empty(await same.Content.ReadAsByteArrayAsync());
                Assert.NotNull(TestServer.Header(same, "Log-Next-Offset"));
            }
        }
        using var other = await _server.SendAsync(
            HttpMethod.Get,
            path,
            ("Accept", "application/json"),
            ("If-None-Match", etag)
        );
        Assert.Equal(
            path.EndsWith("/value", StringComparison.Ordinal) ? HttpStatusCode.NotModified : HttpStatusCode.OK,
            other.StatusCode
        );
        await _server.PostAsync("/topics/t", "text/plain", "e");
        using var grown = await _server.SendAsync(HttpMethod.Get, path, ("Accept", accept), ("If-None-Match", etag));
        Assert.Equal(
            path.EndsWith("/value", StringComparison.Ordinal) ? HttpStatusCode.NotModified : HttpStatusCode.OK,
            grown.StatusCode
        );
    }

    [Fact]
    public async Task CacheMaxAge_Set_IsUsed()
    {
        using var server = new TestServer(("SegmentBytes", "65536"), ("CacheMaxAge", "60s"));
        var id = await AppendAsync(server);
        using var response = await server.Client.GetAsync($"/topics/t/0?partition=0&v={id}");
        Assert.Equal("public, max-age=60, immutable", TestServer.Header(response, "Cache-Control"));
        using var never = new TestServer(("SegmentBytes", "65536"), ("CacheMaxAge", "0"));
        id = await AppendAsync(never);
        using var asked = await never.Client.GetAsync($"/topics/t/0?partition=0&v={id}");
        Assert.Equal("no-cache", TestServer.Header(asked, "Cache-Control"));
    }
}
