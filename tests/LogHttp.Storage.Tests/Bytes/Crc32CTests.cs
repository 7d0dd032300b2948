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
}
