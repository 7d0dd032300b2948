using System.Text;
using LogHttp.AspNetCore.Contract;
using LogHttp.AspNetCore.Producing;
using LogHttp.Storage.Records;

namespace LogHttp.AspNetCore.Tests.Producing;

public sealed class CloudEventTests
{
    const int MaxHeadersBytes = 1_000;
    const string Required = "\"id\":\"1\",\"source\":\"/s\",\"specversion\":\"1.0\",\"type\":\"t\"";

    static (RecordMetadata Metadata, Problem? Problem) Read(string json, RecordMetadata given = default)
    {
        CloudEvent.TryRead(Encoding.UTF8.GetBytes(json), given, MaxHeadersBytes, out var metadata, out var problem);
        return (metadata, problem);
    }

    static (RecordMetadata Metadata, Problem? Problem) ReadHeaders(params (string Name, string Value)[] headers)
    {
        var request = new DefaultHttpContext().Request;
        (string, string)[] required =
        [
            ("Ce-Source", "/s"),
            ("ce-specversion", "1.0"),
            ("CE-TYPE", "t"),
            ("ce-id", "1"),
        ];
        foreach (var (name, value) in required.Where(given => headers.All(other => other.Name != given.Item1)))
            request.Headers[name] = value;
        foreach (var (name, value) in headers)
            request.Headers.Append(name, value);
        request.ContentType = "application/json";
        Assert.True(BodyType.TryRead(request, out var bodyType, out _));
        var metadata = default(RecordMetadata);
        CloudEventHeaders.TryRead(request.Headers, bodyType, ref metadata, out var problem);
        return (metadata, problem);
    }

    static string Text(RecordMetadata metadata) =>
        string.Join(' ', metadata.Headers!.Select(header => $"{header.Key}={header.Value}"));

    [Fact]
    public void TryRead_Attributes_BecomeHeaders()
    {
        var (metadata, problem) = Read(
            "{"
                + Required
                + """
                ,"subject":"é \"x\"","time":"2026-11-22T10:00:00Z","n":-5,"on":true,"gone":null,
                "datacontenttype":"text/xml","dataschema":"/x","partitionkey":"user-7","data":{"a":[1]}}
                """
        );
        Assert.Null(problem);
        Assert.Equal(
            "ce-id=1 ce-source=/s ce-specversion=1.0 ce-type=t ce-subject=é \"x\" ce-time=2026-11-22T10:00:00Z ce-n=-5 "
                + "ce-on=true ce-dataschema=/x ce-partitionkey=user-7",
            Text(metadata)
        );
        Assert.Equal("user-7", metadata.Key);
        Assert.Null(metadata.TimestampMs);
    }

    [Fact]
    public void TryRead_GivenKeyAndHeaders_ComeFirst()
    {
        var given = new RecordMetadata { Key = "k", Headers = [new("content-type", "x/y"), new("CE-Id", "9")] };
        var (metadata, _) = Read("{" + Required + ",\"partitionkey\":\"p\"}", given);
        Assert.Equal("k", metadata.Key);
        Assert.Equal(
            "content-type=x/y CE-Id=9 ce-source=/s ce-specversion=1.0 ce-type=t ce-partitionkey=p",
            Text(metadata)
        );
    }

    [Theory]
    [InlineData("""{"source":"/s","specversion":"1.0","type":"t"}""", "It has no id.")]
    [InlineData("""{"id":"1","source":"","specversion":"1.0","type":"t"}""", "It has no source.")]
    [InlineData("""{"id":"1","source":"/s","type":"t"}""", "It has no specversion.")]
    [InlineData("""{"id":"1","source":"/s","specversion":"1.0","type":null}""", "It has no type.")]
    [InlineData("""{"id":1,"source":"/s","specversion":"1.0","type":"t"}""", "id is no string.")]
    [InlineData("""{"id":"1","source":"/s","specversion":"0.3","type":"t"}""", "specversion is \"0.3\".")]
    [InlineData("[]", "An event is a JSON object.")]
    [InlineData("\"x\"", "An event is a JSON object.")]
    [InlineData("""{"id":"1","id":"2"}""", "id is given twice.")]
    [InlineData("""{"user_id":"1"}""", "\"user_id\" is no name of an attribute.")]
    [InlineData("""{"Id":"1"}""", "\"Id\" is no name of an attribute.")]
    [InlineData("""{"":"1"}""", "\"\" is no name of an attribute.")]
    [InlineData("""{"time":{"ms":1}}""", "time is an object or an array.")]
    [InlineData("""{"subject":"\ud800"}""", "subject is no text")]
    [InlineData("""{"\ud800":"1"}""", "A name in it is no text")]
    [InlineData("""{"data":1,"data_base64":"AA=="}""", "It has more than one of data and data_base64.")]
    public void TryRead_NoEvent_NamesFault(string json, string mentions)
    {
        var problem = Read(json).Problem;
        Assert.Equal((400, "invalid_cloudevent"), (problem?.Status, problem?.Code));
        Assert.Contains(mentions, problem!.Detail, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{\"id\":", "invalid_json")]
    [InlineData("{} {}", "invalid_json")]
    [InlineData("", "invalid_json")]
    public void TryRead_NoJson_IsRejected(string json, string code) => Assert.Equal(code, Read(json).Problem?.Code);

    [Theory]
    [InlineData("\"x\":\"", "\"")]
    [InlineData("\"", "\":1")]
    [InlineData("\"x\":1", "")]
    public void TryRead_TooLargeAttribute_IsNotDecoded(string start, string end)
    {
        var json = Encoding.UTF8.GetBytes($"{{{start}{new string('1', 5_000_000)}{end},{Required}}}");
        var before = GC.GetAllocatedBytesForCurrentThread();
        CloudEvent.TryRead(json, default, MaxHeadersBytes, out _, out var problem);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20);
        Assert.Equal("invalid_header", problem?.Code);
    }

    [Fact]
    public void TryRead_ManyAttributes_StopsAtLimit()
    {
        var many = string.Join(',', Enumerable.Range(0, 1_000).Select(number => $"\"n{number}\":1"));
        Assert.Equal("invalid_header", Read($"{{{many},{Required}}}").Problem?.Code);
    }

    [Fact]
    public void TryRead_ByteOrderMark_IsSkipped() => Assert.Null(Read("\uFEFF{" + Required + "}").Problem);

    [Theory]
    [InlineData("Euro%20%E2%82%AC%20%F0%9F%98%80", "Euro € 😀")]
    [InlineData("%65%e2%82%ac", "e€")]
    [InlineData("\"a \\\"b\\\" \\\\ %41\"", "a \"b\" \\ A")]
    [InlineData("100%", "100%")]
    [InlineData("%zz%4", "%zz%4")]
    [InlineData("%2541", "%41")]
    [InlineData("é 😀", "é 😀")]
    [InlineData("\"", "\"")]
    public void HeaderValue_Encoded_IsDecodedOnce(string value, string expected)
    {
        var (metadata, problem) = ReadHeaders(("ce-subject", value));
        Assert.Null(problem);
        Assert.Equal(expected, metadata.Headers!.Single(header => header.Key == "ce-subject").Value);
    }

    [Theory]
    [InlineData("ce-subject", "%C0%A0", "ce-subject is not UTF-8")]
    [InlineData("ce-subject", "%FF", "ce-subject is not UTF-8")]
    [InlineData("ce-id", "", "It has no id.")]
    [InlineData("ce-specversion", "2.0", "specversion is \"2.0\". Supported: 1.0.")]
    [InlineData("ce-datacontenttype", "text/xml", "ce-datacontenttype is no header of an event")]
    [InlineData("ce-data", "x", "ce-data is no header of an event")]
    [InlineData("ce-", "x", "\"\" is no name of an attribute")]
    [InlineData("ce-a-b", "x", "\"a-b\" is no name of an attribute")]
    public void Headers_Invalid_AreRejected(string name, string value, string mentions)
    {
        var problem = ReadHeaders((name, value)).Problem;
        Assert.Equal("invalid_cloudevent", problem?.Code);
        Assert.Contains(mentions, problem!.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void Headers_Repeated_AreRejected() =>
        Assert.Contains(
            "ce-subject is given 2 times.",
            ReadHeaders(("ce-subject", "a"), ("ce-subject", "b")).Problem?.Detail,
            StringComparison.Ordinal
        );

    [Fact]
    public void Headers_OfEvent_BecomeLowerCaseHeadersAndKey()
    {
        var (metadata, problem) = ReadHeaders(("Ce-PartitionKey", "user-7"), ("ce-time", "2026-11-22T10:00:00Z"));
        Assert.Null(problem);
        Assert.Equal("user-7", metadata.Key);
        Assert.Equal(
            ["ce-id", "ce-partitionkey", "ce-source", "ce-specversion", "ce-time", "ce-type"],
            metadata.Headers!.Select(header => header.Key).Order(StringComparer.Ordinal)
        );
    }
}
