using System.Text;
using CsCheck;
using LogHttp.Storage.Records;

namespace LogHttp.Storage.Tests.Records;

/// <summary>Lines that are added many at a time become the same records as each line alone.</summary>
public class RecordLinesTests
{
    static readonly RecordLimits Small = new() { MaxRecordBytes = 1 << 10, MaxBatchBytes = 3 << 10 };

    static readonly Gen<byte[]> Line = Gen.Frequency(
            (6, RecordGen.Json.Select(static json => json.Replace('\n', ' ').Replace('\r', ' '))),
            (3, Gen.Int[0, 300].Select(static length => $"{{\"n\":1,\"text\":\"{new string('x', length)}\"}}")),
            (1, RecordGen.Json),
            (1, RecordGen.Text),
            (
                1,
                Gen.OneOf(
                    "",
                    " ",
                    "\t\r",
                    "\uFEFF1",
                    " 1",
                    "1 ",
                    "1\t\r",
                    "1\r\r",
                    "[1,\r2]",
                    "nul",
                    "1 2",
                    "{\"a\":1,}"
                )
            ),
            (1, Gen.Int[900, 1_100].Select(static length => $"\"{new string('x', length)}\""))
        )
        .Select(
            Gen.Int[0, 60],
            Gen.Byte,
            static (line, place, damage) =>
            {
                var bytes = Encoding.UTF8.GetBytes(line);
                // Few lines, so that most bodies have some records.
                if (place == 0 && bytes.Length > 0)
                    bytes[damage % bytes.Length] = damage;
                return bytes;
            }
        );

    static readonly Gen<byte[]> Body = Gen.Select(Line, Gen.OneOf("\n", "\n", "\r\n"))
        .Array[1, 30]
        .Select(static lines =>
            lines.SelectMany(line => line.Item1.Concat(Encoding.ASCII.GetBytes(line.Item2))).ToArray()
        );

    [Fact]
    public void AddJsonLines_AnyBody_EqualsEachLineAlone() => AssertEqual(isText: false);

    [Fact]
    public void AddTextLines_AnyBody_EqualsEachLineAlone() => AssertEqual(isText: true);

    [Fact]
    public void AddJsonLines_CommonLines_TakesAllWholeOnes()
    {
        using var batch = new RecordBatch(new RecordLimits());
        Assert.Equal(new AddedLines(3, 27), batch.AddJsonLines("{\"a\": 1}\r\n\"é\\n\"\n[1, null]\n{\"b\":"u8));
        Assert.Equal(new AddedLines(1, 2), batch.AddJsonLines("1\n2\n"u8, maxCount: 1));
        Assert.Equal(4, batch.Count);
    }

    [Fact]
    public void AddTextLines_CommonLines_TakesAllWholeOnes()
    {
        using var batch = new RecordBatch(new RecordLimits());
        Assert.Equal(new AddedLines(3, 8), batch.AddTextLines("a\r\n\né \n\"\nb\n"u8));
        Assert.Equal(3, batch.Count);
    }

    [Theory]
    [InlineData(ValueForm.Text, 0, 2)]
    [InlineData(ValueForm.Bytes, 0, 0)]
    [InlineData(ValueForm.Json, 2, 0)]
    [InlineData(ValueForm.Auto, 2, 2)]
    public void AddLines_FormOfValues_IsChecked(ValueForm form, int jsonLines, int textLines)
    {
        using var batch = new RecordBatch(new RecordLimits(), values: form);
        Assert.Equal(jsonLines, batch.AddJsonLines("1\n2\n"u8).Count);
        Assert.Equal(textLines, batch.AddTextLines("1\n2\n"u8).Count);
    }

    [Fact]
    public void AddLines_OwnTimestampsBefore_TakesNone()
    {
        using var batch = new RecordBatch(new RecordLimits());
        Assert.Null(batch.AddText("a"u8, new RecordMetadata { TimestampMs = 1 }));
        Assert.Equal(default, batch.AddJsonLines("1\n"u8));
        Assert.Equal(default, batch.AddTextLines("1\n"u8));
    }

    [Fact]
    public void AddLines_LastSequenceOfProducer_IsLastRecord()
    {
        using var batch = new RecordBatch(new RecordLimits(), new ProducerStamp("p", 0, ProducerStamp.MaxNumber - 2));
        Assert.Equal(3, batch.AddJsonLines("1\n2\n3\n4\n"u8).Count);
        Assert.Equal(0, batch.AddTextLines("4\n"u8).Count);
        Assert.Equal(RecordFaultCode.InvalidProducer, batch.AddJson("4"u8)!.Code);
    }

    static void AssertEqual(bool isText) =>
        Gen.Select(Body, Gen.Int[1, 400], Gen.Bool, Gen.Bool)
            .Sample(
                (body, pieceBytes, isSmall, hasProducer) =>
                {
                    var limits = isSmall ? Small : new RecordLimits();
                    var producer = hasProducer ? new ProducerStamp("p", 0, 0) : null;
                    using var expected = new RecordBatch(limits, producer);
                    using var added = new RecordBatch(limits, producer);
                    var fault = AddAll(expected, body, body.Length, isText, some: false);
                    Assert.Equal(fault, AddAll(added, body, pieceBytes, isText, some: true));
                    Assert.Equal(Encoding.UTF8.GetString(expected.Tails), Encoding.UTF8.GetString(added.Tails));
                    Assert.Equal(expected.TailBytes, added.TailBytes);
                    Assert.Equal(expected.LargestTailBytes, added.LargestTailBytes);
                },
                iter: 3_000
            );

    /// <summary>Adds a body in pieces. Returns the first fault and its line.</summary>
    static (int Line, RecordFault? Fault) AddAll(RecordBatch batch, byte[] body, int pieceBytes, bool isText, bool some)
    {
        var (start, lines) = (0, 0);
        for (var end = 0; end < body.Length; )
        {
            end = Math.Min(end + pieceBytes, body.Length);
            while (true)
            {
                if (some)
                {
                    var rest = body.AsSpan(start, end - start);
                    var added = isText ? batch.AddTextLines(rest) : batch.AddJsonLines(rest);
                    start += added.SizeBytes;
                    lines += added.Count;
                }
                var lineBytes = body.AsSpan(start, end - start).IndexOf((byte)'\n');
                if (lineBytes < 0)
                    break;
                lines++;
                ReadOnlySpan<byte> line = body.AsSpan(start, lineBytes);
                start += lineBytes + 1;
                var fault =
                    isText ? batch.AddText(line is [.., (byte)'\r'] ? line[..^1] : line)
                    : line.ContainsAnyExcept(" \t\r"u8) ? batch.AddJson(line)
                    : null;
                if (fault is not null)
                    return (lines, fault);
            }
        }
        return (lines, null);
    }
}
