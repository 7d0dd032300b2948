using System.Net;

namespace LogHttp.Server.Tests.Endpoints;

/// <summary>The texts of problems: the fault, the value and the allowed values, in words of HTTP and JSON.</summary>
public sealed class MessageTests : IDisposable
{
    static readonly string[] WordsOfTheFramework =
    [
        "LineNumber",
        "BytePositionInLine",
        "Path: $",
        "isFinalBlock",
        "reader options",
        "System.",
        "Exception",
    ];

    readonly TestServer _server = new();

    public void Dispose() => _server.Dispose();

    static async Task<string> DetailAsync(HttpResponseMessage response, HttpStatusCode status, string code) =>
        (await TestServer.ProblemAsync(response, status, code)).GetProperty("detail").GetString()!;

    [Theory]
    [InlineData("{", "line 1, byte 2: It ends too early: an object or array is not closed.")]
    [InlineData("{\n  \"partitions\": x}", "line 2, byte 17: 'x' is an invalid start of a value.")]
    [InlineData(
        "{\"partitions\":1,}",
        "line 1, byte 17: The JSON object contains a trailing comma at the end which is not supported in this mode."
    )]
    [InlineData("{} {}", "line 1, byte 4: ")]
    [InlineData("{\"flush\":\"\\ud800\"}", "half of a surrogate pair")]
    [InlineData("{\"partitions\":1,\"partitions\":2}", "partitions")]
    [InlineData("[]", "it is not an object")]
    [InlineData("{\"partitions\":\"3\"}", "partitions is \"3\", which is not a whole number.")]
    [InlineData(
        "{\"partition\":3}",
        "\"partition\" is none of its fields. Supported: partitions, segmentBytes, flush, retention, "
            + "retentionMs, retentionBytes, values, maxRecordBytes, labels."
    )]
    public async Task Put_InvalidConfiguration_NamesPositionAndReason(string body, string says)
    {
        foreach (var method in new[] { HttpMethod.Put, HttpMethod.Patch })
        {
            var detail = await DetailAsync(
                await _server.SendAsync(method, "/topics/t", body),
                HttpStatusCode.BadRequest,
                "invalid_configuration"
            );
            Assert.Contains(says, detail, StringComparison.Ordinal);
            Assert.All(WordsOfTheFramework, word => Assert.DoesNotContain(word, detail, StringComparison.Ordinal));
            Assert.Equal(
                method == HttpMethod.Put,
                detail.Contains("To append records, use POST: curl -X POST -T file", StringComparison.Ordinal)
            );
        }
    }

    [Theory]
    [InlineData("a line of a log\n", HttpStatusCode.BadRequest, "invalid_configuration")]
    [InlineData(null, HttpStatusCode.RequestEntityTooLarge, "body_too_large")]
    public async Task Put_File_HintsAtPost(string? body, HttpStatusCode status, string code)
    {
        // As curl -T file does.
        var detail = await DetailAsync(
            await _server.SendAsync(HttpMethod.Put, "/topics/t", body ?? new string('x', 20_000)),
            status,
            code
        );
        Assert.Contains(
            "PUT makes a topic. To append records, use POST: curl -X POST -T file",
            detail,
            StringComparison.Ordinal
        );
    }

    [Theory]
    [InlineData(
        "{\"records\":[{\"value\":x}]}",
        "The body is not valid JSON at line 1, byte 22: 'x' is an invalid start of a value."
    )]
    [InlineData("{\"records\":[", "The body is not valid JSON at line 1, byte 13: It ends too early")]
    [InlineData("{\"records\":[]} x", "The body is not valid JSON at line 1, byte 16: ")]
    public async Task Post_InvalidConfluentJson_NamesPosition(string body, string says)
    {
        using var response = await _server.PostAsync("/topics/t", "application/vnd.kafka.json.v2+json", body);
        var message = (await TestServer.JsonAsync(response)).GetProperty("message").GetString()!;
        Assert.StartsWith(says, message, StringComparison.Ordinal);
        Assert.All(WordsOfTheFramework, word => Assert.DoesNotContain(word, message, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Stream_BeyondEndOfOnePartition_NamesPartition()
    {
        using var made = await _server.SendAsync(HttpMethod.Put, "/topics/jobs", "{\"partitions\":3}");
        var detail = await DetailAsync(
            await _server.Client.GetAsync("/stream?topics=jobs/0,jobs/2:7"),
            HttpStatusCode.RequestedRangeNotSatisfiable,
            "offset_beyond_end"
        );
        Assert.StartsWith("Partition 2 of topic \"jobs\": Offset 7 ", detail, StringComparison.Ordinal);
        detail = await DetailAsync(
            await _server.SendAsync(HttpMethod.Delete, "/topics/jobs/records?before=7&partition=2"),
            HttpStatusCode.RequestedRangeNotSatisfiable,
            "offset_beyond_end"
        );
        Assert.StartsWith("Partition 2 of topic \"jobs\": Offset 7 ", detail, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("jobs/2/:5", "")]
    [InlineData("jobs/2/x", "x")]
    [InlineData("jobs/2/8F1D4C0A52B7E693:5", "8F1D4C0A52B7E693")]
    public async Task Stream_InvalidTopicId_IsNotReportedAsDeleted(string topics, string id)
    {
        using var made = await _server.SendAsync(HttpMethod.Put, "/topics/jobs", "{\"partitions\":3}");
        var detail = await DetailAsync(
            await _server.Client.GetAsync($"/stream?topics={topics}"),
            HttpStatusCode.BadRequest,
            "invalid_parameter"
        );
        Assert.StartsWith(
            $"topics has \"{topics}\", where \"{id}\" is not the id of a topic. ",
            detail,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task Get_UnknownParameter_NamesSupportedOnes()
    {
        Assert.Equal(
            "Unknown query parameter \"limits\". Supported: limit, after.",
            await DetailAsync(
                await _server.Client.GetAsync("/topics?limits=3"),
                HttpStatusCode.BadRequest,
                "invalid_parameter"
            )
        );
        using var made = await _server.Client.PutAsync("/topics/t", null);
        Assert.Equal(
            "Unknown query parameter \"x\". Supported: none.",
            await DetailAsync(
                await _server.SendAsync(HttpMethod.Post, "/topics/t/verify?x=1"),
                HttpStatusCode.BadRequest,
                "invalid_parameter"
            )
        );
    }

    [Fact]
    public async Task Verify_AfterLastLine_IsAccepted()
    {
        using var made = await _server.Client.PutAsync("/topics/t", null);
        for (var attempt = 0; attempt < 100; attempt++)
        {
            // Only the last line is awaited, and not the end of the response.
            using var response = await _server.Client.SendAsync(
                new(HttpMethod.Post, "/topics/t/verify"),
                HttpCompletionOption.ResponseHeadersRead
            );
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
            using var lines = new StreamReader(await response.Content.ReadAsStreamAsync());
            Assert.Contains("\"segments\"", await lines.ReadLineAsync(), StringComparison.Ordinal);
        }
    }
}
