using System.Text;
using CsCheck;
using LogHttp.Storage.Records;

namespace LogHttp.Storage.Tests.Records;

public class RecordLineTests
{
    [Theory]
    [InlineData("""{"offset":0,"timestamp":0,"value":1}""")]
    [InlineData(
        """{"offset":9223372036854775806,"timestamp":9007199254740991,"batch":2147483647,"producer":["p",0,7],"key":"k","headers":{"a":["1","2"]},"value":null}"""
    )]
    [InlineData("""{"offset":7,"timestamp":1,"keyBase64":"/w==","valueBase64":""}""")]
    [InlineData("""{"offset":7,"timestamp":1,"producer":["p",0,7,"89abcdef"],"value":1}""")]
    [InlineData(
        """{"offset":7,"timestamp":1,"commit":["g","8f1d4c0a52b7e693",0,3,42],"idempotency":["key","hash"],"key":"k","value":1}"""
    )]
    [InlineData(
        """{"offset":7,"timestamp":1,"batch":2,"producer":["p",0,7,"89abcdef"],"commit":["g","t",0,3,42],"value":1}"""
    )]
    [InlineData(
        """{"offset":7,"timestamp":1,"headers":[["A","1"],["b",null],["A","2"],["",""],["c",{"base64":"/w=="}]],"value":1}"""
    )]
    [InlineData("""{"offset":7,"timestamp":1,"headers":[],"value":1}""")]
    public void Check_LineAsFormatted_FindsNothing(string line) =>
        Assert.Null(RecordFormat.Check(Encoding.UTF8.GetBytes(line + "\n"), out _, out _));

    [Theory]
    [InlineData("", "no end")]
    [InlineData("{\"offset\":0,\"timestamp\":0,\"value\":1}", "no end")]
    [InlineData("\n", "does not begin")]
    [InlineData("{\"timestamp\":0,\"offset\":0,\"value\":1}\n", "does not begin")]
    [InlineData("{ \"offset\":0,\"timestamp\":0,\"value\":1}\n", "does not begin")]
    [InlineData("{\"offset\":-1,\"timestamp\":0,\"value\":1}\n", "does not begin")]
    [InlineData("{\"offset\":007,\"timestamp\":0,\"value\":1}\n", "does not begin")]
    [InlineData("{\"offset\":+7,\"timestamp\":0,\"value\":1}\n", "does not begin")]
    [InlineData("{\"offset\":9223372036854775807,\"timestamp\":0,\"value\":1}\n", "does not begin")]
    [InlineData("{\"offset\":0,\"timestamp\":9007199254740992,\"value\":1}\n", "does not begin")]
    [InlineData("{\"offset\":0,\"timestamp\":0,\"batch\":1,\"value\":1}\n", "does not begin")]
    [InlineData("{\"offset\":0,\"timestamp\":0}\n", "does not begin")]
    [InlineData("{\"offset\":0,\"timestamp\":0,\"key\":\"k\"}\n", "no value")]
    [InlineData("{\"offset\":0,\"timestamp\":0,\"other\":1,\"value\":1}\n", "unknown field")]
    [InlineData("{\"offset\":0,\"timestamp\":0,\"v\\u0061lue\":1}\n", "unknown field")]
    [InlineData("{\"offset\":0,\"timestamp\":0,\"value\":1,\"key\":\"k\"}\n", "out of order")]
    [InlineData("{\"offset\":0,\"timestamp\":0,\"value\":1,\"value\":2}\n", "repeated")]
    [InlineData("{\"offset\":0,\"timestamp\":0,\"key\":7,\"value\":1}\n", "another type")]
    [InlineData("{\"offset\":0,\"timestamp\":0,\"keyBase64\":\"!\",\"value\":1}\n", "another type")]
    [InlineData("{\"offset\":0,\"timestamp\":0,\"valueBase64\":[]}\n", "another type")]
    [InlineData("{\"offset\":0,\"timestamp\":0,\"valueBase64\":\"/w ==\"}\n", "another type")]
    [InlineData("{\"offset\":0,\"timestamp\":0,\"headers\":7,\"value\":1}\n", "another type")]
    [InlineData("{\"offset\":0,\"timestamp\":0,\"headers\":{\"a\":[[]]},\"value\":1}\n", "another type")]
    [InlineData("{\"offset\":0,\"timestamp\":0,\"producer\":7,\"value\":1}\n", "another type")]
    [InlineData("{\"offset\":0,\"timestamp\":0,\"producer\":[\"\\ud800\",0,0],\"value\":1}\n", "another type")]
    [InlineData("{\"offset\":0,\"timestamp\":0,\"producer\":[\"p\",0,0,\"89ABCDEF\"],\"value\":1}\n", "another type")]
    [InlineData("{\"offset\":0,\"timestamp\":0,\"producer\":[\"p\",0,0,\"89abcde\"],\"value\":1}\n", "another type")]
    [InlineData("{\"offset\":0,\"timestamp\":0,\"producer\":[\"p\",0,0,\"89abcdef\",1],\"value\":1}\n", "another type")]
    [InlineData(
        "{\"offset\":0,\"timestamp\":0,\"idempotency\":[\"k\",\"h\"],\"commit\":[\"g\",\"t\",0,3,42],\"value\":1}\n",
        "out of order"
    )]
    [InlineData("{\"offset\":0,\"timestamp\":0,\"commit\":[\"g\",\"t\",0,3,-1],\"value\":1}\n", "another type")]
    [InlineData("{\"offset\":0,\"timestamp\":0,\"commit\":[\"g\",\"t\",0,3],\"value\":1}\n", "another type")]
    [InlineData("{\"offset\":0,\"timestamp\":0,\"idempotency\":[\"k\",1],\"value\":1}\n", "another type")]
    [InlineData("{\"offset\":0,\"timestamp\":0,\"headers\":[[\"a\"]],\"value\":1}\n", "another type")]
    [InlineData("{\"offset\":0,\"timestamp\":0,\"headers\":[[\"a\",1]],\"value\":1}\n", "another type")]
    [InlineData("{\"offset\":0,\"timestamp\":0,\"headers\":[[null,\"1\"]],\"value\":1}\n", "another type")]
    [InlineData(
        "{\"offset\":0,\"timestamp\":0,\"headers\":[[\"a\",{\"base64\":\"!\"}]],\"value\":1}\n",
        "another type"
    )]
    [InlineData("{\"offset\":0,\"timestamp\":0,\"headers\":[[\"a\",{\"hex\":\"00\"}]],\"value\":1}\n", "another type")]
    [InlineData("{\"offset\":0,\"timestamp\":0,\"value\":1}}\n", "outside")]
    [InlineData("{\"offset\":0,\"timestamp\":0,\"value\":\n", "not valid JSON")]
    [InlineData("{\"offset\":0,\"timestamp\":0 ,\"value\":1}\n", "does not begin")]
    [InlineData("{\"offset\":0,\"timestamp\":0, \"value\":1}\n", "space")]
    [InlineData("{\"offset\":0,\"timestamp\":0,\"value\" :1}\n", "space")]
    [InlineData("{\"offset\":0,\"timestamp\":0,\"value\": 1}\n", "space")]
    [InlineData("{\"offset\":0,\"timestamp\":0,\"value\":1 }\n", "space")]
    [InlineData("{\"offset\":0,\"timestamp\":0,\"value\":1} \n", "space")]
    public void Check_OtherLine_NamesFault(string line, string reason) =>
        Assert.Contains(
            reason,
            RecordFormat.Check(Encoding.UTF8.GetBytes(line), out _, out _),
            StringComparison.Ordinal
        );

    [Fact]
    public void Check_InvalidUtf8InString_NamesFault() =>
        Assert.Contains(
            "UTF-8",
            RecordFormat.Check([.. "{\"offset\":0,\"timestamp\":0,\"value\":\""u8, 0xFF, .. "\"}\n"u8], out _, out _),
            StringComparison.Ordinal
        );

    [Fact]
    public void Check_DamagedLine_AcceptsWritableLinesAlone() =>
        Gen.Select(
                Gen.Long[0, RecordFormat.MaxOffset],
                Gen.Long[0, RecordFormat.MaxTimestampMs],
                Gen.OneOf(0, 2, 17),
                Gen.Int[0, 70],
                Gen.Byte,
                Gen.Int[0, 2]
            )
            .Sample(
                (offset, timestampMs, batchCount, position, value, kind) =>
                {
                    var head = new byte[RecordFormat.MaxHeadBytes];
                    var headBytes = RecordFields.WriteHead(head, offset, timestampMs, batchCount);
                    List<byte> line = [.. head[..headBytes], .. ",\"value\":{\"a\":[1,\"b\"]}}\n"u8];
                    position %= line.Count;
                    if (kind == 0)
                        line[position] = value;
                    else if (kind == 1)
                        line.Insert(position, value);
                    else
                        line.RemoveAt(position);
                    var bytes = line.ToArray();
                    if (RecordFormat.Check(bytes, out var found, out _) is not null)
                        return;
                    var again = new byte[RecordFormat.MaxHeadBytes];
                    var againBytes = RecordFields.WriteHead(again, found.Offset, found.TimestampMs, found.BatchCount);
                    Assert.True(bytes.AsSpan().StartsWith(again.AsSpan(0, againBytes)), Encoding.UTF8.GetString(bytes));
                    // Only the rest of the line is left, unchanged, or changed inside of its value.
                    Assert.True(bytes.AsSpan(againBytes).StartsWith(",\"value\":"u8), Encoding.UTF8.GetString(bytes));
                    Assert.True(bytes.AsSpan().EndsWith("}\n"u8), Encoding.UTF8.GetString(bytes));
                },
                iter: 20_000
            );
}
