using System.Net;

namespace LogHttp.Server.Tests.Protocol;

/// <summary>Limits that the sections on requests do not name. They give a response, never a crash.</summary>
public sealed class Section9LimitsTests : IDisposable
{
    readonly TestServer _server = new(
        ("MaxRequestLineBytes", "2048"),
        ("MaxRequestHeadersBytes", "4096"),
        ("MaxRequestHeaders", "20"),
        ("MaxConnections", "3")
    );

    public void Dispose() => _server.Dispose();

    Task<string> GetAsync(string target, string headers = "") =>
        RawRequest.SendAsync(
            _server.Client.BaseAddress!,
            $"GET {target} HTTP/1.1\r\nHost: {_server.Client.BaseAddress!.Authority}\r\nConnection: "
                + $"close\r\n{headers}\r\n"
        );

    [Fact]
    public async Task Url_TooLong_Returns414() =>
        Assert.StartsWith(
            "HTTP/1.1 414 ",
            await GetAsync($"/topics/{new string('t', 3_000)}"),
            StringComparison.Ordinal
        );

    [Fact]
    public async Task Headers_TooManyOrTooLarge_Return431()
    {
        Assert.StartsWith(
            "HTTP/1.1 431 ",
            await GetAsync("/topics", string.Concat(Enumerable.Range(0, 30).Select(number => $"x{number}: 1\r\n"))),
            StringComparison.Ordinal
        );
        Assert.StartsWith(
            "HTTP/1.1 431 ",
            await GetAsync("/topics", $"x: {new string('x', 5_000)}\r\n"),
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task Connections_AboveLimit_AreClosedUntilOthersEnd()
    {
        var address = _server.Client.BaseAddress!;
        var request = $"GET /healthz HTTP/1.1\r\nHost: {address.Authority}\r\n\r\n";
        var held = Enumerable.Range(0, 3).Select(_ => new RawRequest.Connection(address)).ToArray();
        foreach (var connection in held)
        {
            await connection.WriteAsync(request);
            Assert.Equal("HTTP/1.1 200 OK", await connection.ReadLineAsync());
        }
        await Assert.ThrowsAnyAsync<Exception>(async () =>
            Assert.StartsWith("HTTP/1.1", await RawRequest.SendAsync(address, request), StringComparison.Ordinal)
        );
        foreach (var connection in held)
            connection.Dispose();
        // The server notices closed connections after a delay.
        for (var isAnswered = false; !isAnswered; )
        {
            try
            {
                isAnswered = (await GetAsync("/healthz")).StartsWith("HTTP/1.1 200", StringComparison.Ordinal);
            }
            catch (IOException)
            {
                await Task.Yield();
            }
        }
    }

    [Theory]
    [InlineData("DELETE", "/healthz", 405, "method_not_allowed")]
    [InlineData("POST", "/topics/t/0", 405, "method_not_allowed")]
    [InlineData("GET", "/topics/t/0/values", 404, "unknown_path")]
    public async Task Request_UnknownPathOrMethod_ReturnsProblem(string method, string path, int status, string code) =>
        await TestServer.ProblemAsync(
            await _server.SendAsync(new HttpMethod(method), path),
            (HttpStatusCode)status,
            code
        );
}
