using System.Text;
using LogHttp.Storage.Records;

namespace LogHttp.Storage.Tests.Records;

public class RecordBatchTests
{
    static readonly RecordLimits Small = new()
    {
        MaxRecordBytes = 1 << 10,
        MaxBatchBytes = 2 << 10,
        MaxKeyBytes = 8,
        MaxHeadersBytes = 8,
    };

    static RecordMetadata Key(string key) => new() { Key = key };

    static RecordMetadata Header(string name, string value) => new() { Headers = [new(name, value)] };

    static string Tails(RecordBatch batch) => Encoding.UTF8.GetString(batch.Tails);

    [Theory]
    [InlineData("{\"a\":1.50e2, \"a\":2}", "{\"a\":1.50e2, \"a\":2}")]
    [InlineData(" \r\n[1,\r\n2]\t", "[1,  2]")]
    [InlineData("\uFEFF7", "7")]
    [InlineData("null", "null")]
    [InlineData("\"\\ud800\\n\"", "\"\\ud800\\n\"")]
    public void AddJson_LineBreaksBetweenTokens_RemovesThemAlone(string json, string kept)
    {
        using var batch = new RecordBatch(new RecordLimits());
        Assert.Null(batch.AddJson(Encoding.UTF8.GetBytes(json)));
        Assert.Equal($",\"value\":{kept}}}\n", Tails(batch));
    }

    [Fact]
    public void AddText_AnyText_EscapesRequiredCharactersAlone()
    {
        using var batch = new RecordBatch(new RecordLimits());
        Assert.Null(batch.AddText("a\"\\\n\r\t\b\u001f\u007f/é🎈"u8));
        Assert.Equal(",\"value\":\"a\\\"\\\\\\n\\r\\t\\u0008\\u001f\u007f/é🎈\"}\n", Tails(batch));
    }

    [Fact]
    public void Add_KeyAndHeaders_WritesThemBeforeValue()
    {
        using var batch = new RecordBatch(new RecordLimits());
        Assert.Null(
            batch.AddBytes(
                [0xFF, 0],
                new RecordMetadata { Key = "k\"", Headers = [new("Trace", "9f"), new("b", "1"), new("TRACE", "é")] }
            )
        );
        Assert.Equal(
            ",\"key\":\"k\\\"\",\"headers\":{\"trace\":[\"9f\",\"é\"],\"b\":\"1\"},\"valueBase64\":\"/wA=\"}\n",
            Tails(batch)
        );
    }

    [Theory]
    [InlineData(RecordFaultCode.InvalidJson, "")]
    [InlineData(RecordFaultCode.InvalidJson, "{\"a\":}")]
    [InlineData(RecordFaultCode.InvalidJson, "1 2")]
    [InlineData(RecordFaultCode.InvalidJson, "'a'")]
    public void AddJson_InvalidJson_ReturnsFault(RecordFaultCode code, string json)
    {
        using var batch = new RecordBatch(new RecordLimits());
        Assert.Equal(code, batch.AddJson(Encoding.UTF8.GetBytes(json))?.Code);
        Assert.Equal((0, 0), (batch.Count, batch.SizeBytes));
    }

    [Fact]
    public void AddJson_NestedTooDeep_IsRejected()
    {
        using var batch = new RecordBatch(new RecordLimits());
        Assert.Null(batch.AddJson(Encoding.UTF8.GetBytes(new string('[', 60) + new string(']', 60))));
        Assert.Equal(
            RecordFaultCode.InvalidJson,
            batch.AddJson(Encoding.UTF8.GetBytes(new string('[', 61) + new string(']', 61)))?.Code
        );
    }

    [Fact]
    public void Add_InvalidUtf8_NamesPosition()
    {
        using var batch = new RecordBatch(new RecordLimits());
        var inJson = batch.AddJson([(byte)'"', (byte)'a', 0xC0, (byte)'"']);
        var inText = batch.AddText([(byte)'a', 0xED, 0xA0, 0x80]);
        Assert.Equal(RecordFaultCode.InvalidUtf8, inJson?.Code);
        Assert.Contains("at byte 2", inJson!.Message, StringComparison.Ordinal);
        Assert.Equal(RecordFaultCode.InvalidUtf8, inText?.Code);
        Assert.Contains("at byte 1", inText!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Add_KeyTooLongOrInvalid_IsRejected()
    {
        using var batch = new RecordBatch(Small);
        Assert.Null(batch.AddText("v"u8, Key("12345678")));
        Assert.Equal(RecordFaultCode.InvalidKey, batch.AddText("v"u8, Key("123456789"))?.Code);
        Assert.Equal(RecordFaultCode.InvalidKey, batch.AddText("v"u8, Key("éééééé"))?.Code);
        Assert.Equal(RecordFaultCode.InvalidKey, batch.AddText("v"u8, Key("a\ud800"))?.Code);
        Assert.Equal(1, batch.Count);
    }

    [Fact]
    public void Add_HeadersTooLongOrInvalid_AreRejected()
    {
        using var batch = new RecordBatch(Small);
        Assert.Null(batch.AddText("v"u8, Header("1234", "5678")));
        Assert.Equal(RecordFaultCode.InvalidHeader, batch.AddText("v"u8, Header("1234", "56789"))?.Code);
        Assert.Equal(RecordFaultCode.InvalidHeader, batch.AddText("v"u8, Header("", "v"))?.Code);
        Assert.Equal(RecordFaultCode.InvalidHeader, batch.AddText("v"u8, Header("a", "\udfff"))?.Code);
        Assert.Equal(1, batch.Count);
    }

    [Fact]
    public void Add_RecordTooLarge_AddsNothing()
    {
        using var batch = new RecordBatch(Small);
        var framing = ",\"value\":\"\"}\n".Length;
        Assert.Equal(RecordFaultCode.RecordTooLarge, batch.AddText(new byte[2_000])?.Code);
        Assert.Equal(
            RecordFaultCode.RecordTooLarge,
            batch.AddText(Encoding.UTF8.GetBytes(new string('a', (1 << 10) - framing + 1)))?.Code
        );
        Assert.Equal(
            RecordFaultCode.RecordTooLarge,
            batch.AddText(Encoding.UTF8.GetBytes(new string('\n', 512)))?.Code
        );
        Assert.Equal(0, batch.SizeBytes);
        Assert.Null(batch.AddText(Encoding.UTF8.GetBytes(new string('a', (1 << 10) - framing))));
    }

    [Fact]
    public void Add_AboveBatchLimit_KeepsBatch()
    {
        using var batch = new RecordBatch(Small);
        Assert.Null(batch.AddText(Encoding.UTF8.GetBytes(new string('a', 1_000))));
        var before = Tails(batch);
        Assert.Equal(
            RecordFaultCode.BatchTooLarge,
            batch.AddText(Encoding.UTF8.GetBytes(new string('b', 1_000)))?.Code
        );
        Assert.Equal((1, before), (batch.Count, Tails(batch)));
    }

    [Theory]
    [InlineData(null, 5L)]
    [InlineData(5L, null)]
    [InlineData(5L, 5L)]
    [InlineData(5L, 4L)]
    public void Add_InconsistentOffsets_ThrowsAndAddsNothing(long? first, long? second)
    {
        using var batch = new RecordBatch(new RecordLimits());
        Assert.Null(batch.AddText("a"u8, new RecordMetadata { Offset = first }));
        var before = Tails(batch);
        Assert.Throws<ArgumentException>(() => batch.AddText("b"u8, new RecordMetadata { Offset = second }));
        Assert.Equal((1, before), (batch.Count, Tails(batch)));
    }

    [Fact]
    public void Add_NumbersOutOfRange_Throws()
    {
        using var batch = new RecordBatch(new RecordLimits());
        Assert.Throws<ArgumentOutOfRangeException>(() => batch.AddText("a"u8, new RecordMetadata { Offset = -1 }));
        Assert.Throws<ArgumentOutOfRangeException>(() =>
            batch.AddText("a"u8, new RecordMetadata { Offset = RecordMetadata.MaxOffset + 1 })
        );
        Assert.Throws<ArgumentOutOfRangeException>(() => batch.AddText("a"u8, new RecordMetadata { TimestampMs = -1 }));
        Assert.Throws<ArgumentOutOfRangeException>(() =>
            batch.AddText("a"u8, new RecordMetadata { TimestampMs = 1L << 53 })
        );
        Assert.Equal(0, batch.SizeBytes);
    }

    [Fact]
    public void Add_LargeAnnouncement_RentsLittleBeforeBytesArrive()
    {
        using var batch = new RecordBatch(new RecordLimits(), expectedBytes: 1 << 20);
        var line = new byte[1_000];
        line.AsSpan().Fill((byte)'7');
        var heldBytes = new List<long>();
        while (batch.SizeBytes < 1 << 20)
        {
            Assert.Null(batch.AddJson(line));
            heldBytes.Add(batch.HeldBytes);
            Assert.True(
                batch.HeldBytes <= (batch.SizeBytes < 1 << 17 ? 4 * batch.SizeBytes + 4_096 : 5 << 19),
                $"{batch.SizeBytes}: {batch.HeldBytes}"
            );
        }
        // From then on it does not grow by steps, each with a copy of all.
        Assert.True(heldBytes.Skip(300).Max() - heldBytes[300] < 1 << 16);
    }
}
