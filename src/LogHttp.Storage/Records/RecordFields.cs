using System.Buffers.Text;

namespace LogHttp.Storage.Records;

/// <summary>
/// The spelling of a record line's fields. Its head, `{"offset":42,"timestamp":1763800000123,"batch":3`, is written
/// when the offset is known. The rest of the line (its <i>tail</i>) is encoded before. api/FORMAT.md §1.
/// </summary>
internal static class RecordFields
{
    public static ReadOnlySpan<byte> Offset => "{\"offset\":"u8;
    public static ReadOnlySpan<byte> Timestamp => ",\"timestamp\":"u8;
    public static ReadOnlySpan<byte> Batch => ",\"batch\":"u8;
    public static ReadOnlySpan<byte> Commit => ",\"commit\":"u8;
    public static ReadOnlySpan<byte> Idempotency => ",\"idempotency\":"u8;
    public static ReadOnlySpan<byte> Key => ",\"key\":"u8;
    public static ReadOnlySpan<byte> KeyBase64 => ",\"keyBase64\":"u8;
    public static ReadOnlySpan<byte> Headers => ",\"headers\":"u8;
    public static ReadOnlySpan<byte> Value => ",\"value\":"u8;
    public static ReadOnlySpan<byte> TextValue => ",\"value\":\""u8;
    public static ReadOnlySpan<byte> ValueBase64 => ",\"valueBase64\":"u8;
    public static ReadOnlySpan<byte> LineEnd => "}\n"u8;
    public static ReadOnlySpan<byte> TextEnd => "\"}\n"u8;

    /// <summary>
    /// Writes a head. <paramref name="batchCount"/> is 0 if the line does not start a batch of two or more.
    /// </summary>
    public static int WriteHead(Span<byte> destination, long offset, long timestampMs, int batchCount)
    {
        var written = Put(destination, Offset, offset);
        written += Put(destination[written..], Timestamp, timestampMs);
        if (batchCount > 1)
            written += Put(destination[written..], Batch, batchCount);
        return written;
    }

    /// <summary>
    /// Reads a head. Returns false if the line does not begin with one exactly as <see cref="WriteHead"/> writes it.
    /// </summary>
    public static bool TryReadHead(ReadOnlySpan<byte> line, out RecordHead head)
    {
        head = default;
        if (!TryTake(ref line, Offset, out var offset) || offset > RecordFormat.MaxOffset)
            return false;
        if (!TryTake(ref line, Timestamp, out var timestampMs) || timestampMs > RecordFormat.MaxTimestampMs)
            return false;
        var batchCount = 1L;
        if (
            line.StartsWith(Batch) && (!TryTake(ref line, Batch, out batchCount) || batchCount is < 2 or > int.MaxValue)
        )
            return false;
        head = new(offset, timestampMs, (int)batchCount);
        return true;
    }

    /// <summary>Returns the length of a head that <see cref="TryReadHead"/> has read.</summary>
    public static int HeadBytes(ReadOnlySpan<byte> line)
    {
        var end = Timestamp.Length + line.IndexOf(Timestamp);
        end += line[end..].IndexOf((byte)',');
        return line[end..].StartsWith(Batch)
            ? end + Batch.Length + line[(end + Batch.Length)..].IndexOf((byte)',')
            : end;
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
        if (
            !Utf8Parser.TryParse(rest, out number, out int digits)
            || number < 0
            || (digits > 1 && rest[0] is (byte)'0' or (byte)'+' or (byte)'-')
        )
            return false;
        // Another field always follows. A fraction or an exponent does not.
        line = rest[digits..];
        return line.StartsWith(","u8);
    }
}
