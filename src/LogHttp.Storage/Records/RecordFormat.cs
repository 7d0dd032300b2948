using System.Buffers.Text;

namespace LogHttp.Storage.Records;

/// <summary>
/// The head of a record line, `{"offset":42,"timestamp":1763800000123,"batch":3`, which is written when the offset is
/// known; the rest of the line (its <i>tail</i>) is encoded before. api/FORMAT.md §1.
/// </summary>
internal static class RecordFormat
{
    /// <summary>Offsets stop one short of the largest long, so that the offset after the last still is one.</summary>
    public const long MaxOffset = long.MaxValue - 1;

    /// <summary>The largest integer that every JSON reader keeps exactly.</summary>
    public const long MaxTimestampMs = (1L << 53) - 1;

    /// <summary>Room for the longest head: names, 19 and 16 digits, and a batch count of 10.</summary>
    public const int MaxHeadBytes = 10 + 19 + 13 + 16 + 9 + 10;

    /// <summary>The most that any setting lets a record be.</summary>
    public const int MaxRecordBytes = 64 << 20;

    /// <summary>
    /// The longest line a segment can hold. Of the format, not of the settings: those of today say what is let in, and what
    /// was let in under others must be read.
    /// </summary>
    public const int MaxLineBytes = MaxRecordBytes + MaxHeadBytes;

    public static ReadOnlySpan<byte> OffsetName => "{\"offset\":"u8;
    public static ReadOnlySpan<byte> TimestampName => ",\"timestamp\":"u8;
    public static ReadOnlySpan<byte> BatchName => ",\"batch\":"u8;
    public static ReadOnlySpan<byte> KeyName => ",\"key\":"u8;
    public static ReadOnlySpan<byte> KeyBase64Name => ",\"keyBase64\":"u8;
    public static ReadOnlySpan<byte> HeadersName => ",\"headers\":"u8;
    public static ReadOnlySpan<byte> ValueName => ",\"value\":"u8;
    public static ReadOnlySpan<byte> ValueBase64Name => ",\"valueBase64\":"u8;
    public static ReadOnlySpan<byte> LineEnd => "}\n"u8;

    /// <summary>Writes a head; <paramref name="batchCount"/> is 0 where the line does not start a batch of two or more.</summary>
    public static int WriteHead(Span<byte> destination, long offset, long timestampMs, int batchCount)
    {
        var written = Put(destination, OffsetName, offset);
        written += Put(destination[written..], TimestampName, timestampMs);
        if (batchCount > 1)
            written += Put(destination[written..], BatchName, batchCount);
        return written;
    }

    /// <summary>Reads a head; false when the line does not begin with one exactly as <see cref="WriteHead"/> writes it.</summary>
    public static bool TryReadHead(ReadOnlySpan<byte> line, out RecordHead head)
    {
        head = default;
        if (!TryTake(ref line, OffsetName, out var offset) || offset > MaxOffset)
            return false;
        if (!TryTake(ref line, TimestampName, out var timestampMs) || timestampMs > MaxTimestampMs)
            return false;
        var batchCount = 1L;
        if (line.StartsWith(BatchName) && (!TryTake(ref line, BatchName, out batchCount) || batchCount is < 2 or > int.MaxValue))
            return false;
        head = new(offset, timestampMs, (int)batchCount);
        return true;
    }

    /// <summary>How long the head of a line is that <see cref="TryReadHead"/> has read.</summary>
    public static int HeadBytes(ReadOnlySpan<byte> line)
    {
        var end = TimestampName.Length + line.IndexOf(TimestampName);
        end += line[end..].IndexOf((byte)',');
        return line[end..].StartsWith(BatchName) ? end + BatchName.Length + line[(end + BatchName.Length)..].IndexOf((byte)',') : end;
    }

    static int Put(Span<byte> destination, ReadOnlySpan<byte> name, long number)
    {
        name.CopyTo(destination);
        if (!Utf8Formatter.TryFormat(number, destination[name.Length..], out var digits))
            throw new ArgumentException("Too small for a record head.", nameof(destination));
        return name.Length + digits;
    }

    static bool TryTake(ref ReadOnlySpan<byte> line, ReadOnlySpan<byte> name, out long number)
    {
        number = 0;
        if (!line.StartsWith(name))
            return false;
        var rest = line[name.Length..];
        if (!Utf8Parser.TryParse(rest, out number, out int digits) || number < 0 || (digits > 1 && rest[0] is (byte)'0' or (byte)'+' or (byte)'-'))
            return false;
        // Another field always follows; a fraction or an exponent does not.
        line = rest[digits..];
        return line.StartsWith(","u8);
    }
}

/// <summary>What a line's head says.</summary>
/// <param name="Offset">The record's offset.</param>
/// <param name="TimestampMs">Unix milliseconds.</param>
/// <param name="BatchCount">How many lines, from this one on, are one batch; 1 inside of one or where there is none.</param>
internal readonly record struct RecordHead(long Offset, long TimestampMs, int BatchCount);
