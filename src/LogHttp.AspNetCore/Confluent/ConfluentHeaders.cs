using System.Text.Json;
using LogHttp.AspNetCore.Contract;
using LogHttp.AspNetCore.Producing;
using LogHttp.Storage.Records;
using LogHttp.Storage.Text;

namespace LogHttp.AspNetCore.Confluent;

/// <summary>
/// Reads a record's headers, <c>[{"name":"n","value":"Base64"}]</c>, as version 3 of the REST Proxy has them.
/// </summary>
internal static class ConfluentHeaders
{
    const string Form = "headers is no array of {\"name\":\"…\",\"value\":\"…\"}.";

    /// <summary>Reads an array to its end, if it is one. Returns its problem, or null.</summary>
    /// <param name="reader">The reader, at the array.</param>
    /// <param name="maxBytes">The most bytes of all names and values.</param>
    /// <param name="headers">Takes the headers.</param>
    /// <param name="areTooLarge">
    /// Whether they have more bytes. The rest was not decoded: a packed body of some kilobytes can have millions.
    /// </param>
    public static Problem? Read(
        scoped ref Utf8JsonReader reader,
        int maxBytes,
        List<RecordHeader> headers,
        out bool areTooLarge
    )
    {
        areTooLarge = false;
        if (reader.TokenType != JsonTokenType.StartArray)
            return ConfluentBody.Invalid(Form);
        var sizeBytes = 0L;
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (Read(ref reader, maxBytes, ref sizeBytes, out var header) is { } problem)
                return problem;
            areTooLarge = sizeBytes > maxBytes;
            if (!areTooLarge)
                headers.Add(header);
        }
        return null;
    }

    static Problem? Read(
        scoped ref Utf8JsonReader reader,
        int maxBytes,
        scoped ref long sizeBytes,
        out RecordHeader header
    )
    {
        header = default;
        if (reader.TokenType != JsonTokenType.StartObject)
            return ConfluentBody.Invalid(Form);
        var (name, hasValue, value) = ((string?)null, false, (byte[]?)null);
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var isName = ConfluentBody.Is(ref reader, "name"u8);
            if (!isName && !ConfluentBody.Is(ref reader, "value"u8))
                return ConfluentBody.Unrecognized(ref reader);
            if (isName ? name is not null : hasValue)
                return ConfluentBody.Invalid($"{Excerpt.Of(reader.ValueSpan)} of a header stands there twice.");
            reader.Read();
            hasValue |= !isName;
            if (reader.TokenType == JsonTokenType.Null && !isName)
                continue;
            if (reader.TokenType != JsonTokenType.String)
                return ConfluentBody.Invalid(Form);
            // A header counts at least a byte, so that their number has a bound.
            sizeBytes += isName
                ? Math.Max(1, JsonSizes.MinTextBytes(ref reader))
                : Math.Max(0, JsonSizes.MinBase64Bytes(ref reader));
            if (sizeBytes > maxBytes)
                name = isName ? "" : name;
            else if (isName && !TryReadText(ref reader, out name))
                return ConfluentBody.Invalid("The name of a header is no text: it holds half of a surrogate pair.");
            else if (!isName && !Base64Text.TryRead(ref reader, out value))
                return ConfluentBody.Invalid("The value of a header is not a string of Base64.");
        }
        header = new(name ?? "", value is null ? null : (ReadOnlyMemory<byte>?)value);
        return name is null ? ConfluentBody.Invalid("A header has no name.") : null;
    }

    static bool TryReadText(scoped ref Utf8JsonReader reader, out string? text)
    {
        try
        {
            text = reader.GetString();
            return true;
        }
        catch (InvalidOperationException)
        {
            text = null;
            return false;
        }
    }
}
