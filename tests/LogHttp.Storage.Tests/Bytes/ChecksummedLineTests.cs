using System.Buffers;
using System.Text;
using CsCheck;
using LogHttp.Storage.Bytes;

namespace LogHttp.Storage.Tests.Bytes;

public class ChecksummedLineTests
{
    static byte[] Complete(string line)
    {
        var buffer = new ArrayBufferWriter<byte>();
        buffer.Write(Encoding.UTF8.GetBytes(line));
        ChecksummedLine.Complete(buffer);
        return buffer.WrittenSpan.ToArray();
    }

    [Fact]
    public void Complete_Line_AppendsCrcLine() =>
        Assert.Equal("{}\ncrc32c:f01f9d27\n", Encoding.UTF8.GetString(Complete("{}")));

    [Fact]
    public void TryRead_CompletedText_ReturnsLine()
    {
        Assert.True(ChecksummedLine.TryRead(Complete("""{"a":1}"""), out var line));
        Assert.Equal("{\"a\":1}\n", Encoding.UTF8.GetString(line));
    }

    [Fact]
    public void TryRead_AnyFlippedBitOrOtherLength_ReturnsFalse() =>
        Gen.Select(Gen.Int[0, 23], Gen.Int[0, 7])
            .Sample(
                static (at, bit) =>
                {
                    var bytes = Complete("""{"a":1}""");
                    Assert.False(ChecksummedLine.TryRead(bytes.AsSpan(0, at), out _));
                    Assert.False(ChecksummedLine.TryRead([.. bytes, 10], out _));
                    bytes[at] ^= (byte)(1 << bit);
                    Assert.False(ChecksummedLine.TryRead(bytes, out _));
                }
            );
}
