using LogHttp.Storage.Records;

namespace LogHttp.Storage.Tests.Records;

public class TextWindowTests
{
    /// <summary>
    /// All bytes, and often those beside the limits. The narrow form is that of processors without wide vectors.
    /// </summary>
    [Fact]
    public void Read_AnyBytes_FindsSpecialsInBothForms()
    {
        var random = new Random(1);
        byte[] limits = [0, (byte)'\n', 0x1f, (byte)' ', (byte)'!', (byte)'"', (byte)'#', (byte)'\\', 0x7f, 0x80, 0xff];
        for (var sizeBytes = 1; sizeBytes < 200; sizeBytes++)
        {
            var text = new byte[sizeBytes];
            random.NextBytes(text);
            for (var i = 0; i < sizeBytes; i += 1 + random.Next(8))
                text[i] = limits[random.Next(limits.Length)];
            for (var position = 0; position < sizeBytes; position++)
            {
                var bytes = text.AsSpan(position, Math.Min(TextWindow.Bytes, sizeBytes - position));
                var expected = Expected(bytes);
                Assert.Equal(expected, TextWindow.Read(text, position));
                Assert.Equal(expected, TextWindow.ReadNarrow(bytes));
            }
        }
    }

    static TextWindow Expected(ReadOnlySpan<byte> bytes)
    {
        var (specials, beyondAscii) = (0UL, 0UL);
        for (var i = 0; i < bytes.Length; i++)
        {
            if (bytes[i] < 0x20 || bytes[i] == '"' || bytes[i] == '\\')
                specials |= 1UL << i;
            if (bytes[i] >= 0x80)
                beyondAscii |= 1UL << i;
        }
        return new(specials, beyondAscii);
    }
}
