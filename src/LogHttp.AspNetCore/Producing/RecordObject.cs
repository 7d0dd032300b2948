using System.Diagnostics.CodeAnalysis;
using System.Text;
using System.Text.Json;
using System.Text.Unicode;
using LogHttp.AspNetCore.Contract;
using LogHttp.Storage.Records;
using LogHttp.Storage.Text;

namespace LogHttp.AspNetCore.Producing;

/// <summary>
/// A record sent as a JSON object, as a fetch also returns it. <c>offset</c> and the fields of a batch's first record
/// are ignored, so that a response can be sent to another topic (api/PROTOCOL.md §2).
/// </summary>
internal readonly ref struct RecordObject
{
    /// <summary>The deepest value, inside the record.</summary>
    const int MaxDepth = 62;

    public RecordMetadata Metadata { get; private init; }

    public int? Partition { get; private init; }

    /// <summary>The value as JSON text, unless it is <see cref="ValueBytes"/>.</summary>
    public ReadOnlySpan<byte> ValueJson { get; private init; }

    public byte[]? ValueBytes { get; private init; }

    /// <summary>Reads a record. Names the field that is wrong.</summary>
    /// <param name="line">The object.</param>
    /// <param name="latestTimestampMs">A later timestamp is rejected.</param>
    /// <param name="maxKeyBytes">A larger key is rejected, and not decoded.</param>
    /// <param name="read">The record.</param>
    /// <param name="problem">The problem, if any.</param>
    public static bool TryRead(
        ReadOnlySpan<byte> line,
        long latestTimestampMs,
        int maxKeyBytes,
        out RecordObject read,
        [NotNullWhen(false)] out Problem? problem
    )
    {
        read = default;
        if (!Utf8.IsValid(line))
        {
            problem = Problems.InvalidRequest("invalid_utf8", "The record is not valid UTF-8.");
            return false;
        }
        try
        {
            var reader = new Utf8JsonReader(line, new JsonReaderOptions { MaxDepth = MaxDepth });
            problem = Read(ref reader, line, latestTimestampMs, maxKeyBytes, out read);
        }
        catch (JsonException exception)
        {
            problem = Problems.InvalidRequest(
                "invalid_json",
                $"The record is not valid JSON at byte {exception.BytePositionInLine + 1}."
            );
        }
        return problem is null;
    }

    static Problem? Read(
        scoped ref Utf8JsonReader reader,
        ReadOnlySpan<byte> line,
        long latestTimestampMs,
        int maxKeyBytes,
        out RecordObject read
    )
    {
        read = default;
        reader.Read();
        if (reader.TokenType != JsonTokenType.StartObject)
            return Invalid(
                "A record is a JSON object with a value; for plain values, a line each, send application/x-ndjson."
            );
        var (seen, key, keyBytes, partition) = (Field.None, (string?)null, (byte[]?)null, (int?)null);
        long? timestampMs = null;
        List<KeyValuePair<string, string>>? headers = null;
        List<RecordHeader>? headerPairs = null;
        ReadOnlySpan<byte> valueJson = default;
        byte[]? valueBytes = null;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var field = FieldOf(ref reader);
            if (field == Field.None)
                return Invalid(
                    $"\"{Excerpt.Of(reader.ValueSpan)}\" is no field of a record. "
                        + "Supported: key, keyBase64, headers, timestamp, partition, value, valueBase64."
                );
            if ((seen & field) != 0)
                return Invalid($"The field {Excerpt.Of(reader.ValueSpan)} stands there twice.");
            seen |= field;
            reader.Read();
            var start = (int)reader.TokenStartIndex;
            switch (field)
            {
                case Field.Key when reader.TokenType == JsonTokenType.Null:
                    break;
                case Field.Key
                    when reader.TokenType == JsonTokenType.String && JsonSizes.MinTextBytes(ref reader) > maxKeyBytes:
                case Field.KeyBase64
                    when reader.TokenType == JsonTokenType.String && JsonSizes.MinBase64Bytes(ref reader) > maxKeyBytes:
                    return Problems.KeyTooLarge(maxKeyBytes);
                case Field.Key when !TryReadText(ref reader, out key):
                    return Problems.InvalidRequest(
                        "invalid_key",
                        "key is not a string of Unicode text. Send bytes as keyBase64."
                    );
                case Field.KeyBase64 when !Base64Text.TryRead(ref reader, out keyBytes):
                    return Problems.InvalidRequest("invalid_key", "keyBase64 is not a string of Base64.");
                case Field.Headers when reader.TokenType == JsonTokenType.StartArray:
                    if (!TryReadHeaderPairs(ref reader, headerPairs = []))
                        return Problems.InvalidRequest(
                            "invalid_header",
                            "headers is not an array of pairs of a name and a string, null or {\"base64\":\"…\"}."
                        );
                    break;
                case Field.Headers when !TryReadHeaders(ref reader, headers = []):
                    return Problems.InvalidRequest(
                        "invalid_header",
                        "headers is neither an object whose values are strings or arrays of strings, nor an "
                            + "array of pairs of a name and a string, null or {\"base64\":\"…\"}."
                    );
                case Field.Timestamp
                    when reader.TokenType != JsonTokenType.Number
                        || !reader.TryGetInt64(out var given)
                        || given < 0
                        || given > latestTimestampMs:
                    return Problems.InvalidRequest(
                        "invalid_timestamp",
                        "timestamp is not a number of Unix milliseconds from 0 to an hour from now."
                    );
                case Field.Timestamp:
                    timestampMs = reader.GetInt64();
                    break;
                case Field.Partition
                    when reader.TokenType != JsonTokenType.Number || !reader.TryGetInt32(out var number) || number < 0:
                    return Invalid("partition is not a whole number from 0 on.");
                case Field.Partition:
                    partition = reader.GetInt32();
                    break;
                case Field.ValueBase64 when !Base64Text.TryRead(ref reader, out valueBytes):
                    return Invalid("valueBase64 is not a string of Base64.");
                case Field.Value:
                    reader.Skip();
                    valueJson = line[start..(int)reader.BytesConsumed];
                    break;
                case Field.Ignored:
                    seen &= ~Field.Ignored;
                    reader.Skip();
                    break;
            }
        }
        // Reads once more, so that the reader rejects anything behind the object.
        reader.Read();
        if ((seen & (Field.Value | Field.ValueBase64)) is Field.None or (Field.Value | Field.ValueBase64))
            return Invalid("A record has one of value and valueBase64.");
        if (keyBytes is not null && (seen & Field.Key) != 0)
            return Invalid("A record has one of key and keyBase64.");
        read = new RecordObject
        {
            Metadata = new RecordMetadata
            {
                Key = key,
                KeyBytes = keyBytes is null ? null : (ReadOnlyMemory<byte>?)keyBytes,
                Headers = headers,
                HeaderPairs = headerPairs,
                TimestampMs = timestampMs,
            },
            Partition = partition,
            ValueJson = valueJson,
            ValueBytes = valueBytes,
        };
        return null;
    }

    static Problem Invalid(string detail) => Problems.InvalidRequest("invalid_record", detail);

    static Field FieldOf(ref Utf8JsonReader reader)
    {
        try
        {
            return Named(ref reader);
        }
        catch (InvalidOperationException)
        {
            // Half of a surrogate pair, escaped: no field has such a name.
            return Field.None;
        }
    }

    static Field Named(ref Utf8JsonReader reader) =>
        reader.ValueTextEquals("key"u8) ? Field.Key
        : reader.ValueTextEquals("keyBase64"u8) ? Field.KeyBase64
        : reader.ValueTextEquals("headers"u8) ? Field.Headers
        : reader.ValueTextEquals("timestamp"u8) ? Field.Timestamp
        : reader.ValueTextEquals("partition"u8) ? Field.Partition
        : reader.ValueTextEquals("value"u8) ? Field.Value
        : reader.ValueTextEquals("valueBase64"u8) ? Field.ValueBase64
        : reader.ValueTextEquals("offset"u8)
        || reader.ValueTextEquals("batch"u8)
        || reader.ValueTextEquals("producer"u8)
        || reader.ValueTextEquals("commit"u8)
        || reader.ValueTextEquals("idempotency"u8)
            ? Field.Ignored
        : Field.None;

    static bool TryReadText(ref Utf8JsonReader reader, [NotNullWhen(true)] out string? text)
    {
        text = null;
        if (reader.TokenType != JsonTokenType.String)
            return false;
        try
        {
            text = reader.GetString()!;
            return true;
        }
        catch (InvalidOperationException)
        {
            // Half of a surrogate pair, escaped: legal in JSON, but not Unicode text.
            return false;
        }
    }

    static bool TryReadHeaders(ref Utf8JsonReader reader, List<KeyValuePair<string, string>> headers)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
            return false;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (!TryReadName(ref reader, out var name))
                return false;
            reader.Read();
            var isArray = reader.TokenType == JsonTokenType.StartArray;
            if (isArray)
                reader.Read();
            do
            {
                if (isArray && reader.TokenType == JsonTokenType.EndArray)
                    break;
                if (!TryReadText(ref reader, out var value))
                    return false;
                headers.Add(new(name, value));
            } while (isArray && reader.Read());
        }
        return true;
    }

    static bool TryReadHeaderPairs(ref Utf8JsonReader reader, List<RecordHeader> headers)
    {
        while (reader.Read() && reader.TokenType == JsonTokenType.StartArray)
        {
            reader.Read();
            if (!TryReadText(ref reader, out var name))
                return false;
            reader.Read();
            if (!TryReadHeaderValue(ref reader, out var value))
                return false;
            headers.Add(new(name, value));
            if (!reader.Read() || reader.TokenType != JsonTokenType.EndArray)
                return false;
        }
        return reader.TokenType == JsonTokenType.EndArray;
    }

    static bool TryReadHeaderValue(ref Utf8JsonReader reader, out ReadOnlyMemory<byte>? value)
    {
        value = null;
        switch (reader.TokenType)
        {
            case JsonTokenType.Null:
                return true;
            case JsonTokenType.String:
                var isText = TryReadText(ref reader, out var text);
                value = isText ? Encoding.UTF8.GetBytes(text!) : null;
                return isText;
            case JsonTokenType.StartObject:
                if (
                    !reader.Read()
                    || reader.TokenType != JsonTokenType.PropertyName
                    || !reader.ValueTextEquals("base64"u8)
                    || !reader.Read()
                    || !Base64Text.TryRead(ref reader, out var bytes)
                )
                    return false;
                value = bytes;
                return reader.Read() && reader.TokenType == JsonTokenType.EndObject;
            default:
                return false;
        }
    }

    static bool TryReadName(ref Utf8JsonReader reader, [NotNullWhen(true)] out string? name)
    {
        try
        {
            name = reader.GetString();
            return name is { Length: > 0 };
        }
        catch (InvalidOperationException)
        {
            name = null;
            return false;
        }
    }

    [Flags]
    enum Field
    {
        None = 0,
        Key = 1,
        KeyBase64 = 2,
        Headers = 4,
        Timestamp = 8,
        Partition = 16,
        Value = 32,
        ValueBase64 = 64,
        Ignored = 128,
    }
}
