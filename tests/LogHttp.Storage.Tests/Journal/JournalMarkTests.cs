using System.Buffers;
using System.Text;
using CsCheck;
using LogHttp.Storage.Bytes;
using LogHttp.Storage.Journal;
using LogHttp.Testing;

namespace LogHttp.Storage.Tests.Journal;

/// <summary>api/FORMAT.md §10.</summary>
public class JournalMarkTests
{
    const string Topics = "/topics";

    static readonly JournalMark Example = new(0x0123456789abcdef, false);

    static PowerCutFileSystem CreateDisk(int seed = 1)
    {
        var fileSystem = new PowerCutFileSystem(new Random(seed));
        fileSystem.CreateDirectory(Topics);
        fileSystem.SyncDirectory("/");
        return fileSystem;
    }

    static byte[] WithCrc(string line)
    {
        var buffer = new ArrayBufferWriter<byte>();
        buffer.Write(Encoding.UTF8.GetBytes(line));
        ChecksummedLine.Complete(buffer);
        return buffer.WrittenSpan.ToArray();
    }

    [Fact]
    public void Encode_Mark_MatchesFormat()
    {
        var slot = Encoding.UTF8.GetString(Example.Encode().Span);
        Assert.Equal(512, slot.Length);
        Assert.StartsWith(
            """{"format":3,"epoch":"0123456789abcdef","isEmpty":false,"lastRound":0,"lastHeadChecksum":0,"sequence":0}  """,
            slot,
            StringComparison.Ordinal
        );
        Assert.Matches(@"} +\ncrc32c:[0-9a-f]{8}\n$", slot);
    }

    [Fact]
    public void Read_MissingMark_ReturnsNull() => Assert.Null(JournalMark.Read(CreateDisk(), Topics));

    [Fact]
    public void Read_AfterWrite_ReturnsSame() =>
        Gen.Select(Gen.ULong, Gen.Bool)
            .Sample(
                (epoch, isEmpty) =>
                {
                    var fileSystem = CreateDisk();
                    Example.Write(fileSystem, Topics);
                    new JournalMark(epoch, isEmpty).Write(fileSystem, Topics);
                    Assert.Equal(new(epoch, isEmpty) { Sequence = 1 }, JournalMark.Read(fileSystem.PowerCut(), Topics));
                }
            );

    [Fact]
    public void Decode_AnyFlippedBitOrTruncation_ReturnsNull() =>
        Gen.Select(Gen.Int[0, Example.Encode().Length - 1], Gen.Int[0, 7])
            .Sample(
                (at, bit) =>
                {
                    var bytes = Example.Encode().ToArray();
                    Assert.Null(JournalMark.Decode(bytes.AsSpan(0, at), "mark"));
                    bytes[at] ^= (byte)(1 << bit);
                    Assert.Null(JournalMark.Decode(bytes, "mark"));
                }
            );

    [Theory]
    [InlineData("{}")]
    [InlineData("null")]
    [InlineData("nonsense")]
    [InlineData("""{"format":2,"epoch":"0123456789abcdef","isEmpty":false}""")]
    [InlineData("""{"format":3,"epoch":"0123456789abcdef"}""")]
    [InlineData("""{"format":3,"epoch":"123456789abcdef","isEmpty":false}""")]
    [InlineData("""{"format":3,"epoch":"x123456789abcdef","isEmpty":false}""")]
    [InlineData("""{"format":3,"epoch":null,"isEmpty":false}""")]
    [InlineData("""{"format":3,"epoch":"0123456789abcdef","isEmpty":false,"more":1}""")]
    public void Decode_OtherContentWithValidCrc_IsCorrupt(string line) =>
        Assert.Throws<CorruptionException>(() => JournalMark.Decode(WithCrc(line), "mark"));

    [Fact]
    public void Decode_NewerFormat_IsRejected() =>
        Assert.Throws<NotSupportedException>(() =>
            JournalMark.Decode(WithCrc("""{"format":4,"whatever":[]}"""), "mark")
        );

    [Fact]
    public void Read_LargeFile_IsCorrupt()
    {
        var fileSystem = CreateDisk();
        using (var file = fileSystem.Create($"{Topics}/{JournalMark.Name}"))
            file.Write(new byte[5000], 0);
        Assert.Throws<CorruptionException>(() => JournalMark.Read(fileSystem, Topics));
    }

    [Fact]
    public void Write_PowerCutAtAnyCall_LeavesOldOrNew()
    {
        var isDone = false;
        for (var cutAt = 1; !isDone; cutAt++)
        {
            var fileSystem = CreateDisk(cutAt);
            Example.Write(fileSystem, Topics);
            fileSystem.Faults = new SeededFaultPlan(new Random(cutAt))
            {
                PowerCutAtCall = fileSystem.CallCount + cutAt,
            }.Decide;
            try
            {
                new JournalMark(7, true).Write(fileSystem, Topics);
                isDone = true;
            }
            catch (PowerCutException) { }
            var survivor = fileSystem.PowerCut();
            survivor.Faults = null;
            var found = JournalMark.Read(survivor, Topics);
            Assert.True(
                found == new JournalMark(7, true) { Sequence = 1 } || (found == Example && !isDone),
                $"{cutAt}: {found}"
            );
        }
    }
}
