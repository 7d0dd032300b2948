using System.Net;

namespace LogHttp.Server.Tests.Protocol;

public sealed class Section3LongPollTests : IDisposable
{
    readonly TestServer _server = new(("MaxWaiting", "3"), ("MaxWait", "60s"), ("SegmentBytes", "65536"));

    public void Dispose() => _server.Dispose();

    Task<HttpResponseMessage> AppendAsync(string value) => _server.PostAsync("/topics/t", "text/plain", value);

    /// <summary>Waits until a number of requests wait, so that the next change affects them.</summary>
    Task WaitingAsync(int count) => TestServer.UntilAsync(() => _server.Waiting == count);

    [Theory]
    [InlineData("latest")]
    [InlineData("1")]
    [InlineData("@2200-01-01")]
    public async Task Get_AtEnd_WaitsAndReturnsNextRecord(string place)
    {
        await AppendAsync("before");
        var poll = _server.Client.GetAsync($"/topics/t/{place}?wait=60s");
        await WaitingAsync(1);
        await AppendAsync("after");
        using var response = await poll;
        Assert.Equal((HttpStatusCode.OK, 1), (response.StatusCode, TestServer.Number(response, "Log-First-Offset")));
        Assert.Contains("\"value\":\"after\"", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.EndsWith("&wait=60000ms", TestServer.NextLink(response), StringComparison.Ordinal);
        await WaitingAsync(0);
    }

    [Fact]
    public async Task Get_MinBytes_WaitsForThatMuch()
    {
        await AppendAsync("one");
        var poll = _server.Client.GetAsync("/topics/t/0?wait=60s&minBytes=500");
        await WaitingAsync(1);
        await AppendAsync("two");
        await AppendAsync(new string('x', 500));
        using var response = await poll;
        Assert.Equal(
            (0, 3),
            (TestServer.Number(response, "Log-First-Offset"), TestServer.Number(response, "Log-Next-Offset"))
        );
    }

    [Fact]
    public async Task Get_PageEndsBeforeLog_DoesNotWait()
    {
        for (var i = 0; i < 100; i++)
            await AppendAsync(new string('x', 1_000));
        foreach (
            var query in new[]
            {
                "0?wait=60s&minBytes=1000000",
                "0?wait=60s&minBytes=1000000&maxBytes=4096",
                "0?wait=60s",
            }
        )
        {
            using var response = await _server.Client.GetAsync($"/topics/t/{query}");
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        }
    }

    [Fact]
    public async Task Get_WaitElapsed_ReturnsWhatExists()
    {
        await AppendAsync("one");
        using var nothing = await _server.Client.GetAsync("/topics/t/latest?wait=1ms");
        Assert.Equal(
            (HttpStatusCode.NoContent, 1),
            (nothing.StatusCode, TestServer.Number(nothing, "Log-Next-Offset"))
        );
        using var little = await _server.Client.GetAsync("/topics/t/0?wait=1ms&minBytes=1000");
        Assert.Equal((HttpStatusCode.OK, 1), (little.StatusCode, TestServer.Number(little, "Log-Next-Offset")));
    }

    [Fact]
    public async Task Get_FollowingEmptyLinks_NeverRepeatsUrl()
    {
        await AppendAsync("one");
        var path = TestServer.NextLink(await _server.Client.GetAsync("/topics/t/0?wait=1ms"));
        Assert.DoesNotContain("cursor", path, StringComparison.Ordinal);
        var asked = new List<string>();
        for (var i = 0; i < 3; i++)
        {
            asked.Add(path);
            using var nothing = await _server.Client.GetAsync(path);
            Assert.Equal(HttpStatusCode.NoContent, nothing.StatusCode);
            path = TestServer.NextLink(nothing);
        }
        Assert.Equal(asked.Count + 1, asked.Append(path).Distinct().Count());
        Assert.StartsWith($"{asked[0]}&cursor=", path, StringComparison.Ordinal);

        await AppendAsync("two");
        using var response = await _server.Client.GetAsync(path);
        Assert.Equal((HttpStatusCode.OK, 1), (response.StatusCode, TestServer.Number(response, "Log-First-Offset")));
        // Without a cursor, other clients request the next page under the same URL.
        Assert.DoesNotContain("cursor", TestServer.NextLink(response), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Get_LastCursor_LinksToAcceptedOne()
    {
        await AppendAsync("one");
        var next = TestServer.NextLink(await _server.Client.GetAsync("/topics/t/1?wait=1ms&cursor=9007199254740992"));
        Assert.Equal(HttpStatusCode.NoContent, (await _server.Client.GetAsync(next)).StatusCode);
    }

    [Fact]
    public async Task Requests_AboveMaxWaiting_AreRejectedUntilOthersEnd()
    {
        await AppendAsync("one");
        var polls = Enumerable.Range(0, 3).Select(_ => _server.Client.GetAsync("/topics/t/latest?wait=60s")).ToArray();
        await WaitingAsync(3);
        await TestServer.ProblemAsync(
            await _server.Client.GetAsync("/topics/t/latest?wait=60s"),
            HttpStatusCode.ServiceUnavailable,
            "overloaded",
            "MaxWaiting"
        );
        await AppendAsync("two");
        foreach (var poll in polls)
            Assert.Equal(HttpStatusCode.OK, (await poll).StatusCode);
        Assert.Equal(HttpStatusCode.NoContent, (await _server.Client.GetAsync("/topics/t/latest?wait=1ms")).StatusCode);
    }

    [Fact]
    public async Task Client_Disconnects_FreesSlot()
    {
        await AppendAsync("one");
        using (var connection = new RawRequest.Connection(_server.Client.BaseAddress!))
        {
            await connection.WriteAsync(
                $"GET /topics/t/latest?wait=60s HTTP/1.1\r\nHost: {_server.Client.BaseAddress!.Authority}\r\n\r\n"
            );
            await WaitingAsync(1);
        }
        await WaitingAsync(0);
    }

    [Fact]
    public async Task Wait_TopicDeletedOrServerStops_Ends()
    {
        await AppendAsync("one");
        var poll = _server.Client.GetAsync("/topics/t/latest?wait=60s");
        await WaitingAsync(1);
        await _server.SendAsync(HttpMethod.Delete, "/topics/t");
        Assert.Contains(
            (await poll).StatusCode,
            (HttpStatusCode[])[HttpStatusCode.NoContent, HttpStatusCode.ServiceUnavailable]
        );

        await AppendAsync("one");
        poll = _server.Client.GetAsync("/topics/t/latest?wait=60s");
        await WaitingAsync(1);
        await _server.StopAsync();
        Assert.Equal(HttpStatusCode.NoContent, (await poll).StatusCode);
    }

    [Theory]
    [InlineData("wait=soon")]
    [InlineData("wait=61s")]
    [InlineData("wait=")]
    [InlineData("minBytes=10")]
    [InlineData("minBytes=0&wait=1s")]
    [InlineData("cursor=1")]
    [InlineData("cursor=-1&wait=1s")]
    [InlineData("follow=yes")]
    [InlineData("follow=true&key=a")]
    [InlineData("follow=true&view=values")]
    [InlineData("follow=true&wait=1s")]
    public async Task Get_InvalidWait_NamesReason(string query)
    {
        await AppendAsync("one");
        await TestServer.ProblemAsync(
            await _server.Client.GetAsync($"/topics/t/latest?{query}"),
            HttpStatusCode.BadRequest,
            "invalid_parameter",
            query.Split('=')[0]
        );
    }
}
