using System.Net;
using System.Text.Json;

namespace LogHttp.Server.Tests.Protocol;

/// <summary>api/PROTOCOL.md §12: damage is searched for, reported, and kept from readers.</summary>
public sealed class Section12DamageTests : IDisposable
{
    readonly TestServer _server = new(("SegmentBytes", "65536"), ("ScrubBytesPerSecond", "0"));

    public void Dispose() => _server.Dispose();

    string Segment => Path.Combine(_server.DataDirectory, "topics", "t", "0", "00000000000000000000.ndjson");

    async Task FillAsync()
    {
        var lines = string.Concat(Enumerable.Range(0, 50).Select(number => $"{number} {new string('x', 900)}\n"));
        for (var batch = 0; batch < 3; batch++)
            (
                await _server.Client.PostAsync("/topics/t?split=lines", new StringContent(lines))
            ).EnsureSuccessStatusCode();
    }

    void Flip(long position)
    {
        using var file = new FileStream(
            Segment,
            FileMode.Open,
            FileAccess.ReadWrite,
            FileShare.ReadWrite | FileShare.Delete
        );
        file.Position = position;
        var old = file.ReadByte();
        file.Position = position;
        file.WriteByte((byte)(old ^ 1));
    }

    async Task<JsonElement[]> VerifyAsync()
    {
        using var response = await _server.Client.PostAsync("/topics/t/verify", null);
        Assert.Equal("application/x-ndjson", response.Content.Headers.ContentType?.MediaType);
        var text = await response.Content.ReadAsStringAsync();
        return
        [
            .. text.Split('\n', StringSplitOptions.RemoveEmptyEntries)
                .Select(line => JsonDocument.Parse(line).RootElement),
        ];
    }

    [Fact]
    public async Task Verify_SoundTopic_ReturnsAmountRead()
    {
        await FillAsync();
        var summary = Assert.Single(await VerifyAsync());
        Assert.Equal(
            (3, 0, 0),
            (
                summary.GetProperty("segments").GetInt32(),
                summary.GetProperty("damagedPlaces").GetInt32(),
                summary.GetProperty("indexesMade").GetInt32()
            )
        );
    }

    [Fact]
    public async Task Fetch_DamagedBlock_IsRejectedWithNextOffset()
    {
        await FillAsync();
        Flip(20_000);
        var lines = await VerifyAsync();
        Assert.Equal(2, lines.Length);
        var (kind, topic, file) = (
            lines[0].GetProperty("kind").GetString(),
            lines[0].GetProperty("topic").GetString(),
            lines[0].GetProperty("file").GetString()
        );
        Assert.Equal(("data", "t", "00000000000000000000.ndjson"), (kind, topic, file));

        var position = lines[0].GetProperty("position").GetInt64();
        using var before = await _server.Client.GetAsync("/topics/t/0");
        Assert.Equal(position, before.Content.Headers.ContentLength);
        Assert.DoesNotContain("immutable", before.Headers.CacheControl!.ToString(), StringComparison.Ordinal);

        using var refused = await _server.Client.GetAsync(TestServer.NextLink(before));
        var problem = await TestServer.ProblemAsync(
            refused,
            HttpStatusCode.InternalServerError,
            "corrupt_block",
            $"00000000000000000000.ndjson, position {position}"
        );
        var nextOffset = problem.GetProperty("nextOffset").GetInt64();
        Assert.Equal(lines[0].GetProperty("nextOffset").GetInt64(), nextOffset);
        using var after = await _server.Client.GetAsync($"/topics/t/{nextOffset}");
        Assert.Equal((HttpStatusCode.OK, nextOffset), (after.StatusCode, TestServer.Number(after, "Log-First-Offset")));
        await TestServer.ProblemAsync(
            await _server.Client.GetAsync($"/topics/t/{nextOffset - 1}/value"),
            HttpStatusCode.InternalServerError,
            "corrupt_block"
        );
        await TestServer.ProblemAsync(
            await _server.Client.GetAsync($"/topics/t/{nextOffset - 1}?follow=true"),
            HttpStatusCode.InternalServerError,
            "corrupt_block"
        );
    }

    [Fact]
    public async Task Verify_UnknownTopicOrParameter_IsRejected()
    {
        await TestServer.ProblemAsync(
            await _server.Client.PostAsync("/topics/nothing/verify", null),
            HttpStatusCode.NotFound,
            "unknown_topic"
        );
        await FillAsync();
        await TestServer.ProblemAsync(
            await _server.Client.PostAsync("/topics/t/verify?fast=true", null),
            HttpStatusCode.BadRequest,
            "invalid_parameter",
            "fast"
        );
    }

    [Fact]
    public async Task Verify_WhileAnotherRuns_ReturnsRetryAfter()
    {
        using var server = new TestServer(("VerifyBytesPerSecond", "1024"));
        (
            await server.Client.PostAsync("/topics/t", new StringContent(new string('x', 100_000)))
        ).EnsureSuccessStatusCode();
        // While the first verification runs, which would take minutes.
        using var leaves = new CancellationTokenSource();
        var first = server.Client.PostAsync("/topics/t/verify", null, leaves.Token);
        while (await IsFreeAsync(server))
            Assert.False(first.IsCompleted);
        await leaves.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first);
    }

    static async Task<bool> IsFreeAsync(TestServer server)
    {
        (await server.Client.PutAsync("/topics/small", null)).EnsureSuccessStatusCode();
        using var response = await server.Client.PostAsync("/topics/small/verify", null);
        if (response.StatusCode == HttpStatusCode.OK)
            return true;
        await TestServer.ProblemAsync(
            response,
            HttpStatusCode.ServiceUnavailable,
            "overloaded",
            "Another verification is running"
        );
        return false;
    }
}
