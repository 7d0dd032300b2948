using System.Net;
using System.Text.Json;

namespace LogHttp.Server.Tests.Protocol;

/// <summary>The forms in which a page is sent: `Accept`, `view=values`, `key`.</summary>
public sealed class Section3FetchFormsTests : IDisposable
{
    const string Records = "application/vnd.loghttp.records+ndjson";
    const string JsonLines = "application/x-ndjson";

    readonly TestServer _server = new();

    public void Dispose() => _server.Dispose();

    async Task AppendAsync() =>
        (
            await _server.PostAsync(
                "/topics/t",
                Records,
                """
                {"key":"a","value":{"n": 1.0}}
                {"value":"line \"one\"\nline two"}
                {"key":"a","headers":{"h":"1"},"valueBase64":"AAEC"}
                {"key":"b","value":null}
                """
            )
        ).EnsureSuccessStatusCode();

    async Task<(string ContentType, string Body)> GetAsync(string path, string? accept = null)
    {
        using var response = accept is null
            ? await _server.Client.GetAsync(path)
            : await _server.SendAsync(HttpMethod.Get, path, ("Accept", accept));
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        return (response.Content.Headers.ContentType!.ToString(), await response.Content.ReadAsStringAsync());
    }

    [Theory]
    [InlineData(null, Records)]
    [InlineData("*/*", Records)]
    [InlineData("application/*", Records)]
    [InlineData("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "text/plain; charset=utf-8")]
    [InlineData("text/html, application/x-ndjson", JsonLines)]
    [InlineData("text/csv", Records)]
    [InlineData("not a type", Records)]
    [InlineData(JsonLines, JsonLines)]
    [InlineData("application/x-ndjson, application/vnd.loghttp.records+ndjson", JsonLines)]
    [InlineData("application/vnd.loghttp.records+ndjson;q=0, */*", JsonLines)]
    [InlineData("*/*, application/json;q=0.9", Records)]
    [InlineData("application/*;q=0.2, application/json;q=0.3", "application/json")]
    [InlineData("application/x-ndjson;q=0.5, application/vnd.loghttp.records+ndjson", Records)]
    [InlineData("application/json;q=0.1, application/x-ndjson;q=0", "application/json")]
    [InlineData("application/json", "application/json")]
    public async Task Get_AnyAccept_UsesPreferredForm(string? accept, string contentType)
    {
        await AppendAsync();
        Assert.Equal(contentType, (await GetAsync("/topics/t/0", accept)).ContentType);
    }

    [Fact]
    public async Task Get_Array_HasSameRecords()
    {
        await AppendAsync();
        var lines = (await GetAsync("/topics/t/0")).Body.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        var array = JsonDocument.Parse((await GetAsync("/topics/t/0", "application/json")).Body).RootElement;
        Assert.Equal(lines, array.EnumerateArray().Select(record => record.GetRawText()));
    }

    [Theory]
    [InlineData(null, JsonLines, "{\"n\": 1.0}\n\"line \\\"one\\\"\\nline two\"\n\"AAEC\"\nnull\n")]
    [InlineData(
        "application/json",
        "application/json",
        "[{\"n\": 1.0},\n\"line \\\"one\\\"\\nline two\",\n\"AAEC\",\nnull]\n"
    )]
    [InlineData("text/plain", "text/plain; charset=utf-8", "{\"n\": 1.0}\nline \"one\"\nline two\n\"AAEC\"\nnull\n")]
    public async Task Get_Values_ReturnsThemAlone(string? accept, string contentType, string body)
    {
        await AppendAsync();
        Assert.Equal((contentType, body), await GetAsync("/topics/t/0?view=values", accept));
    }

    [Fact]
    public async Task Get_KeyFollowingLinks_ReturnsItsRecordsAlone()
    {
        // Several small pages, and values that look like keys.
        for (var i = 0; i < 300; i++)
            await _server.PostAsync(
                "/topics/t",
                "application/json",
                """{"pad":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx","key":"a","n":1}""",
                ("Record-Key", i % 7 == 0 ? "a" : "b")
            );
        var (offsets, emptyPages) = (new List<long>(), 0);
        for (var path = "/topics/t/earliest?key=a&maxBytes=4096"; ; )
        {
            using var response = await _server.Client.GetAsync(path);
            if (response.StatusCode == HttpStatusCode.NoContent)
                break;
            var lines = (await response.Content.ReadAsStringAsync()).Split('\n', StringSplitOptions.RemoveEmptyEntries);
            offsets.AddRange(
                lines.Select(line => JsonDocument.Parse(line).RootElement.GetProperty("offset").GetInt64())
            );
            emptyPages += lines.Length == 0 ? 1 : 0;
            path = TestServer.NextLink(response);
            Assert.Contains("&key=a", path, StringComparison.Ordinal);
        }
        Assert.Equal(Enumerable.Range(0, 43).Select(number => number * 7L), offsets);
        Assert.Equal("", (await GetAsync("/topics/t/0?key=none")).Body);
    }

    [Theory]
    [InlineData("key=caf%C3%A9%20%26%22", "café &\"")]
    [InlineData("key=", "")]
    public async Task Get_KeyWithAnyCharacters_KeepsItInLink(string query, string key)
    {
        await _server.PostAsync(
            "/topics/t",
            Records,
            JsonSerializer.Serialize(new { key, value = 1 }) + "\n{\"value\":2}"
        );
        using var response = await _server.Client.GetAsync($"/topics/t/0?{query}");
        Assert.Equal(1, (await response.Content.ReadAsStringAsync()).Count(character => character == '\n'));
        Assert.EndsWith($"&{query}&search=0", TestServer.NextLink(response), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Get_BinaryKey_FindsIt()
    {
        await _server.PostAsync("/topics/t", Records, "{\"keyBase64\":\"+/8=\",\"value\":1}\n{\"value\":2}");
        foreach (var query in new[] { "keyBase64=%2B%2F8%3D", "keyBase64=+/8=" })
            Assert.Contains("\"value\":1}", (await GetAsync($"/topics/t/0?{query}")).Body, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("key=%FF")]
    [InlineData("key=%ED%A0%80")]
    [InlineData("key=a%C3")]
    public async Task Get_KeyNotUtf8_IsRejected(string query)
    {
        await AppendAsync();
        await TestServer.ProblemAsync(
            await _server.Client.GetAsync($"/topics/t/0?{query}"),
            HttpStatusCode.BadRequest,
            "invalid_parameter",
            "keyBase64"
        );
    }

    [Fact]
    public async Task Get_LongestKey_IsAcceptedInLink()
    {
        var key = new string(' ', 16_384);
        await _server.PostAsync("/topics/t", Records, JsonSerializer.Serialize(new { key, value = 1 }));
        using var response = await _server.Client.GetAsync($"/topics/t/0?key={Uri.EscapeDataString(key)}");
        Assert.Equal(
            HttpStatusCode.NoContent,
            (await _server.Client.GetAsync(TestServer.NextLink(response))).StatusCode
        );
    }

    [Theory]
    [InlineData("/topics/t/0", "application/json")]
    [InlineData("/topics/t/0?view=values", "*/*")]
    public async Task Get_CopiedFormOfDamagedRecord_ReportsDamage(string path, string accept)
    {
        await AppendAsync();
        _server.Restart(() =>
        {
            var segment = Path.Combine(_server.DataDirectory, "topics", "t", "0", "00000000000000000000.ndjson");
            File.WriteAllText(
                segment,
                File.ReadAllText(segment).Replace("\"value\":{", "\"valuX\":{", StringComparison.Ordinal)
            );
        });
        await TestServer.ProblemAsync(
            await _server.SendAsync(HttpMethod.Get, path, ("Accept", accept)),
            HttpStatusCode.InternalServerError,
            "corrupt_block",
            "position 0"
        );
    }

    [Fact]
    public async Task Get_Key_ReadsItsPartition()
    {
        await _server.SendAsync(HttpMethod.Put, "/topics/many", "{\"partitions\":5}");
        foreach (var key in new[] { "21", "foobar", "abc" })
        {
            await _server.PostAsync("/topics/many", "application/json", "1", ("Record-Key", key));
            Assert.Contains(
                $"\"key\":\"{key}\"",
                (await GetAsync($"/topics/many/earliest?key={key}")).Body,
                StringComparison.Ordinal
            );
        }
    }

    [Theory]
    [InlineData("/topics/t/0", "application/json")]
    [InlineData("/topics/t/0?view=values", "*/*")]
    [InlineData("/topics/t/0?key=a", "*/*")]
    public async Task Head_AnyForm_HasHeadersOfGetWithoutBody(string path, string accept)
    {
        await AppendAsync();
        using var get = await _server.SendAsync(HttpMethod.Get, path, ("Accept", accept));
        using var head = await _server.SendAsync(HttpMethod.Head, path, ("Accept", accept));
        Assert.Equal(
            (HttpStatusCode.OK, TestServer.Header(get, "ETag"), get.Content.Headers.ContentType),
            (head.StatusCode, TestServer.Header(head, "ETag"), head.Content.Headers.ContentType)
        );
        Assert.Empty(await head.Content.ReadAsByteArrayAsync());
    }

    [Fact]
    public async Task Get_TextLines_ReturnsOriginalText()
    {
        var text = string.Concat(Enumerable.Range(0, 20_000).Select(number => $"line {number} \\ \"quoted\" é\t\n"));
        await _server.PostAsync("/topics/text?split=lines", "text/plain", text);
        var read = "";
        for (var path = "/topics/text/earliest?view=values"; ; )
        {
            using var response = await _server.SendAsync(HttpMethod.Get, path, ("Accept", "text/plain"));
            if (response.StatusCode == HttpStatusCode.NoContent)
                break;
            read += await response.Content.ReadAsStringAsync();
            path = TestServer.NextLink(response);
        }
        Assert.Equal(text, read);
    }
}
