using System.Buffers;
using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;
using System.Text.Json;

namespace LogHttp.Storage.Records;

/// <summary>
/// A batch's producer on the batch's first line: <c>,"producer":["id",epoch,sequence,"crc32c"]</c> (api/FORMAT.md §1).
/// Lines of formats 1 and 2 lack the checksum.
/// </summary>
internal static class ProducerField
{
    const int CrcDigits = 8;

    // Two numbers of at most 16 digits, the checksum, three commas, two brackets and four quotes.
    const int MaxOtherBytes = 16 + 16 + CrcDigits + 3 + 2 + 4;

    static readonly SearchValues<byte> HexDigits = SearchValues.Create("0123456789abcdef"u8);

    public static ReadOnlySpan<byte> Name => ",\"producer\":"u8;

    /// <summary>The most bytes that <see cref="Write"/> needs for a producer.</summary>
    public static int MaxBytes(ProducerStamp producer) => Name.Length + 2 * producer.Id.Length + MaxOtherBytes;

    /// <summary>Writes the field and returns its length.</summary>
    public static int Write(Span<byte> destination, ProducerStamp producer, uint crc)
    {
        Span<byte> id = stackalloc byte[ProducerStamp.MaxIdLength];
        var idBytes = Encoding.ASCII.GetBytes(producer.Id, id);
        Name.CopyTo(destination);
        var written = Name.Length;
        destination[written++] = (byte)'[';
        written += JsonText.WriteString(id[..idBytes], destination[written..]);
        destination[written++] = (byte)',';
        written += WriteNumber(destination[written..], producer.Epoch);
        destination[written++] = (byte)',';
        written += WriteNumber(destination[written..], producer.Sequence);
        ",\""u8.CopyTo(destination[written..]);
        written += 2;
        Utf8Formatter.TryFormat(crc, destination[written..], out var digits, new('x', CrcDigits));
        written += digits;
        "\"]"u8.CopyTo(destination[written..]);
        return written + 2;
    }

    /// <summary>Reads the value at the start of a JSON text. Returns false if it is no producer.</summary>
    public static bool TryReadValue(ReadOnlySpan<byte> text, [NotNullWhen(true)] out BatchStamp? stamp)
    {
        stamp = null;
        var reader = new Utf8JsonReader(text, isFinalBlock: false, default);
        if (
            !reader.Read()
            || reader.TokenType != JsonTokenType.StartArray
            || !reader.Read()
            || !TryReadText(reader, out var id)
            || !reader.Read()
            || reader.TokenType != JsonTokenType.Number
            || !reader.TryGetInt64(out var epoch)
            || !reader.Read()
            || reader.TokenType != JsonTokenType.Number
            || !reader.TryGetInt64(out var sequence)
            || !reader.Read()
        )
            return false;
        uint? crc = null;
        if (reader.TokenType == JsonTokenType.String)
        {
            if (!TryReadCrc(reader.ValueSpan, out var value) || !reader.Read())
                return false;
            crc = value;
        }
        stamp = new(new(id, epoch, sequence), crc);
        return reader.TokenType == JsonTokenType.EndArray && stamp.Producer!.Check() is null;
    }

    /// <summary>Reads a checksum as <see cref="Write"/> writes it: eight lower-case hexadecimal digits.</summary>
    public static bool TryReadCrc(ReadOnlySpan<byte> text, out uint crc)
    {
        crc = 0;
        return text.Length == CrcDigits
            && !text.ContainsAnyExcept(HexDigits)
            && uint.TryParse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out crc);
    }

    static int WriteNumber(Span<byte> destination, long number)
    {
        Utf8Formatter.TryFormat(number, destination, out var digits);
        return digits;
    }

    /// <summary>Reads a JSON string. Returns false for any other token, and for a string that is no text.</summary>
    public static bool TryReadText(in Utf8JsonReader reader, [NotNullWhen(true)] out string? text)
    {
        try
        {
            text = reader.TokenType == JsonTokenType.String ? reader.GetString() : null;
        }
        catch (InvalidOperationException)
        {
            // An escaped half of a surrogate pair is JSON, but no text.
            text = null;
        }
        return text is not null;
    }
}
