using System.Runtime.CompilerServices;
using CsCheck;
using LogHttp.Storage.Bytes;
using LogHttp.Storage.Journal;

namespace LogHttp.Storage.Tests.Journal;

/// <summary>api/FORMAT.md §8. LOGHTTP_UPDATE_GOLDEN=1 writes the golden file.</summary>
public class JournalFormatTests
{
    const ulong TopicId = 0x8f1d4c0a52b7e693;

    static readonly Gen<(JournalEntry Entry, byte[] Payload)> Entries = Gen.Select(
            Gen.Int[1, 7],
            Gen.ULong,
            Gen.Int[0, int.MaxValue],
            Gen.Long[0, long.MaxValue],
            Gen.UInt,
            Gen.Byte.Array[0, 70]
        )
        .Select(
            static (kind, id, partition, offset, generation, payload) =>
                (
                    new JournalEntry((JournalEntryKind)kind, id, partition, offset, generation, offset / 3),
                    kind is 1 or 7 ? payload : []
                )
        );

    static readonly Gen<byte[]> Rounds = Gen.Select(
            Entries.Array[0, 8],
            Gen.ULong,
            Gen.ULong[1, ulong.MaxValue],
            Gen.UInt
        )
        .Select(
            static (entries, epoch, number, previous) => TestJournal.Round(epoch, number, previous, number, entries)
        );

    static readonly byte[] Line = """{"offset":42,"timestamp":1,"value":"hi"}"""u8.ToArray();

    static byte[] Example =>
        TestJournal.Round(
            0x0123456789abcdef,
            77,
            0xfeedf00d,
            5,
            (new(JournalEntryKind.SegmentMade, TopicId, 3, 42, 1, 0), []),
            (new(JournalEntryKind.JournalingBegins, TopicId, 3, 42, 1, 0), []),
            (new(JournalEntryKind.Records, TopicId, 3, 42, 1, 0), Line),
            (new(JournalEntryKind.SyncedUpTo, TopicId, 3, 42, 1, 41), []),
            (new(JournalEntryKind.JournalingEnds, TopicId, 3, 42, 1, 41), []),
            (new(JournalEntryKind.GroupState, TopicId, 3, -1, 0, -7), """{"group":"g","offset":42}"""u8.ToArray()),
            (new(JournalEntryKind.TopicDeleted, TopicId, 0, 0, 0, 0), [])
        );

    static string GoldenPath => Path.Combine(AppContext.BaseDirectory, "Golden", "journal", "round");

    static bool IsValid(ReadOnlySpan<byte> round) =>
        RoundHead.TryRead(round, out var head, out _)
        && head.LengthBytes <= round.Length
        && head.IsBodyValid(round[JournalFormat.HeadBytes..head.LengthBytes]);

    static byte[] WithChecksums(byte[] round)
    {
        JournalFormat.WriteU32(round, 48, Crc32C.Of(round.AsSpan(JournalFormat.HeadBytes)));
        JournalFormat.WriteU32(round, 60, Crc32C.Of(round.AsSpan(0, 60)));
        return round;
    }

    [Fact]
    public void Write_EveryKind_MatchesGoldenFile()
    {
        if (Environment.GetEnvironmentVariable("LOGHTTP_UPDATE_GOLDEN") == "1")
            Update(Example);
        else
            Assert.Equal(File.ReadAllBytes(GoldenPath), Example);
        Assert.True(IsValid(Example));
    }

    static void Update(byte[] bytes, [CallerFilePath] string source = "")
    {
        var path = Path.Combine(Path.GetDirectoryName(source)!, "..", "Golden", "journal", "round");
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllBytes(path, bytes);
    }

    [Fact]
    public void R2_Head_ReadsBackAsWritten() =>
        Gen.Select(Gen.UInt[0, 1000], Gen.ULong, Gen.ULong[1, ulong.MaxValue], Gen.ULong, Gen.UInt, Gen.UInt)
            .Sample(
                static (count, epoch, number, oldest, previous, body) =>
                {
                    var head = new RoundHead(
                        count,
                        epoch,
                        number,
                        oldest % number + 1,
                        64 + (int)count * 40,
                        previous,
                        body
                    );
                    var bytes = new byte[JournalFormat.HeadBytes];
                    bytes.AsSpan().Fill(0xAA);
                    var checksum = head.Write(bytes);
                    Assert.True(RoundHead.TryRead(bytes, out var found, out var foundChecksum));
                    Assert.Equal((head, checksum), (found, foundChecksum));
                }
            );

    [Fact]
    public void R3_Entry_ReadsBackAsWritten() =>
        Entries.Sample(sample =>
        {
            var bytes = new byte[JournalFormat.EncodedBytes(sample.Payload.Length) + 3];
            bytes.AsSpan().Fill(0xAA);
            var written = sample.Entry.Write(bytes, sample.Payload);
            Assert.Equal(JournalFormat.EncodedBytes(sample.Payload.Length), written);
            Assert.Equal(0, written % 8);
            Assert.True(JournalEntry.TryRead(bytes, out var entry, out var payload, out var encodedBytes));
            Assert.Equal((sample.Entry, written), (entry, encodedBytes));
            Assert.Equal(sample.Payload, payload.ToArray());
            Assert.Equal([0xAA, 0xAA, 0xAA], bytes[written..]);
        });

    [Fact]
    public void R4_AnyFlippedBit_InvalidatesRound() =>
        Gen.Select(Rounds, Gen.Int[0, int.MaxValue], Gen.Int[0, 7])
            .Sample(
                static (round, at, bit) =>
                {
                    Assert.True(IsValid(round));
                    round[at % round.Length] ^= (byte)(1 << bit);
                    Assert.False(IsValid(round));
                }
            );

    [Fact]
    public void R4_AnyTruncation_InvalidatesRound() =>
        Gen.Select(Rounds, Gen.Int[0, int.MaxValue])
            .Sample(static (round, length) => Assert.False(IsValid(round.AsSpan(0, length % round.Length))));

    [Fact]
    public void TryRead_RandomBytes_NeverThrows() =>
        Gen
            .Byte.Array[0, 300]
            .Sample(static bytes =>
            {
                Assert.False(IsValid(bytes));
                JournalEntry.TryRead(bytes, out _, out _, out _);
                JournalFormat.AreEntriesValid(bytes, 3);
            });

    [Fact]
    public void R4_AnyByteUnderValidChecksums_NeverThrows() =>
        Gen.Select(Rounds, Gen.Int[0, int.MaxValue], Gen.Byte)
            .Sample(
                static (round, at, value) =>
                {
                    round[at % round.Length] = value;
                    IsValid(WithChecksums(round));
                }
            );

    // Offsets in Example: its first entry, without a payload, begins at 64, the Records entry at 144.
    [Theory]
    [InlineData(8, 2, "another version")]
    [InlineData(12, 6, "fewer entries than the bytes hold")]
    [InlineData(12, 8, "more entries than the bytes hold")]
    [InlineData(24, 0, "round number 0")]
    [InlineData(32, 78, "a needed round after this one")]
    [InlineData(32, 0, "a needed round 0")]
    [InlineData(40, 63, "a length below the head's")]
    [InlineData(52, 1, "a reserved field")]
    [InlineData(56, 1, "a reserved field")]
    [InlineData(64, 0, "kind 0")]
    [InlineData(64, 8, "an unknown kind")]
    [InlineData(65, 1, "a reserved field")]
    [InlineData(66, 1, "a reserved field")]
    [InlineData(71, 0x80, "a negative partition")]
    [InlineData(87, 0x80, "a negative base offset")]
    [InlineData(103, 0x80, "a negative position")]
    [InlineData(92, 8, "a payload of a kind that has none")]
    [InlineData(172, 0xff, "a payload beyond the round")]
    public void R4_ForbiddenContentWithValidChecksums_IsInvalid(int at, byte value, string what)
    {
        var round = Example;
        Assert.NotEqual(value, round[at]);
        round[at] = value;
        Assert.False(IsValid(WithChecksums(round)), what);
    }

    [Fact]
    public void R3_NonZeroPadding_IsInvalid()
    {
        var round = TestJournal.Round(1, 1, 0, 1, (TestJournal.Records, [1, 2, 3]));
        Assert.True(IsValid(round));
        round[^1] = 1;
        Assert.False(IsValid(WithChecksums(round)));
    }

    [Fact]
    public void Write_ForbiddenContent_Throws()
    {
        var bytes = new byte[200];
        var synced = new JournalEntry(JournalEntryKind.SyncedUpTo, 1, 1, 0, 0, 0);
        Assert.Throws<ArgumentException>(() => (synced with { Kind = 0 }).Write(bytes, []));
        Assert.Throws<ArgumentException>(() => (synced with { Partition = -1 }).Write(bytes, []));
        Assert.Throws<ArgumentException>(() => synced.Write(bytes, [1]));
        Assert.Throws<ArgumentException>(() => new RoundHead(0, 1, 0, 1, 64, 0, 0).Write(bytes));
        Assert.Throws<ArgumentException>(() => new RoundHead(0, 1, 5, 6, 64, 0, 0).Write(bytes));
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(1, 4096)]
    [InlineData(4096, 4096)]
    [InlineData(5_000_000_001, 5_000_003_584)]
    public void Align_AnySize_ReturnsNextBlock(long position, long expected) =>
        Assert.Equal(expected, JournalFormat.Align(position));
}
