using LogHttp.Storage.Bytes;

namespace LogHttp.Storage.Tests.Bytes;

public class Crc32CTests
{
    [Fact]
    public void Of_StandardVectors_MatchesThem()
    {
        // The check value of the catalogue of CRCs, and RFC 3720 B.4.
        Assert.Equal(0xE3069283, Crc32C.Of("123456789"u8));
        Assert.Equal(0x8A9136AA, Crc32C.Of(new byte[32]));
        Assert.Equal(0x46DD794Eu, Crc32C.Of([.. Enumerable.Range(0, 32).Select(value => (byte)value)]));
    }

    [Fact]
    public void Append_InPieces_EqualsWhole()
    {
        var bytes = Enumerable.Range(0, 100).Select(value => (byte)(value * 7)).ToArray();
        for (var cut = 0; cut <= bytes.Length; cut++)
            Assert.Equal(Crc32C.Of(bytes), Crc32C.Append(Crc32C.Of(bytes.AsSpan(0, cut)), bytes.AsSpan(cut)));
    }

    [Fact]
    public void Of_AnySize_EqualsBitByBit()
    {
        var bytes = new byte[5_000];
        new Random(1).NextBytes(bytes);
        for (var sizeBytes = 700; sizeBytes <= bytes.Length; sizeBytes += sizeBytes < 800 ? 1 : 97)
            Assert.Equal(BitByBit(bytes.AsSpan(0, sizeBytes)), Crc32C.Of(bytes.AsSpan(0, sizeBytes)));
    }

    static uint BitByBit(ReadOnlySpan<byte> bytes)
    {
        const uint Polynomial = 0x82F63B78;
        var crc = uint.MaxValue;
        foreach (var value in bytes)
        {
            crc ^= value;
            for (var bit = 0; bit < 8; bit++)
                crc = (crc >> 1) ^ (Polynomial & (0 - (crc & 1)));
        }
        return ~crc;
    }
}
