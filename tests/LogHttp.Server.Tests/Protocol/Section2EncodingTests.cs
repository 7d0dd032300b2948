using System.Net;
using System.Text;
using LogHttp.Server.Tests.Producing;

namespace LogHttp.Server.Tests.Protocol;

/// <summary>Compressed bodies.</summary>
public sealed class Section2EncodingTests : IDisposable
{
    const string Lines = "application/x-ndjson";

    readonly TestServer _server = new(("MaxBodyBytes", "2000000"), ("MaxRecordBytes", "1000000"));

    public void Dispose() => _server.Dispose();

    public static TheoryData<string> Codings => ["gzip", "br", "zstd", "deflate"];

    Task<HttpResponseMessage> PostAsync(string contentType, byte[] packed, string coding, string query = "") =>
        _server.PostAsync($"/topics/t{query}", contentType, packed, ("Content-Encoding", coding));

    [Theory]
    [MemberData(nameof(Codings))]
    public async Task Post_CompressedBody_IsDecompressed(string coding)
    {
        using var many = await PostAsync(Lines, Packing.Pack(coding, "1\n2\n"u8.ToArray()), coding);
        using var one = await PostAsync(
            "text/plain",
            Packing.Pack(coding, Encoding.UTF8.GetBytes(new string('a', 500_000))),
            coding.ToUpperInvariant()
        );
        using var stream = await PostAsync(Lines, Packing.Pack(coding, "3\n4\n"u8.ToArray()), coding, "?stream=true");
        Assert.Equal(
            (HttpStatusCode.Created, HttpStatusCode.Created, HttpStatusCode.OK),
            (many.StatusCode, one.StatusCode, stream.StatusCode)
        );
        Assert.Equal(
            $"1\n2\n\"{new string('a', 500_000)}\"\n3\n4\n",
            await _server.Client.GetStringAsync("/topics/t/earliest?view=values")
        );
    }

    [Theory]
    [InlineData("identity", "1\n")]
    [InlineData("", "1\n")]
    [InlineData("identity, IDENTITY", "1\n")]
    [InlineData("x-gzip", null)]
    [InlineData(" , GZip,", null)]
    [InlineData("identity, gzip", null)]
    public async Task ContentEncoding_IdentityAndXGzip_AreAccepted(string coding, string? body)
    {
        using var response = await PostAsync(
            Lines,
            body is null ? Packing.Pack("gzip", "1\n"u8.ToArray()) : Encoding.UTF8.GetBytes(body),
            coding
        );
        Assert.Equal(HttpStatusCode.Created, response.StatusCode);
        Assert.Equal("1\n", await _server.Client.GetStringAsync("/topics/t/earliest?view=values"));
    }

    [Theory]
    [InlineData("compress")]
    [InlineData("gzip;q=1")]
    [InlineData("gzip, br")]
    [InlineData("gzip, gzip")]
    public async Task ContentEncoding_Unsupported_NamesSupportedOnes(string coding)
    {
        using var response = await PostAsync(Lines, "1\n"u8.ToArray(), coding);
        await TestServer.ProblemAsync(
            response,
            HttpStatusCode.UnsupportedMediaType,
            "unsupported_media_type",
            "gzip, br, zstd, deflate"
        );
        Assert.Equal("gzip, br, zstd, deflate", string.Join(", ", response.Headers.GetValues("Accept-Encoding")));
    }

    [Theory]
    [MemberData(nameof(Codings))]
    public async Task Post_IncompleteCompressedBody_AppendsNothing(string coding)
    {
        var whole = Packing.Pack(
            coding,
            Encoding.UTF8.GetBytes(string.Concat(Enumerable.Range(0, 1_000).Select(number => $"{number}\n")))
        );
        foreach (
            var broken in new byte[][]
            {
                whole[..^1],
                whole[..(whole.Length / 2)],
                [.. whole, 65],
                "1\n2\n3\n"u8.ToArray(),
            }
        )
        {
            using var response = await PostAsync(Lines, broken, coding);
            await TestServer.ProblemAsync(response, HttpStatusCode.BadRequest, "invalid_encoding", coding);
        }
        Assert.False(Directory.Exists(Path.Combine(_server.DataDirectory, "topics", "t")));
    }

    [Theory]
    [MemberData(nameof(Codings))]
    public async Task Post_GigabyteOfZeros_IsRejectedAtLimits(string coding)
    {
        var bomb = PackedGigabyte(coding);
        using (var record = await PostAsync("application/octet-stream", bomb, coding))
            await TestServer.ProblemAsync(record, HttpStatusCode.RequestEntityTooLarge, "record_too_large");
        using (var line = await PostAsync("text/plain", bomb, coding, "?split=lines"))
            await TestServer.ProblemAsync(line, HttpStatusCode.RequestEntityTooLarge, "record_too_large");
        using (var streamed = await PostAsync("text/plain", bomb, coding, "?split=lines&stream=true"))
            await TestServer.ProblemAsync(streamed, HttpStatusCode.RequestEntityTooLarge, "record_too_large");
        Assert.False(Directory.Exists(Path.Combine(_server.DataDirectory, "topics", "t")));
    }

    [Fact]
    public async Task Post_DecompressedTooLarge_IsRejected()
    {
        var blank = Packing.Pack("br", Encoding.UTF8.GetBytes(new string('\n', 3_000_000)));
        using var request = await PostAsync(Lines, blank, "br");
        await TestServer.ProblemAsync(request, HttpStatusCode.RequestEntityTooLarge, "body_too_large");
        using var stream = await PostAsync(Lines, blank, "br", "?stream=true");
        await TestServer.ProblemAsync(stream, HttpStatusCode.RequestEntityTooLarge, "body_too_large");
    }

    [Fact]
    public async Task Post_StalledCompressedBody_TimesOut()
    {
        var log = new LogCapture();
        using (var server = new TestServer(log, ("BodyTimeout", "1s")))
        using (var connection = new RawRequest.Connection(server.Client.BaseAddress!))
        {
            await connection.WriteAsync(
                "POST /topics/t HTTP/1.1\r\nHost: localhost\r\nContent-Encoding: gzip\r\nContent-Length: 100\r\n\r\n"
            );
            Assert.StartsWith("HTTP/1.1 408", await connection.ReadLineAsync(), StringComparison.Ordinal);
        }
        Assert.Empty(log.Alarms);
    }

    static byte[] PackedGigabyte(string coding)
    {
        var zeros = new byte[1 << 20];
        using var packed = new MemoryStream();
        using (
            Stream packing = coding switch
            {
                "gzip" => new System.IO.Compression.GZipStream(
                    packed,
                    System.IO.Compression.CompressionLevel.Optimal,
                    leaveOpen: true
                ),
                "br" => new System.IO.Compression.BrotliStream(
                    packed,
                    System.IO.Compression.CompressionLevel.Fastest,
                    leaveOpen: true
                ),
                "deflate" => new System.IO.Compression.ZLibStream(
                    packed,
                    System.IO.Compression.CompressionLevel.Optimal,
                    leaveOpen: true
                ),
                _ => new ZstdSharp.CompressionStream(packed, 1),
            }
        )
        {
            for (var written = 0; written < 1024; written++)
                packing.Write(zeros);
        }
        return packed.ToArray();
    }
}
