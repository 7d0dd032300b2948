using System.Buffers;
using System.Buffers.Text;
using System.Text.Json;
using LogHttp.Storage.Records;
using Microsoft.Net.Http.Headers;

namespace LogHttp.AspNetCore.Fetching;

/// <summary>Decodes a record's value into the bytes that its producer sent (api/PROTOCOL.md §4).</summary>
internal static class RecordValue
{
    const string BytesType = "application/octet-stream";
    const string JsonType = "application/json";
    const string TextType = "text/plain; charset=utf-8";

    /// <summary>Returns the value's bytes, and the media type to send them with.</summary>
    public static (ReadOnlyMemory<byte> Content, string ContentType) Decode(in RecordView record)
    {
        var declared = DeclaredType(record.Headers);
        if (record.IsBase64)
            return (DecodeBase64(record.Value), declared?.ToString() ?? BytesType);
        var isJson = declared is null ? record.Value[0] != (byte)'"' : IsJson(declared);
        var text = new byte[record.Value.Length];
        if (!isJson && TryDecodeText(record.Value, text) is { } textBytes)
            return (text.AsMemory(0, textBytes), declared is null ? TextType : InUtf8(declared));
        return (record.Value.ToArray(), isJson ? declared?.ToString() ?? JsonType : JsonType);
    }

    /// <summary>Writes a text without its quotes, and any other value unchanged.</summary>
    public static void WriteText(IBufferWriter<byte> writer, in RecordView record)
    {
        if (record.IsBase64 || record.Value[0] != (byte)'"')
            writer.Write(record.Value);
        else if (record.Value.Contains((byte)'\\'))
            writer.Advance(
                TryDecodeText(record.Value, writer.GetSpan(record.Value.Length))
                    ?? Copy(record.Value, writer.GetSpan(record.Value.Length))
            );
        else
            writer.Write(record.Value[1..^1]);
    }

    /// <summary>
    /// Writes the text of a JSON string in UTF-8 and returns its length. Returns null for half of a surrogate pair,
    /// which is legal JSON but not text.
    /// </summary>
    static int? TryDecodeText(ReadOnlySpan<byte> json, Span<byte> text)
    {
        var reader = new Utf8JsonReader(json);
        if (!reader.Read() || reader.TokenType != JsonTokenType.String)
            return null;
        try
        {
            return reader.CopyString(text);
        }
        catch (InvalidOperationException)
        {
            return null;
        }
    }

    static int Copy(ReadOnlySpan<byte> bytes, Span<byte> destination)
    {
        bytes.CopyTo(destination);
        return bytes.Length;
    }

    static byte[] DecodeBase64(ReadOnlySpan<byte> json)
    {
        var text = json[1..^1];
        var bytes = new byte[Base64.GetMaxDecodedFromUtf8Length(text.Length)];
        Base64.DecodeFromUtf8(text, bytes, out _, out var written);
        return bytes[..written];
    }

    /// <summary>The record's header `content-type`. Null if it has none that can be sent.</summary>
    static MediaTypeHeaderValue? DeclaredType(ReadOnlySpan<byte> headers)
    {
        if (headers.IsEmpty)
            return null;
        var reader = new Utf8JsonReader(headers);
        reader.Read();
        if (reader.TokenType == JsonTokenType.StartArray)
            return DeclaredTypeOfPairs(ref reader);
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var isType = reader.ValueTextEquals("content-type"u8);
            reader.Read();
            if (isType && TryReadType(ref reader) is { } type)
                return type;
            reader.Skip();
        }
        return null;
    }

    /// <summary>
    /// Reads the type from pairs, which keep the case of names. The case has no meaning here. As in an object, a
    /// repeated header is ignored.
    /// </summary>
    static MediaTypeHeaderValue? DeclaredTypeOfPairs(ref Utf8JsonReader reader)
    {
        var (declared, count) = ((MediaTypeHeaderValue?)null, 0);
        while (reader.Read() && reader.TokenType == JsonTokenType.StartArray)
        {
            reader.Read();
            var isType = "content-type".Equals(reader.GetString(), StringComparison.OrdinalIgnoreCase);
            reader.Read();
            if (isType && count++ == 0)
                declared = TryReadType(ref reader);
            reader.Skip();
            reader.Read();
        }
        return count == 1 ? declared : null;
    }

    /// <summary>Parses the type, which is printed again, so that nothing else gets into the response's head.</summary>
    static MediaTypeHeaderValue? TryReadType(ref Utf8JsonReader reader) =>
        reader.TokenType == JsonTokenType.String
        && MediaTypeHeaderValue.TryParse(reader.GetString(), out var type)
        && !type.MatchesAllSubTypes
        && Ascii(type.ToString()) is not null
            ? type
            : null;

    static string? Ascii(string text) => text.AsSpan().ContainsAnyExceptInRange(' ', '~') ? null : text;

    static bool IsJson(MediaTypeHeaderValue type) =>
        type.MediaType.Equals(JsonType, StringComparison.OrdinalIgnoreCase)
        || type.Suffix.Equals("json", StringComparison.OrdinalIgnoreCase);

    /// <summary>Replaces the charset, because texts are kept and sent in UTF-8.</summary>
    static string InUtf8(MediaTypeHeaderValue type)
    {
        if (type.Charset.HasValue || type.Type.Equals("text", StringComparison.OrdinalIgnoreCase))
            type.Charset = "utf-8";
        return type.ToString();
    }
}
