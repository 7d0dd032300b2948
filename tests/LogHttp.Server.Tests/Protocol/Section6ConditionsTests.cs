using System.Net;

namespace LogHttp.Server.Tests.Protocol;

/// <summary>Ranges of immutable pages, and preconditions on every method (RFC 9110 §13 and §14).</summary>
public sealed class Section6ConditionsTests : IDisposable
{
    readonly TestServer _server = new(("SegmentBytes", "65536"));

    public void Dispose() => _server.Dispose();

    /// <summary>Appends a final page and returns its URL.</summary>
    async Task<string> AppendAsync()
    {
        for (var i = 0; i < 100; i++)
            await _server.PostAsync("/topics/t", "text/plain", new string('x', 1_000));
        return $"/topics/t/0?partition=0&v={await _server.TopicIdAsync("t")}";
    }

    [Fact]
    public async Task Range_OfFinalPage_ReturnsBytes()
    {
        var url = await AppendAsync();
        foreach (var path in new[] { url, url.Replace("/0?", "/0/value?", StringComparison.Ordinal) })
        {
            using var whole = await _server.Client.GetAsync(path);
            var bytes = await whole.Content.ReadAsByteArrayAsync();
            var (length, etag) = (bytes.Length, TestServer.Header(whole, "ETag")!);
            Assert.Equal("bytes", TestServer.Header(whole, "Accept-Ranges"));
            foreach (
                var (range, first, last) in new[]
                {
                    ("bytes=0-9", 0, 9),
                    ("bytes=5-", 5, length - 1),
                    ("bytes=-7", length - 7, length - 1),
                    ("BYTES=1-1", 1, 1),
                    ("bytes=0-99999999", 0, length - 1),
                    ("bytes=-99999999", 0, length - 1),
                    ("bytes= 3-4", 3, 4),
                    ("bytes=,2-3", 2, 3),
                }
            )
            {
                using var part = await _server.SendAsync(HttpMethod.Get, path, ("Range", range), ("If-Range", etag));
                Assert.Equal(
                    (range, HttpStatusCode.PartialContent, $"bytes {first}-{last}/{length}"),
                    (range, part.StatusCode, TestServer.Header(part, "Content-Range"))
                );
                Assert.Equal(bytes[first..(last + 1)], await part.Content.ReadAsByteArrayAsync());
            }
            // Several ranges, another unit, another version, a date, no range: the whole page. HEAD has no ranges.
            foreach (
                var headers in new (string, string)[][]
                {
                    [("Range", "bytes=0-1,3-4")],
                    [("Range", "lines=0-1")],
                    [("Range", "bytes=2-1")],
                    [("Range", "bytes=x")],
                    [("Range", "bytes=0-1"), ("If-Range", "\"other\"")],
                    [("Range", "bytes=0-1"), ("If-Range", $"W/{etag}")],
                    [("Range", "bytes=0-1"), ("If-Range", "Sun, 06 Nov 1994 08:49:37 GMT")],
                }
            )
            {
                using var all = await _server.SendAsync(HttpMethod.Get, path, headers);
                Assert.Equal(
                    (HttpStatusCode.OK, length),
                    (all.StatusCode, (await all.Content.ReadAsByteArrayAsync()).Length)
                );
            }
            using var head = await _server.SendAsync(HttpMethod.Head, path, ("Range", "bytes=0-1"));
            Assert.Equal((HttpStatusCode.OK, length), (head.StatusCode, head.Content.Headers.ContentLength));
            using var beyond = await _server.SendAsync(HttpMethod.Get, path, ("Range", $"bytes={length}-"));
            await TestServer.ProblemAsync(beyond, HttpStatusCode.RequestedRangeNotSatisfiable, "range_not_satisfiable");
            Assert.Equal($"bytes */{length}", TestServer.Header(beyond, "Content-Range"));
        }
    }

    [Fact]
    public async Task Range_OfGrowingPage_IsIgnored()
    {
        await AppendAsync();
        foreach (
            var path in new[]
            {
                "/topics/t/0",
                "/topics/t/earliest",
                "/topics/t/0?view=values",
                "/topics/t/99?partition=0",
            }
        )
        {
            using var response = await _server.SendAsync(HttpMethod.Get, path, ("Range", "bytes=0-1"));
            Assert.Equal(
                (HttpStatusCode.OK, null),
                (response.StatusCode, TestServer.Header(response, "Accept-Ranges"))
            );
        }
    }

    [Fact]
    public async Task IfMatch_OfPage_ComparesStrongly()
    {
        var path = await AppendAsync();
        using var first = await _server.Client.GetAsync(path);
        var etag = TestServer.Header(first, "ETag")!;
        foreach (
            var (given, holds) in new[]
            {
                (etag, true),
                ("*", true),
                ($"\"other\", {etag}", true),
                ($"W/{etag}", false),
                ("\"other\"", false),
                ("other", false),
            }
        )
        {
            foreach (var method in new[] { HttpMethod.Get, HttpMethod.Head })
            {
                using var response = await _server.SendAsync(method, path, ("If-Match", given));
                Assert.Equal(
                    (given, holds ? HttpStatusCode.OK : HttpStatusCode.PreconditionFailed),
                    (given, response.StatusCode)
                );
            }
        }
        // If-Match has precedence over If-None-Match.
        using var both = await _server.SendAsync(
            HttpMethod.Get,
            path,
            ("If-Match", "\"other\""),
            ("If-None-Match", etag)
        );
        await TestServer.ProblemAsync(both, HttpStatusCode.PreconditionFailed, "precondition_failed");
    }

    [Theory]
    [InlineData("PUT", "/topics/t", "If-None-Match", "*", 412)]
    [InlineData("PUT", "/topics/new", "If-None-Match", "*", 201)]
    [InlineData("PUT", "/topics/t", "If-None-Match", "\"x\"", 200)]
    [InlineData("PUT", "/topics/t", "If-Match", "*", 200)]
    [InlineData("PUT", "/topics/new", "If-Match", "*", 412)]
    [InlineData("GET", "/topics/t", "If-Match", "*", 200)]
    [InlineData("GET", "/topics/t", "If-Match", "\"x\"", 412)]
    [InlineData("GET", "/topics/t", "If-None-Match", "*", 304)]
    [InlineData("GET", "/topics/t", "If-None-Match", "\"x\"", 200)]
    [InlineData("GET", "/topics/none", "If-Match", "\"x\"", 404)]
    [InlineData("PUT", "/topics/t", "Transfer-Encoding", "gzip, chunked", 501)]
    [InlineData("PATCH", "/topics/t", "Transfer-Encoding", "gzip, chunked", 501)]
    [InlineData("PATCH", "/topics/t", "If-Match", "*", 200)]
    [InlineData("PATCH", "/topics/t", "If-Match", "\"x\"", 412)]
    [InlineData("PATCH", "/topics/t", "If-None-Match", "*", 412)]
    [InlineData("DELETE", "/topics/t", "If-Match", "\"x\"", 412)]
    [InlineData("DELETE", "/topics/t", "If-None-Match", "*", 412)]
    [InlineData("DELETE", "/topics/none", "If-Match", "\"x\"", 404)]
    [InlineData("DELETE", "/topics/t", "If-Match", "*", 204)]
    [InlineData("DELETE", "/topics/t/records?before=1", "If-Match", "\"x\"", 412)]
    [InlineData("DELETE", "/topics/t/records?before=1", "If-Match", "*", 200)]
    [InlineData("POST", "/topics/t", "If-None-Match", "*", 412)]
    [InlineData("POST", "/topics/new", "If-None-Match", "*", 201)]
    public async Task Condition_OfTopic_AppliesToEveryMethod(
        string method,
        string path,
        string header,
        string value,
        int status
    )
    {
        using (await _server.PostAsync("/topics/t", "text/plain", "x")) { }
        using var response = await _server.SendAsync(
            new HttpMethod(method),
            path,
            method == "DELETE" ? null : "{}",
            (header, value)
        );
        Assert.True(
            status == (int)response.StatusCode,
            $"{(int)response.StatusCode} {await response.Content.ReadAsStringAsync()}"
        );
    }

    [Theory]
    [InlineData("GET", "/topics", "If-Match", "*", 200)]
    [InlineData("GET", "/topics", "If-Match", "\"x\"", 412)]
    [InlineData("GET", "/topics", "If-None-Match", "*", 304)]
    [InlineData("HEAD", "/topics", "If-None-Match", "*", 304)]
    [InlineData("GET", "/topics", "If-None-Match", "\"x\"", 200)]
    [InlineData("GET", "/topics?limit=0", "If-Match", "\"x\"", 400)]
    [InlineData("GET", "/topics/t/producers/p", "If-Match", "*", 200)]
    [InlineData("GET", "/topics/t/producers/p", "If-Match", "\"x\"", 412)]
    [InlineData("GET", "/topics/t/producers/p", "If-None-Match", "*", 304)]
    [InlineData("GET", "/topics/t/producers/p", "If-None-Match", "\"x\"", 200)]
    [InlineData("GET", "/topics/t/producers/none", "If-Match", "\"x\"", 404)]
    [InlineData("POST", "/topics/t/verify", "If-Match", "*", 200)]
    [InlineData("POST", "/topics/t/verify", "If-Match", "\"x\"", 412)]
    [InlineData("POST", "/topics/t/verify", "If-None-Match", "*", 412)]
    [InlineData("POST", "/topics/t/verify", "If-None-Match", "\"x\"", 200)]
    [InlineData("POST", "/topics/none/verify", "If-Match", "\"x\"", 404)]
    [InlineData("GET", "/healthz", "If-Match", "*", 200)]
    [InlineData("GET", "/healthz", "If-Match", "\"x\"", 412)]
    [InlineData("GET", "/healthz", "If-None-Match", "*", 304)]
    [InlineData("HEAD", "/stream?topics=t", "If-Match", "*", 200)]
    [InlineData("HEAD", "/stream?topics=t", "If-Match", "\"x\"", 412)]
    [InlineData("HEAD", "/stream?topics=t", "If-None-Match", "*", 304)]
    [InlineData("HEAD", "/topics/t/0?follow=true", "If-Match", "\"x\"", 412)]
    [InlineData("HEAD", "/topics/t/0?follow=true", "If-None-Match", "*", 304)]
    [InlineData("GET", "/topics/t/earliest", "If-Match", "*", 200)]
    [InlineData("GET", "/topics/t/earliest", "If-Match", "\"x\"", 412)]
    [InlineData("GET", "/topics/t/earliest", "If-None-Match", "*", 304)]
    [InlineData("GET", "/topics/t/earliest/value", "If-None-Match", "*", 304)]
    public async Task Condition_WithoutETag_Applies(string method, string path, string header, string value, int status)
    {
        using (
            await _server.SendAsync(
                HttpMethod.Post,
                "/topics/t",
                "x",
                ("Producer-Id", "p"),
                ("Producer-Epoch", "0"),
                ("Producer-Seq", "0")
            )
        ) { }
        using var response = await _server.SendAsync(new HttpMethod(method), path, (header, value));
        Assert.True(
            status == (int)response.StatusCode,
            $"{(int)response.StatusCode} {await response.Content.ReadAsStringAsync()}"
        );
    }

    [Fact]
    public async Task Put_ContentRange_IsRejected()
    {
        using var response = await SendAsync(HttpMethod.Put);
        await TestServer.ProblemAsync(response, HttpStatusCode.BadRequest, "invalid_header", "Content-Range");
        // The header has no meaning for other methods (RFC 9110 §14.4).
        (HttpMethod, HttpStatusCode)[] cases =
        [
            (HttpMethod.Post, HttpStatusCode.Created),
            (HttpMethod.Patch, HttpStatusCode.OK),
        ];
        foreach (var (method, status) in cases)
        {
            using var other = await SendAsync(method);
            Assert.Equal(status, other.StatusCode);
        }

        async Task<HttpResponseMessage> SendAsync(HttpMethod method)
        {
            using var request = new HttpRequestMessage(method, "/topics/t") { Content = new StringContent("{}") };
            request.Content.Headers.ContentRange = new(0, 1, 2);
            return await _server.Client.SendAsync(request);
        }
    }

    [Fact]
    public async Task Put_CompressedBody_IsRejected()
    {
        using var request = new HttpRequestMessage(HttpMethod.Put, "/topics/t")
        {
            Content = new ByteArrayContent(Producing.Packing.Pack("gzip", "{}"u8.ToArray())),
        };
        request.Content.Headers.ContentEncoding.Add("gzip");
        await TestServer.ProblemAsync(
            await _server.Client.SendAsync(request),
            HttpStatusCode.UnsupportedMediaType,
            "unsupported_media_type",
            "gzip"
        );
    }
}
