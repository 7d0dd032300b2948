using System.Buffers;
using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;

namespace LogHttp.Storage.Records;

/// <summary>
/// A batch's idempotency key on the batch's first line: <c>,"idempotency":["key","partitions:hash"]</c>. If the first
/// record brought its own timestamp, the server's follows: <c>"partitions:hash:timestamp"</c> (api/FORMAT.md §1).
/// </summary>
internal static class IdempotencyField
{
    const int HashDigits = 32;

    // A number of 10 digits, the hash, a timestamp of 16 digits, two colons, a comma, two brackets and four quotes.
    const int MaxOtherBytes = 10 + HashDigits + 16 + 2 + 1 + 2 + 4;

    static readonly SearchValues<byte> HexDigits = SearchValues.Create("0123456789abcdef"u8);

    public static ReadOnlySpan<byte> Name => RecordFields.Idempotency;

    /// <summary>The most bytes that <see cref="Write"/> needs for a key.</summary>
    public static int MaxBytes(string key) => Name.Length + 2 * key.Length + MaxOtherBytes;

    /// <summary>Writes the field and returns its length.</summary>
    public static int Write(Span<byte> destination, IdempotencyStamp stamp, long? timestampMs)
    {
        Span<byte> key = stackalloc byte[IdempotencyStamp.MaxKeyLength];
        var keyBytes = Encoding.ASCII.GetBytes(stamp.Key, key);
        Name.CopyTo(destination);
        var written = Name.Length;
        destination[written++] = (byte)'[';
        written += JsonText.WriteString(key[..keyBytes], destination[written..]);
        ",\""u8.CopyTo(destination[written..]);
        written += 2;
        written += Encoding.ASCII.GetBytes(TextOf(stamp), destination[written..]);
        if (timestampMs is { } own)
        {
            destination[written++] = (byte)':';
            Utf8Formatter.TryFormat(own, destination[written..], out var digits);
            written += digits;
        }
        "\"]"u8.CopyTo(destination[written..]);
        return written + 2;
    }

    /// <summary>Returns the number of partitions and the hash, as in a line or a checkpoint.</summary>
    public static string TextOf(IdempotencyStamp stamp) =>
        string.Create(CultureInfo.InvariantCulture, $"{stamp.Partitions}:{stamp.Hash:x32}");

    /// <summary>
    /// Reads the texts of a line or a checkpoint. Returns false if they have another form. Such a line is valid, and
    /// the log remembers no key for it.
    /// </summary>
    public static bool TryRead(
        string key,
        ReadOnlySpan<byte> text,
        [NotNullWhen(true)] out IdempotencyStamp? stamp,
        out long? timestampMs
    )
    {
        (stamp, timestampMs) = (null, null);
        if (
            !TryReadNumber(text, out var partitions, out var digits)
            || partitions is 0 or > int.MaxValue
            || text.Length < digits + 1 + HashDigits
            || text[digits] != (byte)':'
        )
            return false;
        var hash = text.Slice(digits + 1, HashDigits);
        var rest = text[(digits + 1 + HashDigits)..];
        if (
            hash.ContainsAnyExcept(HexDigits)
            || !UInt128.TryParse(hash, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value)
        )
            return false;
        if (!rest.IsEmpty)
        {
            if (
                rest[0] != (byte)':'
                || !TryReadNumber(rest[1..], out var own, out var ownDigits)
                || ownDigits != rest.Length - 1
                || own > RecordFormat.MaxTimestampMs
            )
                return false;
            timestampMs = own;
        }
        if (IdempotencyStamp.CheckKey(key) is not null)
            return false;
        stamp = new(key, (int)partitions, value);
        return true;
    }

    static bool TryReadNumber(ReadOnlySpan<byte> text, out long number, out int digits) =>
        Utf8Parser.TryParse(text, out number, out digits) && text[0] is >= (byte)'0' and <= (byte)'9';
}
