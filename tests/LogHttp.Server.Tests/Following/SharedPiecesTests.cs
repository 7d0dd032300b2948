using System.Globalization;
using System.Net.Sockets;
using System.Text;
using LogHttp.AspNetCore.Limits;

namespace LogHttp.Server.Tests.Following;

/// <summary>Many followers of one partition, who share the pieces that they are sent (api/PROTOCOL.md §10).</summary>
public sealed class SharedPiecesTests : IDisposable
{
    const string Events = "text/event-stream";

    const int MaxFollowingBytes = 4 << 20;

    readonly TestServer _server = new(
        ("SegmentBytes", "262144"),
        ("HeartbeatInterval", "1s"),
        ("MaxFollowingBytes", $"{MaxFollowingBytes}")
    );

    // Ends with the next append, and stays ended behind the last one. A slow reader waits for some of them.
    volatile TaskCompletionSource _nextAppend = NextAppend();

    public void Dispose() => _server.Dispose();

    static TaskCompletionSource NextAppend() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    [Theory]
    [InlineData("/topics/t/earliest?follow=true", "*/*")]
    [InlineData("/topics/t/earliest", Events)]
    [InlineData("/stream?topics=t:earliest", Events)]
    public async Task Follow_ManyFollowers_EachGetsEveryRecordOnce(string path, string accept)
    {
        const int records = 400;
        var random = new Random(7);
        (await _server.Client.PutAsync("/topics/t", content: null)).EnsureSuccessStatusCode();
        List<Task<List<long>>> followers = [];
        List<CancellationTokenSource> leaving = [];
        for (var i = 0; i < records; i++)
        {
            // 40 from the start, and others that come later. Every third is slow, and some leave.
            if (i == 0 || i % 20 == 0)
            {
                for (var count = i == 0 ? 40 : 2; count > 0; count--)
                    followers.Add(FollowAsync(path, accept, records - 1, isSlow: followers.Count % 3 == 0));
                leaving.Add(new CancellationTokenSource());
                _ = FollowAsync(path, accept, long.MaxValue, isSlow: true, leaving[^1].Token);
            }
            if (random.Next(10) == 0)
                await leaving[random.Next(leaving.Count)].CancelAsync();
            // Small pieces, pieces of several records, and records beyond what is shared.
            var sizeBytes = random.Next(10) == 0 ? random.Next(60_000) : random.Next(300);
            var value = $"{i} {new string('x', sizeBytes)}";
            (await _server.PostAsync("/topics/t", "text/plain", value)).EnsureSuccessStatusCode();
            var appended = _nextAppend;
            if (i < records - 1)
                _nextAppend = NextAppend();
            appended.SetResult();
        }
        foreach (var offsets in await Task.WhenAll(followers).WaitAsync(TimeSpan.FromSeconds(120)))
            Assert.Equal(Enumerable.Range(0, records).Select(static offset => (long)offset), offsets);
        foreach (var one in leaving)
            await one.CancelAsync();
    }

    [Fact]
    public async Task Follow_ReadersThatTakeNothing_HoldNoSharedBytesForEver()
    {
        (await _server.PostAsync("/topics/t", "text/plain", "first")).EnsureSuccessStatusCode();
        var budget = _server.Service<FollowBudget>();
        List<TcpClient> stalled = [];
        for (var i = 0; i < 20; i++)
            stalled.Add(await OpenRawAsync("/topics/t/latest?follow=true"));
        var following = FollowAsync("/topics/t/latest?follow=true", "*/*", until: 1 + 300, isSlow: false);
        var maxSharedBytes = 0L;
        for (var i = 0; i <= 300; i++)
        {
            (await _server.PostAsync("/topics/t", "text/plain", new string('x', 20_000))).EnsureSuccessStatusCode();
            maxSharedBytes = Math.Max(maxSharedBytes, budget.SharedBytes);
        }
        await following.WaitAsync(TimeSpan.FromSeconds(60));
        // Those who take nothing hold copies within the budget, and no piece that others share.
        Assert.InRange(maxSharedBytes, 0, MaxFollowingBytes / 16);
        foreach (var one in stalled)
            one.Dispose();
        await TestServer.UntilAsync(() => budget.SharedBytes == 0);
        await TestServer.UntilAsync(() => budget.TakenBytes == 0);
    }

    /// <summary>Opens a response and reads nothing of it.</summary>
    async Task<TcpClient> OpenRawAsync(string path)
    {
        var client = new TcpClient { ReceiveBufferSize = 4096 };
        var address = _server.Client.BaseAddress!;
        await client.ConnectAsync(address.Host, address.Port);
        var head = $"GET {path} HTTP/1.1\r\nHost: {address.Authority}\r\n\r\n";
        await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes(head));
        return client;
    }

    /// <summary>Returns the offsets up to one, as a follower gets them.</summary>
    async Task<List<long>> FollowAsync(
        string path,
        string accept,
        long until,
        bool isSlow,
        CancellationToken cancellationToken = default
    )
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.TryAddWithoutValidation("Accept", accept);
        using var response = await _server.Client.SendAsync(
            request,
            HttpCompletionOption.ResponseHeadersRead,
            cancellationToken
        );
        response.EnsureSuccessStatusCode();
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync(cancellationToken));
        List<long> offsets = [];
        while (offsets.Count == 0 || offsets[^1] < until)
        {
            var line = await reader.ReadLineAsync(cancellationToken);
            Assert.NotNull(line);
            if (line.Length == 0 || line[0] == ':' || line.StartsWith("id: ", StringComparison.Ordinal))
                continue;
            if (line.StartsWith("retry: ", StringComparison.Ordinal))
                continue;
            const string name = "\"offset\":";
            var at = line.IndexOf(name, StringComparison.Ordinal) + name.Length;
            var end = line.IndexOf(',', at);
            offsets.Add(long.Parse(line.AsSpan(at, end - at), CultureInfo.InvariantCulture));
            Assert.EndsWith("}", line, StringComparison.Ordinal);
            // Meanwhile its pieces wait in its socket, and then in its share of the budget.
            for (var missed = 0; isSlow && offsets.Count % 50 == 0 && missed < 20; missed++)
                await _nextAppend.Task.WaitAsync(cancellationToken);
        }
        return offsets;
    }
}
