using System.Buffers;
using System.Runtime.CompilerServices;
using System.Text;
using CsCheck;
using LogHttp.Storage.Bytes;
using LogHttp.Storage.Segments;

namespace LogHttp.Storage.Tests.Segments;

/// <summary>api/FORMAT.md §14, without a disk. LOGHTTP_UPDATE_GOLDEN=1 writes the golden file.</summary>
public class ManifestTests
{
    static readonly ManifestHeader Header = new("orders", "8f1d4c0a52b7e693", 3, new() { Partitions = 4 });

    static readonly TopicConfiguration Changed = new()
    {
        Partitions = 4,
        RetentionMs = 60_000,
        RetentionBytes = 1 << 20,
        Flush = FlushPolicy.Os,
        Values = ValueForm.Json,
        MaxRecordBytes = 1 << 16,
        Labels = TopicLabels.Of([new("team", "billing"), new("note", "{\"edit\":")]),
    };

    static readonly ManifestEdit[] Everything =
    [
        new ManifestEdit.SegmentMade(new(0, 0)),
        new ManifestEdit.ActiveAppended(1763800000000, 9000),
        new ManifestEdit.SegmentSealed(new(0, 0, 1763800000123, new(42, 9120))),
        new ManifestEdit.SegmentMade(new(42, 0)),
        new ManifestEdit.SegmentSealed(new(42, 0, 0, new(131, 5000))),
        new ManifestEdit.SegmentMade(new(131, 0)),
        new ManifestEdit.LogStartMoved(7),
        new ManifestEdit.SegmentsSwapped([0, 42], [new(0, 1, 1763800000123, new(131, 700))]),
        new ManifestEdit.Configured(Changed),
        new ManifestEdit.SegmentsRemoved([0], 131),
    ];

    static string GoldenPath => Path.Combine(AppContext.BaseDirectory, "Golden", "manifest");

    static byte[] Bytes(ManifestState first, params IEnumerable<ManifestEdit> edits)
    {
        var buffer = new ArrayBufferWriter<byte>();
        buffer.Write(ManifestContent.Encode(first));
        foreach (var edit in edits)
            ManifestLine.Write(buffer, edit, buffer.WrittenCount);
        return buffer.WrittenSpan.ToArray();
    }

    static byte[] Example => Bytes(ManifestState.Empty(Header), Everything);

    static ManifestState Apply(ManifestState state, params IEnumerable<ManifestEdit> edits)
    {
        foreach (var edit in edits)
        {
            state = state.Apply(edit, out var fault);
            Assert.Null(fault);
        }
        return state;
    }

    static ManifestState Decode(ReadOnlySpan<byte> bytes) => ManifestContent.Decode(bytes, "manifest").State;

    static void AssertSame(ManifestState expected, ManifestState found)
    {
        Assert.Equal((expected.Header, expected.LogStartOffset), (found.Header, found.LogStartOffset));
        Assert.Equal(expected.Segments, found.Segments);
    }

    [Fact]
    public void Encode_EveryEdit_MatchesGoldenFile()
    {
        if (Environment.GetEnvironmentVariable("LOGHTTP_UPDATE_GOLDEN") == "1")
            Update(Example);
        else
            Assert.Equal(File.ReadAllText(GoldenPath), Encoding.UTF8.GetString(Example));
        AssertSame(Apply(ManifestState.Empty(Header), Everything), Decode(Example));
    }

    static void Update(byte[] bytes, [CallerFilePath] string source = "") =>
        File.WriteAllBytes(Path.Combine(Path.GetDirectoryName(source)!, "..", "Golden", "manifest"), bytes);

    [Fact]
    public void Decode_EncodedState_ReturnsState()
    {
        var state = Apply(ManifestState.Empty(Header, 5), Everything[..8]);
        var content = ManifestContent.Decode(ManifestContent.Encode(state), "manifest");
        AssertSame(state, content.State);
        Assert.Equal((3, content.EndPosition, 0), (content.Lines, content.SyncedBytes, content.TornBytes));
    }

    [Fact]
    public void M3_TornLastLine_IsDropped()
    {
        var before = Bytes(ManifestState.Empty(Header), Everything[..^1]);
        var all = Example;
        for (var length = before.Length; length < all.Length; length++)
        {
            var content = ManifestContent.Decode(all.AsSpan(0, length), "manifest");
            AssertSame(Decode(before), content.State);
            Assert.Equal((before.Length, length - before.Length), (content.EndPosition, content.TornBytes));
        }
    }

    [Fact]
    public void M3_AnyFlippedBit_IsDamageOrDroppedLastLine()
    {
        var all = Example;
        var before = Bytes(ManifestState.Empty(Header), Everything[..^1]);
        for (var position = 0; position < all.Length; position++)
        {
            for (var bit = 0; bit < 8; bit++)
            {
                var bytes = all.ToArray();
                bytes[position] ^= (byte)(1 << bit);
                if (position >= before.Length)
                    AssertSame(Decode(before), Decode(bytes));
                else
                    Assert.Throws<CorruptionException>(() => Decode(bytes));
            }
        }
    }

    [Fact]
    public void M3_UnsyncedLinesAfterTornOne_AreDropped()
    {
        var first = Bytes(ManifestState.Empty(Header), Everything[0]);
        var buffer = new ArrayBufferWriter<byte>();
        buffer.Write(first);
        ManifestLine.Write(buffer, new ManifestEdit.ActiveAppended(1, 10), first.Length);
        var torn = buffer.WrittenCount - 5;
        ManifestLine.Write(buffer, new ManifestEdit.ActiveAppended(2, 20), first.Length);
        var bytes = buffer.WrittenSpan.ToArray();
        Assert.Equal(2, Decode(bytes).Active!.LastAppendMs);
        bytes[torn] = 0;
        Assert.Equal(0, Decode(bytes).Active!.LastAppendMs);
        Assert.Equal(first.Length, ManifestContent.Decode(bytes, "manifest").EndPosition);
    }

    [Fact]
    public void M2_MissingFirstLines_AreDamage()
    {
        var bytes = ManifestContent.Encode(Apply(ManifestState.Empty(Header), Everything[..6]));
        for (var length = 0; length < bytes.Length; length++)
            Assert.Throws<CorruptionException>(() => Decode(bytes.AsSpan(0, length)));
    }

    [Fact]
    public void Decode_AnyBytes_ThrowsCorruptionAlone() =>
        Gen.Select(Gen.Int[0, Example.Length - 1], Gen.Byte.Array[0, 200], Gen.Int[0, 300])
            .Sample(
                static (position, inserted, removed) =>
                {
                    var bytes = Example.ToList();
                    bytes.RemoveRange(position, Math.Min(removed, bytes.Count - position));
                    bytes.InsertRange(position, inserted);
                    try
                    {
                        Decode(bytes.ToArray());
                    }
                    catch (CorruptionException) { }
                }
            );

    static string Seal(string json) => $"{json},\"crc\":\"{Crc32C.Of(Encoding.UTF8.GetBytes(json)):x8}\"}}\n";

    const string FirstLine =
        """{"format":3,"topic":"orders","id":"8f1d4c0a52b7e693","partition":3,"partitions":4,"""
        + "\"segmentBytes\":268435456,\"flush\":\"always\",\"retentionMs\":0,\"retentionBytes\":0,\"values\":\"auto\","
        + "\"maxRecordBytes\":0,\"logStartOffset\":0,\"lines\":1";

    [Theory]
    [InlineData("""{"format":2""")]
    [InlineData("""{"format":3""")]
    [InlineData("""{"form":3""")]
    [InlineData("nonsense")]
    public void Decode_OtherFirstLine_IsDamage(string json) =>
        Assert.Throws<CorruptionException>(() => Decode(Encoding.UTF8.GetBytes(Seal(json))));

    [Theory]
    [InlineData("\"partition\":3", "\"partition\":4")]
    [InlineData("\"partition\":3", "\"partition\":-1")]
    [InlineData("\"lines\":1", "\"lines\":0")]
    [InlineData("\"lines\":1", "\"lines\":1,\"more\":1")]
    [InlineData("\"lines\":1", "\"lines\": 1")]
    [InlineData("\"flush\":\"always\"", "\"flush\":\"never\"")]
    [InlineData("\"topic\":\"orders\"", "\"topic\":\"../x\"")]
    [InlineData("\"topic\":\"orders\"", "\"topic\":null")]
    [InlineData("\"segmentBytes\":268435456", "\"segmentBytes\":1")]
    public void Decode_FirstLineOutOfRange_IsDamage(string part, string other)
    {
        Assert.Equal(0, Decode(Encoding.UTF8.GetBytes(Seal(FirstLine))).LogStartOffset);
        var line = Seal(FirstLine.Replace(part, other, StringComparison.Ordinal));
        Assert.Throws<CorruptionException>(() => Decode(Encoding.UTF8.GetBytes(line)));
    }

    [Fact]
    public void Decode_NewerFormat_IsRejected() =>
        Assert.Throws<NotSupportedException>(() => Decode(Encoding.UTF8.GetBytes(Seal("""{"format":4,"new":[]"""))));

    [Theory]
    [InlineData("""{"edit":"unheard"@""")]
    [InlineData("""{"edit":"made"@""")]
    [InlineData("""{"edit":"made","segment":0@""")]
    [InlineData("""{"edit":"made","segment":0,"generation":0,"endOffset":1@""")]
    [InlineData("""{"edit":"made","segment":-1,"generation":0@""")]
    [InlineData("""{"edit":"made","segment":0,"generation":0,"logStartOffset":0@""")]
    [InlineData("""{"edit":"sealed","segment":0,"generation":0@""")]
    [InlineData("""{"edit":"started"@""")]
    [InlineData("""{"edit":"appended","length":5,"lastAppend":1@""")]
    [InlineData("""{"edit":"removed","segments":[5],"logStartOffset":0@""")]
    [InlineData("""{"edit":"made","segment":0,"generation":0""")]
    [InlineData("""{"edit":"made","segment":0,"generation":0,"synced":100000""")]
    [InlineData("""{"edit":"made","segment":0,"generation":0,"synced":1""")]
    public void M4_InconsistentEdit_IsDamage(string json)
    {
        var first = Seal(FirstLine);
        var edit = json.Replace("@", $",\"synced\":{first.Length}", StringComparison.Ordinal);
        var bytes = Encoding.UTF8.GetBytes(first + Seal(edit));
        Assert.Equal(first.Length, Assert.Throws<CorruptionException>(() => Decode(bytes)).Position);
    }

    public static TheoryData<string, object> Misfits =>
        new()
        {
            { "segment 200 is made while segment 131 is active", new ManifestEdit.SegmentMade(new(200, 0)) },
            {
                "segment 42 is sealed and is not the active one",
                new ManifestEdit.SegmentSealed(new(42, 0, 0, new(50, 1)))
            },
            { "sealed without an end", new ManifestEdit.SegmentSealed(new(131, 0)) },
            { "of generation 0 is sealed in 5", new ManifestEdit.SegmentSealed(new(131, 5, 0, new(150, 1))) },
            { "ends before it begins", new ManifestEdit.SegmentSealed(new(131, 0, 0, new(130, 1))) },
            { "a length of -1", new ManifestEdit.SegmentSealed(new(131, 0, 0, new(150, -1))) },
            { "there is no segment 9", new ManifestEdit.SegmentsRemoved([9], 0) },
            { "names no segment", new ManifestEdit.SegmentsRemoved([], 0) },
            { "not in order", new ManifestEdit.SegmentsRemoved([42, 0], 0) },
            { "moves back from 3 to 2", new ManifestEdit.SegmentsRemoved([0], 2) },
            { "moves back from 3 to 2", new ManifestEdit.LogStartMoved(2) },
            { "-1 is no time", new ManifestEdit.ActiveAppended(-1, 5) },
            { "segment 131 is active", new ManifestEdit.SegmentsSwapped([42, 131], []) },
            { "do not follow each other", new ManifestEdit.SegmentsSwapped([0, 131], []) },
            { "not above 0", new ManifestEdit.SegmentsSwapped([0], [new(0, 0, 0, new(42, 1))]) },
            { "has no end", new ManifestEdit.SegmentsSwapped([0], [new(0, 1)]) },
            { "beyond 42", new ManifestEdit.SegmentsSwapped([0], [new(0, 1, 0, new(43, 1))]) },
            { "begins before offset 42", new ManifestEdit.SegmentsSwapped([42], [new(41, 1, 0, new(43, 1))]) },
            {
                "begins before offset 20",
                new ManifestEdit.SegmentsSwapped([0], [new(0, 1, 0, new(20, 1)), new(10, 1, 0, new(42, 1))])
            },
            { "SegmentBytes is 1", new ManifestEdit.Configured(new() { Partitions = 4, SegmentBytes = 1 }) },
        };

    [Theory]
    [MemberData(nameof(Misfits))]
    public void Apply_InconsistentEdit_ChangesNothing(string reason, object edit)
    {
        var state = Apply(ManifestState.Empty(Header, 3), [.. Everything[..6]]);
        Assert.Same(state, state.Apply((ManifestEdit)edit, out var fault));
        Assert.Contains(reason, fault, StringComparison.Ordinal);
    }

    [Fact]
    public void Apply_WithoutActiveSegment_RejectsItsTime()
    {
        var state = ManifestState.Empty(Header);
        Assert.Same(state, state.Apply(new ManifestEdit.ActiveAppended(5, 5), out var fault));
        Assert.Contains("no segment is active", fault, StringComparison.Ordinal);
        state = Apply(state, Everything[..3]);
        var fault41 = FaultOf(state, new ManifestEdit.SegmentMade(new(41, 0)));
        Assert.Contains("begins within", fault41, StringComparison.Ordinal);
    }

    static string FaultOf(ManifestState state, ManifestEdit edit)
    {
        state.Apply(edit, out var fault);
        return fault!;
    }
}
