using System.Text;
using CsCheck;
using LogHttp.Storage.Records;

namespace LogHttp.Storage.Tests.Records;

public class RecordLineTests
{
    [Theory]
    [InlineData("""{"offset":0,"timestamp":0,"value":1}""")]
    [InlineData("""{"offset":9223372036854775806,"timestamp":9007199254740991,"batch":2147483647,"producer":["p",0,7],"key":"k","headers":{"a":["1","2"]},"value":null}""")]
    [InlineData("""{"offset":7,"timestamp":1,"keyBase64":"/w==","valueBase64":""}""")]
    public void Check_OfALineAsTheFormatDrawsIt_FindsNothing(string line) =>
        Assert.Null(RecordLine.Check(Encoding.UTF8.GetBytes(line + "\n"), out _));

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
    [InlineData("{\"offset\":0,\"timestamp\":0,\"value\":1}}\n", "outside")]
    [InlineData("{\"offset\":0,\"timestamp\":0,\"value\":\n", "not valid JSON")]
    [InlineData("{\"offset\":0,\"timestamp\":0 ,\"value\":1}\n", "does not begin")]
    [InlineData("{\"offset\":0,\"timestamp\":0, \"value\":1}\n", "space")]
    [InlineData("{\"offset\":0,\"timestamp\":0,\"value\" :1}\n", "space")]
    [InlineData("{\"offset\":0,\"timestamp\":0,\"value\": 1}\n", "space")]
    [InlineData("{\"offset\":0,\"timestamp\":0,\"value\":1 }\n", "space")]
    [InlineData("{\"offset\":0,\"timestamp\":0,\"value\":1} \n", "space")]
    public void Check_OfAnyOtherLine_SaysWhatIsWrong(string line, string reason) =>
        Assert.Contains(reason, RecordLine.Check(Encoding.UTF8.GetBytes(line), out _), StringComparison.Ordinal);

    [Fact]
    public void Check_OfBadUtf8InAString_SaysSo() =>
        Assert.Contains("UTF-8", RecordLine.Check([.. "{\"offset\":0,\"timestamp\":0,\"value\":\""u8, 0xFF, .. "\"}\n"u8], out _), StringComparison.Ordinal);

    [Fact]
    public void Check_OfAnyDamagedLine_AcceptsOnlyWhatTheWriterCouldHaveFramed() =>
        Gen.Select(Gen.Long[0, RecordFormat.MaxOffset], Gen.Long[0, RecordFormat.MaxTimestampMs], Gen.OneOf(0, 2, 17), Gen.Int[0, 70], Gen.Byte, Gen.Int[0, 2])
            .Sample((offset, timestampMs, batchCount, position, value, kind) =>
            {
                var head = new byte[RecordFormat.MaxHeadBytes];
                var headBytes = RecordFormat.WriteHead(head, offset, timestampMs, batchCount);
                List<byte> line = [.. head[..headBytes], .. ",\"value\":{\"a\":[1,\"b\"]}}\n"u8];
                position %= line.Count;
                if (kind == 0)
                    line[position] = value;
                else if (kind == 1)
                    line.Insert(position, value);
                else
                    line.RemoveAt(position);
                var bytes = line.ToArray();
                if (RecordLine.Check(bytes, out var found) is not null)
                    return;
                var again = new byte[RecordFormat.MaxHeadBytes];
                var againBytes = RecordFormat.WriteHead(again, found.Offset, found.TimestampMs, found.BatchCount);
                Assert.True(bytes.AsSpan().StartsWith(again.AsSpan(0, againBytes)), Encoding.UTF8.GetString(bytes));
                // Nothing but the rest of the line as it was, or changed inside of its value.
                Assert.True(bytes.AsSpan(againBytes).StartsWith(",\"value\":"u8), Encoding.UTF8.GetString(bytes));
                Assert.True(bytes.AsSpan().EndsWith("}\n"u8), Encoding.UTF8.GetString(bytes));
            }, iter: 20_000);
}
