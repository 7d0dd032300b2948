using System.Buffers;
using System.Globalization;
using System.Text;

namespace LogHttp.Storage.Bytes;

/// <summary>
/// The form of the small files that are replaced whole: one JSON line, and a second line with the CRC of the first
/// (api/FORMAT.md §4).
/// </summary>
internal static class ChecksummedLine
{
    /// <summary>The bytes that <see cref="Complete"/> adds.</summary>
    public static readonly int OverheadBytes = 1 + CrcLine([]).Length;

    /// <summary>Ends the line in <paramref name="buffer"/>, and adds the line of its CRC.</summary>
    public static void Complete(ArrayBufferWriter<byte> buffer)
    {
        buffer.Write("\n"u8);
        buffer.Write(Encoding.ASCII.GetBytes(CrcLine(buffer.WrittenSpan)));
    }

    /// <summary>
    /// Takes the first line of a file. Returns false when the file is not two lines, or its CRC is wrong.
    /// </summary>
    /// <param name="content">The whole file.</param>
    /// <param name="line">The first line with its line feed, a part of <paramref name="content"/>.</param>
    public static bool TryRead(ReadOnlySpan<byte> content, out ReadOnlySpan<byte> line)
    {
        line = content[..(content.IndexOf((byte)'\n') + 1)];
        return !line.IsEmpty && content[line.Length..].SequenceEqual(Encoding.ASCII.GetBytes(CrcLine(line)));
    }

    static string CrcLine(ReadOnlySpan<byte> line) =>
        string.Create(CultureInfo.InvariantCulture, $"crc32c:{Crc32C.Of(line):x8}\n");
}
