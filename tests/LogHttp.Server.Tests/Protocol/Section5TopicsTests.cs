using System.Net;

namespace LogHttp.Server.Tests.Protocol;

public sealed class Section5TopicsTests : IDisposable
{
    readonly TestServer _server = new(("MaxTopics", "5"), ("MaxPartitions", "40"), ("SegmentBytes", "65536"));

    public void Dispose() => _server.Dispose();

    Task<HttpResponseMessage> PutAsync(string topic, string? body = null) =>
        _server.SendAsync(HttpMethod.Put, $"/topics/{topic}", body);

    [Fact]
    public async Task Put_Twice_CreatesTopicOnce()
    {
        using var made = await PutAsync("t", """{"partitions":3,"segmentBytes":1048576,"flush":"100ms"}""");
        Assert.Equal(
            (HttpStatusCode.Created, "/topics/t"),
            (made.StatusCode, TestServer.Resolve(made, TestServer.Header(made, "Location")!))
        );
        var topic = await TestServer.JsonAsync(made);
        Assert.Equal(
            """{"partitions":3,"segmentBytes":1048576,"flush":"100ms","retention":"0","retentionMs":0,"retentionBytes":0,"values":"auto","maxRecordBytes":0,"labels":{}}""",
            topic.GetProperty("configuration").GetRawText()
        );
        Assert.Equal(3, topic.GetProperty("partitions").GetArrayLength());
        foreach (
            var same in new[]
            {
                """{"partitions":3,"segmentBytes":1048576,"flush":"100ms"}""",
                """{"flush":"100ms"}""",
                "{}",
                null,
            }
        )
        {
            using var found = await PutAsync("t", same);
            Assert.Equal(
                (HttpStatusCode.OK, topic.GetProperty("id").GetString()),
                (found.StatusCode, (await TestServer.JsonAsync(found)).GetProperty("id").GetString())
            );
        }
    }

    [Theory]
    [InlineData("""{"partitions":2}""", "partitions 3, not 2")]
    [InlineData("""{"segmentBytes":1048577}""", "segmentBytes 1048576, not 1048577")]
    [InlineData("""{"flush":"os"}""", "flush 100ms, not os")]
    [InlineData("""{"retentionMs":1000}""", "retention 0, not 1s")]
    [InlineData("""{"retention":"7d"}""", "retention 0, not 7d")]
    [InlineData("""{"retentionBytes":65536}""", "retentionBytes 0, not 65536")]
    [InlineData("""{"values":"json"}""", "values auto, not json")]
    [InlineData("""{"maxRecordBytes":2048}""", "maxRecordBytes 0, not 2048")]
    [InlineData("""{"labels":{"team":"a"}}""", "other labels")]
    public async Task Put_OtherConfiguration_IsConflict(string body, string mentions)
    {
        await PutAsync("t", """{"partitions":3,"segmentBytes":1048576,"flush":"100ms"}""");
        await TestServer.ProblemAsync(
            await PutAsync("t", body),
            HttpStatusCode.Conflict,
            "configuration_differs",
            mentions
        );
    }

    [Theory]
    [InlineData("{", "configuration")]
    [InlineData("[]", "is not an object")]
    [InlineData("null", "is not an object")]
    [InlineData("""{"partitons":3}""", "partitons")]
    [InlineData("""{"partitions":1,"partitions":2}""", "partitions")]
    [InlineData("""{"partitions":"3"}""", "whole number")]
    [InlineData("""{"partitions":1.5}""", "whole number")]
    [InlineData("""{"partitions":0}""", "from 1 to 1024")]
    [InlineData("""{"partitions":1025}""", "from 1 to 1024")]
    [InlineData("""{"partitions":99999999999}""", "whole number")]
    [InlineData("""{"segmentBytes":1}""", "from 65536")]
    [InlineData("""{"flush":"sometimes"}""", "always")]
    [InlineData("""{"flush":1}""", "not a string")]
    [InlineData("""{"retentionMs":999}""", "retentionMs is 999; it must be from 1000")]
    [InlineData("""{"retentionMs":"7d"}""", "whole number")]
    [InlineData("""{"retention":7}""", "not a string")]
    [InlineData("""{"retention":"7"}""", "retention is \"7\"; it must be a time such as \"7d\"")]
    [InlineData("""{"retention":"a week"}""", "it must be a time")]
    [InlineData("""{"retention":"999ms"}""", "it must be from 1000")]
    [InlineData("""{"retention":"40000d"}""", "it must be from 1000")]
    [InlineData("""{"retention":"7d","retentionMs":1000}""", "They mean the same, so send one of them")]
    [InlineData("""{"retentionBytes":1}""", "retentionBytes is 1; it must be from 65536")]
    [InlineData("""{"values":"xml"}""", "values is \"xml\"; it must be \"auto\", \"json\", \"text\" or \"bytes\"")]
    [InlineData("""{"values":7}""", "not a string")]
    [InlineData("""{"maxRecordBytes":1}""", "maxRecordBytes is 1; it must be from 1024")]
    [InlineData("""{"maxRecordBytes":1048577}""", "the server allows at most 1048576")]
    [InlineData("""{"labels":{"team":7}}""", "labels is not an object whose values are strings")]
    [InlineData("""{"labels":["team"]}""", "labels is not an object whose values are strings")]
    [InlineData("""{"labels":{"te am":"a"}}""", "labels has the name \"te am\"")]
    [InlineData("""{"labels":{"team":"a\nb"}}""", "without control characters")]
    public async Task Put_InvalidConfiguration_CreatesNothing(string body, string mentions)
    {
        await TestServer.ProblemAsync(
            await PutAsync("t", body),
            HttpStatusCode.BadRequest,
            "invalid_configuration",
            mentions
        );
        await TestServer.ProblemAsync(
            await _server.Client.GetAsync("/topics/t"),
            HttpStatusCode.NotFound,
            "unknown_topic"
        );
    }

    [Theory]
    [InlineData("""{"retention":"7d"}""", "7d", 604_800_000)]
    [InlineData("""{"retention":"36h"}""", "36h", 129_600_000)]
    [InlineData("""{"retention":"48h"}""", "2d", 172_800_000)]
    [InlineData("""{"retention":"1500ms"}""", "1500ms", 1500)]
    [InlineData("""{"retention":"0"}""", "0", 0)]
    [InlineData("""{"retention":"0d"}""", "0", 0)]
    [InlineData("""{"retentionMs":86400000}""", "1d", 86_400_000)]
    [InlineData("""{"retention":"1d","retentionMs":86400000}""", "1d", 86_400_000)]
    public async Task Retention_AsTextOrNumber_IsSame(string body, string text, long milliseconds)
    {
        using var made = await PutAsync("t", body);
        Assert.Equal(HttpStatusCode.Created, made.StatusCode);
        var configuration = (await TestServer.JsonAsync(made)).GetProperty("configuration");
        Assert.Equal(
            (text, milliseconds),
            (configuration.GetProperty("retention").GetString(), configuration.GetProperty("retentionMs").GetInt64())
        );
        // What the server returns, it takes.
        using var again = await PutAsync("t", configuration.GetRawText());
        Assert.Equal(HttpStatusCode.OK, again.StatusCode);
        using var patched = await _server.SendAsync(HttpMethod.Patch, "/topics/t", body);
        Assert.Equal(HttpStatusCode.OK, patched.StatusCode);
    }

    [Fact]
    public async Task ValuesSizeAndLabels_Changed_AreKept()
    {
        using (
            var made = await PutAsync(
                "t",
                """{"values":"text","maxRecordBytes":2048,"labels":{"team":"ä","app/tier":""}}"""
            )
        )
            Assert.Contains(
                ""","values":"text","maxRecordBytes":2048,"labels":{"app/tier":"","team":"ä"}}""",
                await made.Content.ReadAsStringAsync(),
                StringComparison.Ordinal
            );
        Assert.Equal(HttpStatusCode.OK, (await PutAsync("t", """{"labels":{"app/tier":"","team":"ä"}}""")).StatusCode);
        _server.Restart();
        using (
            var patched = await _server.SendAsync(
                HttpMethod.Patch,
                "/topics/t",
                """{"labels":{"new":"1"},"maxRecordBytes":0}"""
            )
        )
            Assert.Contains(
                ""","values":"text","maxRecordBytes":0,"labels":{"new":"1"}}""",
                await patched.Content.ReadAsStringAsync(),
                StringComparison.Ordinal
            );
        _server.Restart();
        Assert.Contains(
            ""","values":"text","maxRecordBytes":0,"labels":{"new":"1"}}""",
            await _server.Client.GetStringAsync("/topics/t"),
            StringComparison.Ordinal
        );
    }

    [Theory]
    [InlineData(33, 1, 1, "Labels has 33 entries")]
    [InlineData(1, 64, 1, "1 to 63")]
    [InlineData(1, 1, 257, "at most 256")]
    public async Task Labels_AboveLimit_AreRejected(int count, int nameLength, int valueLength, string mentions)
    {
        var labels = string.Join(
            ',',
            Enumerable
                .Range(0, count)
                .Select(number =>
                    $"\"{number.ToString().PadLeft(nameLength, 'a')}\":\"{new string('v', valueLength)}\""
                )
        );
        await TestServer.ProblemAsync(
            await PutAsync("t", $"{{\"labels\":{{{labels}}}}}"),
            HttpStatusCode.BadRequest,
            "invalid_configuration",
            char.ToLowerInvariant(mentions[0]) + mentions[1..]
        );
    }

    [Fact]
    public async Task Name_Reserved_IsRejected()
    {
        await TestServer.ProblemAsync(
            await PutAsync("__offsets"),
            HttpStatusCode.BadRequest,
            "invalid_topic",
            "begin with \"__\" are reserved"
        );
        await TestServer.ProblemAsync(
            await _server.PostAsync("/topics/__offsets", "text/plain", "x"),
            HttpStatusCode.BadRequest,
            "invalid_topic",
            "reserved"
        );
        await TestServer.ProblemAsync(
            await _server.PostAsync("/topics/__offsets?stream=true", "application/x-ndjson", "1\n"),
            HttpStatusCode.BadRequest,
            "invalid_topic",
            "reserved"
        );
        Assert.Equal(HttpStatusCode.Created, (await PutAsync("_offsets")).StatusCode);
        // A topic created before such names were reserved stays.
        _server.Restart(() =>
            Directory.Move(
                Path.Combine(_server.DataDirectory, "topics", "_offsets"),
                Path.Combine(_server.DataDirectory, "topics", "__offsets")
            )
        );
        Assert.Equal(
            HttpStatusCode.Created,
            (await _server.PostAsync("/topics/__offsets", "text/plain", "x")).StatusCode
        );
        Assert.Equal(HttpStatusCode.OK, (await PutAsync("__offsets")).StatusCode);
    }

    [Fact]
    public async Task Put_AboveLimit_IsRejected()
    {
        await TestServer.ProblemAsync(
            await PutAsync("big", $"{{\"flush\":\"{new string('x', 20_000)}\"}}"),
            HttpStatusCode.RequestEntityTooLarge,
            "body_too_large",
            "16384"
        );
        await TestServer.ProblemAsync(await PutAsync("a!b"), HttpStatusCode.BadRequest, "invalid_topic");
        await PutAsync("wide", """{"partitions":30}""");
        await TestServer.ProblemAsync(
            await PutAsync("wide2", """{"partitions":11}"""),
            HttpStatusCode.TooManyRequests,
            "too_many_topics",
            "MaxPartitions"
        );
        for (var number = 0; number < 4; number++)
            Assert.Equal(HttpStatusCode.Created, (await PutAsync($"t{number}")).StatusCode);
        await TestServer.ProblemAsync(
            await PutAsync("t4"),
            HttpStatusCode.TooManyRequests,
            "too_many_topics",
            "MaxTopics"
        );
        // After a deletion another topic can be created.
        await _server.SendAsync(HttpMethod.Delete, "/topics/t0");
        Assert.Equal(HttpStatusCode.Created, (await PutAsync("t4")).StatusCode);
    }

    [Fact]
    public async Task Get_Topic_DescribesPartitions()
    {
        await PutAsync("t", """{"partitions":2}""");
        var pageBytes = 0L;
        for (var i = 0; i < 100; i++)
            await _server.PostAsync("/topics/t?partition=1", "text/plain", new string('x', 1_000));
        for (var path = "/topics/t/earliest?partition=1"; ; )
        {
            using var response = await _server.Client.GetAsync(path);
            if (response.StatusCode == HttpStatusCode.NoContent)
                break;
            pageBytes += response.Content.Headers.ContentLength!.Value;
            path = TestServer.NextLink(response);
        }
        for (var look = 0; look < 2; look++)
        {
            var topic = await TestServer.JsonAsync(await _server.Client.GetAsync("/topics/t"));
            Assert.Equal(
                """{"partition":0,"earliestOffset":0,"nextOffset":0,"sizeBytes":0,"segments":1,"journaled":false,"unsyncedBytes":0}""",
                topic.GetProperty("partitions")[0].GetRawText()
            );
            var filled = topic.GetProperty("partitions")[1];
            var start =
                $$"""{"partition":1,"earliestOffset":0,"nextOffset":100,"sizeBytes":{{pageBytes}},"segments":2,"journaled":true,""";
            Assert.StartsWith(start, filled.GetRawText(), StringComparison.Ordinal);
            Assert.InRange(filled.GetProperty("unsyncedBytes").GetInt64(), 0, pageBytes);
            // Sizes are known after a start too, without opening a segment.
            _server.Restart();
        }
    }

    [Fact]
    public async Task Patch_Settings_PersistAfterRestart()
    {
        await PutAsync("t", """{"partitions":2}""");
        using var changed = await _server.SendAsync(HttpMethod.Patch, "/topics/t", """{"flush":"os"}""");
        Assert.Equal(HttpStatusCode.OK, changed.StatusCode);
        _server.Restart();
        var topic = await TestServer.JsonAsync(await _server.Client.GetAsync("/topics/t"));
        Assert.Equal(
            """{"partitions":2,"segmentBytes":65536,"flush":"os","retention":"0","retentionMs":0,"retentionBytes":0,"values":"auto","maxRecordBytes":0,"labels":{}}""",
            topic.GetProperty("configuration").GetRawText()
        );
        Assert.Equal(
            HttpStatusCode.Created,
            (await _server.PostAsync("/topics/t", "application/json", "1")).StatusCode
        );
    }

    [Fact]
    public async Task Patch_OutOfRange_IsRejected()
    {
        await PutAsync("t", """{"partitions":2}""");
        await TestServer.ProblemAsync(
            await _server.SendAsync(HttpMethod.Patch, "/topics/t", """{"segmentBytes":0}"""),
            HttpStatusCode.BadRequest,
            "invalid_configuration",
            "65536"
        );
        await TestServer.ProblemAsync(
            await _server.SendAsync(HttpMethod.Patch, "/topics/none", """{"flush":"os"}"""),
            HttpStatusCode.NotFound,
            "unknown_topic"
        );
        var topic = await TestServer.JsonAsync(await _server.Client.GetAsync("/topics/t"));
        Assert.Equal("always", topic.GetProperty("configuration").GetProperty("flush").GetString());
    }

    [Fact]
    public async Task Delete_Topic_NewOneOfSameNameIsDistinct()
    {
        await _server.PostAsync("/topics/t", "application/json", "1");
        var before = TestServer.NextLink(await _server.Client.GetAsync("/topics/t/earliest"));
        using var deleted = await _server.SendAsync(HttpMethod.Delete, "/topics/t");
        Assert.Equal(HttpStatusCode.NoContent, deleted.StatusCode);
        Assert.False(Directory.Exists(Path.Combine(_server.DataDirectory, "topics", "t")));
        await TestServer.ProblemAsync(
            await _server.SendAsync(HttpMethod.Delete, "/topics/t"),
            HttpStatusCode.NotFound,
            "unknown_topic"
        );
        await TestServer.ProblemAsync(await _server.Client.GetAsync(before), HttpStatusCode.NotFound, "unknown_topic");

        using var again = await _server.PostAsync("/topics/t", "application/json", "2");
        Assert.Equal(0, (await TestServer.JsonAsync(again)).GetProperty("offset").GetInt64());
        await TestServer.ProblemAsync(
            await _server.Client.GetAsync(before),
            HttpStatusCode.Gone,
            "topic_replaced",
            "earliest"
        );
    }

    [Fact]
    public async Task Delete_UnderLoad_NeverMixesTopics()
    {
        // Each generation has records that name it. A reader gets one generation under one id.
        for (var generation = 0; generation < 10; generation++)
        {
            var appends = Enumerable
                .Range(0, 20)
                .Select(_ => _server.PostAsync("/topics/t", "text/plain", $"generation {generation}"))
                .ToArray();
            var reads = Enumerable
                .Range(0, 20)
                .Select(async _ =>
                {
                    using var response = await _server.Client.GetAsync("/topics/t/earliest?view=values");
                    return ((int)response.StatusCode, await response.Content.ReadAsStringAsync());
                })
                .ToArray();
            await appends[0];
            using var deleted = await _server.SendAsync(HttpMethod.Delete, "/topics/t");
            Assert.Equal(HttpStatusCode.NoContent, deleted.StatusCode);
            foreach (var append in appends)
                Assert.Contains((int)(await append).StatusCode, (int[])[201, 503]);
            foreach (var (status, body) in await Task.WhenAll(reads))
            {
                Assert.Contains(status, (int[])[200, 204, 404, 503]);
                Assert.True(
                    status != 200
                        || body.Split('\n', StringSplitOptions.RemoveEmptyEntries)
                            .All(line => line == $"\"generation {generation}\""),
                    body
                );
            }
            // An append after the deletion has created the topic anew.
            await _server.SendAsync(HttpMethod.Delete, "/topics/t");
        }
    }

    [Fact]
    public async Task List_Topics_IsPagedByNameWithDamagedOnes()
    {
        foreach (var name in new[] { "c", "a", "b", "B" })
            await PutAsync(name);
        var directory = Path.Combine(_server.DataDirectory, "topics", "b");
        _server.Restart(() =>
        {
            File.WriteAllText(Path.Combine(directory, "topic.json"), "{");
            // With the manifest, topic.json would be rebuilt.
            File.Delete(Path.Combine(directory, "0", "manifest"));
        });
        var names = new List<string>();
        for (var path = "/topics?limit=1"; path is not null; )
        {
            using var response = await _server.Client.GetAsync(path);
            var list = await TestServer.JsonAsync(response);
            var topic = Assert.Single(list.GetProperty("topics").EnumerateArray());
            names.Add(topic.GetProperty("topic").GetString()!);
            Assert.Equal(names[^1] == "b", topic.TryGetProperty("damaged", out _));
            var next = list.TryGetProperty("next", out var reference) ? reference.GetString() : null;
            Assert.Equal(next is null ? null : $"<{next}>; rel=\"next\"", TestServer.Header(response, "Link"));
            path = next is null ? null : TestServer.Resolve(response, next);
        }
        Assert.Equal(["B", "a", "b", "c"], names);
        await TestServer.ProblemAsync(
            await _server.Client.GetAsync("/topics/b"),
            HttpStatusCode.ServiceUnavailable,
            "topic_damaged"
        );
        Assert.Equal(HttpStatusCode.NoContent, (await _server.SendAsync(HttpMethod.Delete, "/topics/b")).StatusCode);
        await TestServer.ProblemAsync(
            await _server.Client.GetAsync("/topics?limit=0"),
            HttpStatusCode.BadRequest,
            "invalid_parameter"
        );
    }
}
