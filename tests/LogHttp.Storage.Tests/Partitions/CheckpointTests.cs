using System.Text;
using CsCheck;
using LogHttp.Storage.Segments;

namespace LogHttp.Storage.Tests;

public class CheckpointTests
{
    static readonly Checkpoint Example = new(5, new SegmentCursor(42)
    {
        Position = 9120,
        NextOffset = 131,
        IndexEntries = 2,
        BlockPosition = 8300,
        BlockCrc = 305419896,
        MaxTimestampMs = 1763800000123,
    }, 1763800000122);

    static byte[] WithCrc(string line) => Encoding.ASCII.GetBytes($"{line}\ncrc32c:{Crc32C.Of(Encoding.ASCII.GetBytes(line + "\n")):x8}\n");

    [Fact]
    public void Encode_IsWhatTheFormatDraws_AndDecodesToTheSame()
    {
        var bytes = Example.Encode();
        Assert.Equal(WithCrc("""{"format":1,"logStartOffset":5,"segment":42,"position":9120,"nextOffset":131,"indexEntries":2,"blockPosition":8300,"blockCrc":305419896,"maxTimestamp":1763800000123,"lastStamp":1763800000122}"""), bytes);
        Assert.Equal(Example, Checkpoint.Decode(bytes, out _));
    }

    [Fact]
    public void Decode_OfAnyFlippedBitOrMissingEnd_DistrustsIt() => Gen.Select(Gen.Int[0, Example.Encode().Length - 1], Gen.Int[0, 7]).Sample((position, bit) =>
    {
        var bytes = Example.Encode();
        Assert.Null(Checkpoint.Decode(bytes.AsSpan(0, position), out _));
        bytes[position] ^= (byte)(1 << bit);
        Assert.Null(Checkpoint.Decode(bytes, out var reason));
        Assert.NotEqual("", reason);
    });

    [Theory]
    [InlineData("{}")]
    [InlineData("{\"format\":1}")]
    [InlineData("[1]")]
    [InlineData("nonsense")]
    public void Decode_OfOtherContentWithARightCrc_SaysWhy(string line)
    {
        Assert.Null(Checkpoint.Decode(WithCrc(line), out var reason));
        Assert.NotEqual("", reason);
    }

    [Fact]
    public void Decode_OfAnUnknownField_DistrustsIt()
    {
        var line = Encoding.ASCII.GetString(Example.Encode()).Split('\n')[0];
        Assert.Null(Checkpoint.Decode(WithCrc(line.Replace("{\"format\":1", "{\"format\":1,\"new\":2", StringComparison.Ordinal)), out _));
    }

    [Fact]
    public void Decode_OfANewerFormat_RefusesToGuess()
    {
        var line = Encoding.ASCII.GetString(Example.Encode()).Split('\n')[0];
        Assert.Throws<NotSupportedException>(() => Checkpoint.Decode(WithCrc(line.Replace("\"format\":1", "\"format\":2", StringComparison.Ordinal)), out _));
    }
}
