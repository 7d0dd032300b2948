using System.Buffers;
using System.IO.Pipelines;
using System.Text;
using LogHttp.Server.Hosting;
using Microsoft.AspNetCore.Connections;

namespace LogHttp.Server.Tests.Hosting;

public class CountedInputTests
{
    const string Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

    readonly Pipe _pipe = new();
    readonly CountedInput _input;

    public CountedInputTests() => _input = Count(_pipe.Reader);

    static CountedInput Count(PipeReader reader)
    {
        var settings = new ServerSettings { MaxConnectionBytes = 1 << 20, MaxClientConnectionBytes = 1 << 20 };
        return new CountedInput(
            reader,
            new ConnectionMemory(new ConnectionBudget(settings), new DefaultConnectionContext(), bucket: 0)
        );
    }

    [Theory]
    [InlineData(1)]
    [InlineData(10)]
    [InlineData(1000)]
    public async Task ReadAsync_Http2_ReturnsOneHeadAtATime(int pieceBytes)
    {
        byte[][] parts =
        [
            Encoding.ASCII.GetBytes(Preface),
            [.. Settings(), .. Head(1)],
            Head(3),
            [.. Http2Client.Frame(Http2Client.Data, 0, 3, [1, 2, 3]), .. Head(5)],
            Settings(),
        ];
        var writing = Task.Run(async () =>
        {
            foreach (var piece in parts.SelectMany(part => part).Chunk(pieceBytes))
                await _pipe.Writer.WriteAsync(piece);
            await _pipe.Writer.CompleteAsync();
        });
        foreach (var part in parts)
        {
            var received = new List<byte>();
            while (received.Count < part.Length)
            {
                var read = await _input.ReadAsync();
                received.AddRange(read.Buffer.ToArray());
                _input.AdvanceTo(read.Buffer.End);
            }
            Assert.Equal(part, received);
        }
        var last = await _input.ReadAsync();
        Assert.Equal((true, 0), (last.IsCompleted, last.Buffer.Length));
        await writing;
    }

    [Theory]
    [InlineData("GET / HTTP/1.1\r\n\r\n", true)]
    [InlineData("\u0016\u0003\u0001", false)]
    [InlineData("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", false)]
    public async Task ReadAsync_ReceivingThread_KeepsOnlyPlainHttp1(string received, bool isInline)
    {
        var pipe = new Pipe(new PipeOptions(readerScheduler: PipeScheduler.Inline));
        var continuedOn = ThreadOfNextReadAsync(Count(pipe.Reader));
        var thread = new Thread(() => _ = pipe.Writer.WriteAsync(Encoding.ASCII.GetBytes(received)).AsTask());
        thread.Start();
        Assert.Equal(isInline, await continuedOn == thread.ManagedThreadId);
    }

    static async Task<int> ThreadOfNextReadAsync(CountedInput input)
    {
        await input.ReadAsync().ConfigureAwait(false);
        return Environment.CurrentManagedThreadId;
    }

    [Fact]
    public async Task ReadAsync_ReceivingThreadManyAtOnce_ContinuesOnThePool()
    {
        var pipe = new Pipe();
        await pipe.Writer.WriteAsync(new byte[1000]);
        var input = Count(pipe.Reader);
        var atOnce = 0;
        // Not a thread of the pool, as a receiving one is not.
        var thread = new Thread(() =>
        {
            for (var read = input.ReadAsync(); read.IsCompletedSuccessfully && atOnce < 1000; read = input.ReadAsync())
            {
                atOnce++;
                input.AdvanceTo(read.Result.Buffer.GetPosition(1));
            }
        });
        thread.Start();
        thread.Join();
        Assert.Equal(CountedInput.MaxReadsAtOnce, atOnce);
    }

    [Theory]
    [InlineData("PUT /topics/t HTTP/1.1\r\n\r\n")]
    [InlineData("PRI * HTTP/1.1\r\n\r\n")]
    [InlineData("GET / HTTP/1.1\r\n\r\n")]
    public async Task ReadAsync_Http1_ReturnsAll(string request)
    {
        await _pipe.Writer.WriteAsync(Encoding.ASCII.GetBytes(request));
        var read = await _input.ReadAsync();
        Assert.Equal(request, Encoding.ASCII.GetString(read.Buffer));
        _input.AdvanceTo(read.Buffer.Start, read.Buffer.End);
        // A read that waits is cancelled, and the next one continues.
        var waiting = _input.ReadAsync();
        Assert.False(waiting.IsCompleted);
        _input.CancelPendingRead();
        read = await waiting;
        Assert.True(read.IsCanceled);
        _input.AdvanceTo(read.Buffer.End);
        await _pipe.Writer.CompleteAsync(new IOException("gone"));
        await Assert.ThrowsAsync<IOException>(async () => await _input.ReadAsync());
    }

    [Fact]
    public async Task ReadAsync_WriterFailsWhileWaiting_Throws()
    {
        var waiting = _input.ReadAsync().AsTask();
        await _pipe.Writer.CompleteAsync(new IOException("gone"));
        await Assert.ThrowsAsync<IOException>(() => waiting);
    }

    static byte[] Settings() => Http2Client.Frame(Http2Client.Settings, 0, 0, []);

    static byte[] Head(int stream) =>
        Http2Client.Frame(Http2Client.Headers, Http2Client.EndHeaders, stream, new byte[20]);
}
