using System.IO.Compression;
using System.Text;
using LogHttp.AspNetCore.Producing;

namespace LogHttp.Server.Tests.Producing;

public class BodyDecoderTests
{
    static readonly byte[] Text = Encoding.UTF8.GetBytes(
        string.Concat(Enumerable.Range(0, 60).Select(number => $"line {number} of {number * number}\n"))
    );

    public static TheoryData<string> Codings => ["gzip", "br", "zstd", "deflate", "raw deflate"];

    [Theory]
    [MemberData(nameof(Codings))]
    public void Decode_SplitAnywhere_ReturnsContent(string coding)
    {
        var packed = Packing.Pack(coding, Text);
        for (var split = 0; split <= packed.Length; split++)
        {
            Assert.Equal(Text, Unpack(coding, [packed[..split], packed[split..]], 7));
            Assert.Equal(Text, Unpack(coding, [packed[..split], packed[split..]], Text.Length));
        }
        Assert.Equal(Text, Unpack(coding, packed.Select(single => new[] { single }), 1));
    }

    [Theory]
    [InlineData("gzip")]
    [InlineData("zstd")]
    public void Decode_SeveralMembers_AreJoined(string coding)
    {
        byte[] packed = [.. Packing.Pack(coding, Text), .. Packing.Pack(coding, []), .. Packing.Pack(coding, Text)];
        for (var split = 0; split <= packed.Length; split++)
            Assert.Equal([.. Text, .. Text], Unpack(coding, [packed[..split], packed[split..]], 100));
    }

    [Theory]
    [MemberData(nameof(Codings))]
    public void Decode_TruncatedAnywhere_Throws(string coding)
    {
        var packed = Packing.Pack(coding, Text);
        for (var end = 1; end < packed.Length; end++)
            Assert.Throws<InvalidDataException>(() => Unpack(coding, [packed[..end]], 100));
    }

    [Theory]
    [MemberData(nameof(Codings))]
    public void Decode_TrailingData_Throws(string coding)
    {
        foreach (var tail in new byte[][] { [0], "x"u8.ToArray(), [0x1f], [0x1f, 0x8b], Text })
        {
            byte[] packed = [.. Packing.Pack(coding, Text), .. tail];
            for (var split = packed.Length - tail.Length - 3; split < packed.Length; split++)
                Assert.Throws<InvalidDataException>(() => Unpack(coding, [packed[..split], packed[split..]], 100));
        }
    }

    [Theory]
    [InlineData("gzip")]
    [InlineData("zstd")]
    [InlineData("deflate")]
    public void Decode_FlippedBit_ThrowsOrReturnsSameContent(string coding)
    {
        // Brotli has no checksum.
        var packed = Packing.Pack(coding, Text);
        for (var position = 0; position < packed.Length; position++)
        {
            var flipped = packed.ToArray();
            flipped[position] ^= 4;
            Assert.True(IsNoticed(flipped), $"at {position}");
        }

        bool IsNoticed(byte[] bytes)
        {
            try
            {
                return Unpack(coding, [bytes], 100).AsSpan().SequenceEqual(Text);
            }
            catch (InvalidDataException)
            {
                return true;
            }
        }
    }

    [Theory]
    [MemberData(nameof(Codings))]
    public void Decode_Empty_ReturnsNothing(string coding)
    {
        Assert.Empty(Unpack(coding, [], 100));
        Assert.Empty(Unpack(coding, [Packing.Pack(coding, [])], 100));
    }

    [Fact]
    public void Decode_LargeZstdWindow_ThrowsBeforeAllocating()
    {
        using var compressor = new ZstdSharp.Compressor(3);
        compressor.SetParameter(ZstdSharp.Unsafe.ZSTD_cParameter.ZSTD_c_windowLog, 24);
        compressor.SetParameter(ZstdSharp.Unsafe.ZSTD_cParameter.ZSTD_c_contentSizeFlag, 0);
        using var packed = new MemoryStream();
        using (var packing = new ZstdSharp.CompressionStream(packed, compressor, leaveOpen: true))
            packing.Write(Text);
        var refusal = Assert.Throws<InvalidDataException>(() => Unpack("zstd", [packed.ToArray()], 100));
        Assert.Contains("window is larger than 8388608", refusal.Message, StringComparison.Ordinal);
    }

    /// <summary>Unpacks as a body is unpacked: in pieces, into a buffer of a given size.</summary>
    static byte[] Unpack(string coding, IEnumerable<byte[]> pieces, int bufferBytes)
    {
        using BodyDecoder decoder = coding switch
        {
            "gzip" => new GzipDecoder(),
            "br" => new BrotliBodyDecoder(),
            "deflate" or "raw deflate" => new DeflateBodyDecoder(),
            _ => new ZstdBodyDecoder(),
        };
        var buffer = new byte[bufferBytes];
        var unpacked = new List<byte>();
        foreach (var piece in pieces)
        {
            var rest = piece.AsSpan();
            int written;
            do
            {
                decoder.Decode(rest, buffer, out var consumed, out written);
                Assert.True(consumed + written > 0 || rest.IsEmpty, "It does not get on.");
                rest = rest[consumed..];
                unpacked.AddRange(buffer.AsSpan(0, written));
            } while (!rest.IsEmpty || written == buffer.Length);
        }
        decoder.Finish();
        return [.. unpacked];
    }
}

/// <summary>Compresses bodies.</summary>
static class Packing
{
    public static byte[] Pack(string coding, byte[] bytes)
    {
        using var packed = new MemoryStream();
        using (
            Stream packing = coding switch
            {
                "gzip" => new GZipStream(packed, CompressionLevel.Optimal, leaveOpen: true),
                "br" => new BrotliStream(packed, CompressionLevel.Optimal, leaveOpen: true),
                "deflate" => new ZLibStream(packed, CompressionLevel.Optimal, leaveOpen: true),
                "raw deflate" => new DeflateStream(packed, CompressionLevel.Optimal, leaveOpen: true),
                _ => new ZstdSharp.CompressionStream(packed, Checked(), leaveOpen: true),
            }
        )
            packing.Write(bytes);
        return packed.ToArray();
    }

    static ZstdSharp.Compressor Checked()
    {
        var compressor = new ZstdSharp.Compressor(3);
        compressor.SetParameter(ZstdSharp.Unsafe.ZSTD_cParameter.ZSTD_c_checksumFlag, 1);
        return compressor;
    }
}
