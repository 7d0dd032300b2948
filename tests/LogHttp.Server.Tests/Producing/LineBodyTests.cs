using System.IO.Pipelines;
using System.Text;
using LogHttp.AspNetCore.Producing;
using LogHttp.Storage;

namespace LogHttp.Server.Tests.Producing;

/// <summary>Bodies of lines give the same records and problems in whatever pieces they come.</summary>
public class LineBodyTests
{
    const string Json =
        "{\"n\":1,\"text\":\"é\\n\"}\n\n [1, 2] \r\n\uFEFF7\r\n\"\\ud800\"\nnull\n{\"a\":\r\"b\"}\n\t\r\n-1.5e3\n";

    [Theory]
    [InlineData("application/x-ndjson", "", Json, 7, null)]
    [InlineData("application/x-ndjson", "", Json + "{\"last\":true}", 8, null)]
    [InlineData("application/x-ndjson", "", Json + "[1,\n2]\n", 7, "Line 10: ")]
    [InlineData("application/x-ndjson", "", Json + "\"tab\t\"\n1\n", 7, "Line 10: ")]
    [InlineData("text/plain", "?split=lines", "a\r\n\n\"q\"\té\r\r\n\\\n\u0001\nlast", 6, null)]
    [InlineData(
        "application/vnd.loghttp.records+ndjson",
        "",
        "{\"value\":1}\n\n{\"key\":\"k\",\"value\":[]}\r\n",
        2,
        null
    )]
    public async Task ReadInto_AnyPieces_AddsSameRecords(
        string type,
        string query,
        string body,
        int count,
        string? problem
    )
    {
        var bytes = Encoding.UTF8.GetBytes(body);
        var whole = await ReadAsync(type, query, bytes, bytes.Length);
        Assert.Equal(count, whole.Count);
        if (problem is null)
            Assert.Null(whole.Problem);
        else
            Assert.StartsWith(problem, whole.Problem, StringComparison.Ordinal);
        for (var pieceBytes = 1; pieceBytes < bytes.Length; pieceBytes++)
            Assert.Equal(whole, await ReadAsync(type, query, bytes, pieceBytes));
    }

    static async Task<(int Count, int SizeBytes, string? Problem)> ReadAsync(
        string type,
        string query,
        byte[] bytes,
        int pieceBytes
    )
    {
        var context = new DefaultHttpContext();
        context.Request.ContentType = type;
        context.Request.QueryString = new(query);
        var request = new ProduceRequest(TimeProvider.System);
        Assert.True(request.TryRead(context.Request, out _));
        using var batch = new PartitionedBatch(
            new TopicConfiguration(),
            new RecordLimits(),
            requested: 0,
            producer: null,
            static () => 0
        );
        // Whoever writes a piece also runs the reader that waits for it.
        var pipe = new Pipe(
            new PipeOptions(
                readerScheduler: PipeScheduler.Inline,
                writerScheduler: PipeScheduler.Inline,
                useSynchronizationContext: false
            )
        );
        var budget = new BodyBudget(
            new BodyLimits(1_000_000, 1_000_000, 100, TimeSpan.FromSeconds(30)),
            TimeProvider.System
        );
        using var body = new BodyReader(new ReceivedBody(pipe.Reader, TimeProvider.System), budget);
        var reading = request.ReadIntoAsync(batch, body).AsTask();
        for (var position = 0; position < bytes.Length && !reading.IsCompleted; position += pieceBytes)
            await pipe.Writer.WriteAsync(bytes.AsMemory(position, Math.Min(pieceBytes, bytes.Length - position)));
        await pipe.Writer.CompleteAsync();
        var problem = await reading;
        var records = batch.For(partition: 0, default)!;
        return (records.Count, records.SizeBytes, problem?.Detail);
    }
}
