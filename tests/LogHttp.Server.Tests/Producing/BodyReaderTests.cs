using System.Buffers;
using System.IO.Pipelines;
using System.Net;
using System.Text;
using LogHttp.Server.Endpoints;
using LogHttp.Server.Producing;

namespace LogHttp.Server.Tests.Producing;

public class BodyReaderTests
{
    [Fact]
    public async Task ABodyThatBringsNothingMore_IsGivenUpAfterItsTime()
    {
        var log = new LogCapture();
        using (var server = new TestServer(log, ("BodyTimeoutSeconds", "1")))
        using (var connection = new RawRequest.Connection(server.Client.BaseAddress!))
        {
            await connection.WriteAsync("POST /topics/t HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\nContent-Length: 100\r\n\r\n1\n2\n");
            Assert.StartsWith("HTTP/1.1 408", await connection.ReadLineAsync(), StringComparison.Ordinal);
            while ((await connection.ReadLineAsync()).Length > 0)
            {
            }
            Assert.Contains("\"code\":\"body_timeout\",\"retryable\":true", await connection.ReadLineAsync(), StringComparison.Ordinal);
            Assert.False(Directory.Exists(Path.Combine(server.DataDirectory, "topics", "t")));
            // What Kestrel does about the rest of the body comes behind the answer.
            await Task.Delay(200);
        }
        Assert.Empty(log.Alarms);
    }

    [Fact]
    public async Task BodiesBeyondTheBudget_AreRefusedUntilOthersAreDone()
    {
        var budget = new BodyBudget(1_000, TimeSpan.FromSeconds(30), TimeProvider.System);
        var first = Body(900);
        Assert.Null(await first.ReadWholeAsync(10_000, _ => null, Problems.RecordTooLarge(10_000)));
        using (var second = Body(200))
            Assert.Equal((503, "overloaded"), await RefusalAsync(second));
        first.Dispose();
        using (var third = Body(200))
            Assert.Null(await third.ReadWholeAsync(10_000, _ => null, Problems.RecordTooLarge(10_000)));

        BodyReader Body(int sizeBytes) => new(PipeReader.Create(new ReadOnlySequence<byte>(new byte[sizeBytes])), budget, CancellationToken.None);

        static async Task<(int, string)> RefusalAsync(BodyReader body) =>
            await body.ReadWholeAsync(10_000, _ => null, Problems.RecordTooLarge(10_000)) is { } problem ? (problem.Status, problem.Code) : default;
    }

    [Theory]
    [InlineData(1)]
    [InlineData(99)]
    [InlineData(1000)]
    public async Task WhatIsTooLarge_DoesNotDependOnThePiecesItComesIn(int pieceBytes)
    {
        Assert.Null(await ReadLinesAsync($"{new string('x', 100)}\n{new string('x', 100)}"));
        Assert.Equal("Line 2: Too large.", await ReadLinesAsync($"1\n{new string('x', 101)}\n"));
        Assert.Equal("Line 1: Too large.", await ReadLinesAsync(new string('x', 101)));
        Assert.Null(await ReadWholeAsync(new string('x', 100)));
        Assert.Equal("Too large.", await ReadWholeAsync(new string('x', 101)));

        Task<string?> ReadLinesAsync(string text) => ReadAsync(text, (body, tooLarge) => body.ReadLinesAsync(100, static (_, _) => null, tooLarge));

        Task<string?> ReadWholeAsync(string text) => ReadAsync(text, (body, tooLarge) => body.ReadWholeAsync(100, static _ => null, tooLarge));

        async Task<string?> ReadAsync(string text, Func<BodyReader, Problem, ValueTask<Problem?>> read)
        {
            var pipe = new Pipe();
            using var body = new BodyReader(pipe.Reader, new BodyBudget(1_000, TimeSpan.FromSeconds(30), TimeProvider.System), CancellationToken.None);
            var reading = read(body, new Problem(413, "record_too_large", "Too large.")).AsTask();
            for (var rest = Encoding.UTF8.GetBytes(text).AsMemory(); !rest.IsEmpty && !reading.IsCompleted; rest = rest[Math.Min(pieceBytes, rest.Length)..])
                await pipe.Writer.WriteAsync(rest[..Math.Min(pieceBytes, rest.Length)]);
            await pipe.Writer.CompleteAsync();
            return (await reading)?.Detail;
        }
    }

    [Theory]
    [InlineData("br")]
    [InlineData("zstd")]
    public async Task WhatADecoderHolds_CountsAsRead_UntilItIsDone(string coding)
    {
        const int BudgetBytes = 1 << 20;
        var budget = new BodyBudget(BudgetBytes, TimeSpan.FromSeconds(30), TimeProvider.System);
        var packed = Packing.Pack(coding, new byte[4 * BudgetBytes]);
        var context = new Microsoft.AspNetCore.Http.DefaultHttpContext();
        context.Request.Headers.ContentEncoding = coding;
        Assert.True(ContentCoding.TryRead(context.Request, out var found, out _));
        using (var body = new UnpackedBody(new ReceivedBody(PipeReader.Create(new ReadOnlySequence<byte>(packed)), TimeProvider.System, CancellationToken.None), found!, budget, static _ => long.MaxValue))
        {
            await Assert.ThrowsAsync<BodyBudgetException>(async () =>
            {
                while (!(await body.ReadAsync(TimeSpan.FromSeconds(30))).IsLast)
                {
                }
            });
            Assert.False(budget.TryTake(BudgetBytes / 2));
        }
        Assert.True(budget.TryTake(BudgetBytes));
    }

    [Theory]
    [InlineData("Transfer-Encoding: chunked\r\n\r\n100000003\r\nabc", "HTTP/1.1 400")]
    [InlineData("Content-Type: application/octet-stream\r\n\r\n", "HTTP/1.1 400")]
    [InlineData("Content-Encoding: compress\r\nContent-Length: 1\r\n\r\nx", "HTTP/1.1 415")]
    [InlineData("Content-Type: text/plain; charset=utf-8; charset=utf-16\r\nContent-Length: 1\r\n\r\nx", "HTTP/1.1 415")]
    [InlineData("Transfer-Encoding: gzip, chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n", "HTTP/1.1 415")]
    [InlineData("Content-Length: 0\r\n\r\n", "HTTP/1.1 201")]
    public async Task ABodyThatCantBe_IsTheClientsMistake(string headersAndBody, string answer)
    {
        using var server = new TestServer();
        Assert.StartsWith(answer, await RawRequest.SendAsync(server.Client.BaseAddress!, $"POST /topics/t HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headersAndBody}"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task ARefusedPartition_MakesNoTopic()
    {
        using var server = new TestServer();
        using var response = await server.PostAsync("/topics/t?partition=9", "text/plain", Encoding.UTF8.GetBytes("x"));
        Assert.Equal(HttpStatusCode.NotFound, response.StatusCode);
        Assert.False(Directory.Exists(Path.Combine(server.DataDirectory, "topics", "t")));
    }
}
