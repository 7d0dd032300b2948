using System.Buffers.Text;
using System.Text.Json;
using System.Text.Unicode;

namespace LogHttp.Storage.Records;

/// <summary>
/// Checks whole lines that were read from a disk (api/FORMAT.md §1). Other code calls <see cref="RecordFormat"/>.
/// </summary>
internal static class RecordLine
{
    /// <summary>
    /// The levels of a value at the deepest allowed level, inside the line's object, and a spare level for `headers`.
    /// </summary>
    const int MaxDepth = JsonText.MaxDepth + 2;

    const string ExtraSpaceFault = "the line has a space, or more, outside of its values";

    // The order of a line's fields. Alternatives share a rank.
    static readonly Dictionary<string, int> Ranks = new()
    {
        ["offset"] = 0,
        ["timestamp"] = 1,
        ["batch"] = 2,
        ["producer"] = 3,
        ["commit"] = 4,
        ["idempotency"] = 5,
        ["key"] = 6,
        ["keyBase64"] = 6,
        ["headers"] = 7,
        ["value"] = 8,
        ["valueBase64"] = 8,
    };

    /// <summary>Returns the fault of a line, its line feed included, or null if it is a whole, valid record.</summary>
    public static string? Check(ReadOnlySpan<byte> line, out RecordHead head, out BatchFields batch)
    {
        (head, batch) = (default, default);
        if (line.IsEmpty || line[^1] != (byte)'\n')
            return "the line has no end";
        if (!RecordFields.TryReadHead(line, out head))
            return "the line does not begin with an offset and a timestamp";
        if (!Utf8.IsValid(line))
            return "the line is not valid UTF-8";
        try
        {
            return CheckFields(line[..^1], ref batch);
        }
        catch (JsonException exception)
        {
            return $"the line is not valid JSON at byte {exception.BytePositionInLine + 1}";
        }
    }

    /// <summary>
    /// Whether the field at the start of <paramref name="field"/> has a value of its type. Skips the value.
    /// </summary>
    static bool HasFieldType(ReadOnlySpan<byte> field, ref Utf8JsonReader reader, ref BatchFields batch)
    {
        // TryReadHead checks the head's fields. A value may be any JSON.
        if (field.StartsWith("\"key\""u8))
            return reader.TokenType == JsonTokenType.String;
        if (field.StartsWith("\"keyBase64\""u8) || field.StartsWith("\"valueBase64\""u8))
            return IsBase64(reader);
        if (field.StartsWith("\"headers\""u8))
            return reader.TokenType == JsonTokenType.StartArray
                ? TryReadHeaderPairs(ref reader)
                : TryReadHeaders(ref reader);
        if (field.StartsWith("\"commit\""u8))
            return TryReadCommit(ref reader, ref batch);
        if (field.StartsWith("\"idempotency\""u8))
            return TryReadIdempotency(ref reader, ref batch);
        if (field.StartsWith("\"producer\""u8))
        {
            if (!ProducerField.TryReadValue(field["\"producer\":".Length..], out var stamp))
                return false;
            batch = new(stamp, Any: true);
        }
        reader.Skip();
        return true;
    }

    /// <summary>
    /// Reads `idempotency`: two texts. The log remembers the key if the second text has the form of this version.
    /// </summary>
    static bool TryReadIdempotency(ref Utf8JsonReader reader, ref BatchFields batch)
    {
        batch = batch with { Any = true };
        if (
            reader.TokenType != JsonTokenType.StartArray
            || !reader.Read()
            || !ProducerField.TryReadText(reader, out var key)
            || !reader.Read()
            || reader.TokenType != JsonTokenType.String
        )
            return false;
        if (
            !reader.ValueIsEscaped
            && IdempotencyField.TryRead(key, reader.ValueSpan, out var stamp, out var timestampMs)
        )
            batch = batch with
            {
                Stamp = (batch.Stamp ?? new(Producer: null, Crc: null)) with
                {
                    Idempotency = stamp,
                    TimestampMs = timestampMs,
                },
            };
        return reader.Read() && reader.TokenType == JsonTokenType.EndArray;
    }

    /// <summary>
    /// Reads `commit`, which nothing writes yet: an array of two texts, and then three whole numbers.
    /// </summary>
    static bool TryReadCommit(ref Utf8JsonReader reader, ref BatchFields batch)
    {
        batch = batch with { Any = true };
        if (reader.TokenType != JsonTokenType.StartArray)
            return false;
        for (var texts = 2; texts > 0; texts--)
        {
            if (!reader.Read() || reader.TokenType != JsonTokenType.String)
                return false;
        }
        for (var numbers = 3; numbers > 0; numbers--)
        {
            if (
                !reader.Read()
                || reader.TokenType != JsonTokenType.Number
                || !reader.TryGetInt64(out var number)
                || number < 0
            )
                return false;
        }
        return reader.Read() && reader.TokenType == JsonTokenType.EndArray;
    }

    /// <summary>Reads an array of pairs: a name, and a text, null or `{"base64":"…"}`.</summary>
    static bool TryReadHeaderPairs(ref Utf8JsonReader reader)
    {
        while (reader.Read() && reader.TokenType == JsonTokenType.StartArray)
        {
            if (
                !reader.Read()
                || reader.TokenType != JsonTokenType.String
                || !reader.Read()
                || !TryReadHeaderValue(ref reader)
                || !reader.Read()
                || reader.TokenType != JsonTokenType.EndArray
            )
                return false;
        }
        return reader.TokenType == JsonTokenType.EndArray;
    }

    static bool TryReadHeaderValue(ref Utf8JsonReader reader)
    {
        if (reader.TokenType is JsonTokenType.String or JsonTokenType.Null)
            return true;
        return reader.TokenType == JsonTokenType.StartObject
            && reader.Read()
            && reader.TokenType == JsonTokenType.PropertyName
            && reader.ValueTextEquals("base64"u8)
            && reader.Read()
            && IsBase64(reader)
            && reader.Read()
            && reader.TokenType == JsonTokenType.EndObject;
    }

    static bool IsBase64(in Utf8JsonReader reader) =>
        reader.TokenType == JsonTokenType.String
        && !reader.ValueIsEscaped
        && Base64.IsValid(reader.ValueSpan)
        && !reader.ValueSpan.Contains((byte)' ');

    /// <summary>Reads an object whose values are strings, or arrays of them.</summary>
    static bool TryReadHeaders(ref Utf8JsonReader reader)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
            return false;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            reader.Read();
            if (reader.TokenType == JsonTokenType.StartArray)
            {
                while (reader.Read() && reader.TokenType == JsonTokenType.String) { }
                if (reader.TokenType != JsonTokenType.EndArray)
                    return false;
            }
            else if (reader.TokenType != JsonTokenType.String)
            {
                return false;
            }
        }
        return true;
    }

    static string? CheckFields(ReadOnlySpan<byte> line, ref BatchFields batch)
    {
        var reader = new Utf8JsonReader(line, new JsonReaderOptions { MaxDepth = MaxDepth });
        reader.Read();
        // The position behind the field before: of a comma, or of the line's brace.
        var (rank, end) = (-1, 0L);
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var (nameStart, valueStart) = (reader.TokenStartIndex, reader.BytesConsumed);
            if (nameStart != end + 1 || valueStart != nameStart + reader.ValueSpan.Length + "\"\":".Length)
                return ExtraSpaceFault;
            if (reader.ValueIsEscaped || !Ranks.TryGetValue(reader.GetString()!, out var next))
                return "the line has an unknown field";
            if (next <= rank)
                return "the line's fields are repeated or out of order";
            rank = next;
            reader.Read();
            if (reader.TokenStartIndex != valueStart)
                return ExtraSpaceFault;
            if (!HasFieldType(line[(int)nameStart..], ref reader, ref batch))
                return "a field's value is of another type than the field has";
            end = reader.BytesConsumed;
        }
        if (end != line.Length - 1)
            return ExtraSpaceFault;
        // Reads once more, because the reader reports trailing bytes after the object as an error.
        reader.Read();
        return rank == Ranks["value"] ? null : "the line has no value";
    }
}
