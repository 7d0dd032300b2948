using System.Diagnostics.CodeAnalysis;
using System.Text;
using System.Text.Json;
using System.Text.Unicode;
using LogHttp.AspNetCore.Contract;
using LogHttp.Storage.Records;
using LogHttp.Storage.Text;

namespace LogHttp.AspNetCore.Producing;

/// <summary>
/// Reads the attributes of a CloudEvent that came as JSON (structured mode). The record's value is the whole event, as
/// it came (api/PROTOCOL.md §15).
/// </summary>
internal static class CloudEvent
{
    /// <summary>The batch rejects a deeper value than it keeps with its own message.</summary>
    const int MaxDepth = 64;

    /// <summary>Reads an event. Names the attribute that is wrong.</summary>
    /// <param name="json">The event.</param>
    /// <param name="given">The metadata that the request gives.</param>
    /// <param name="maxHeadersBytes">More bytes of attributes are rejected, and not decoded.</param>
    /// <param name="metadata">The record's metadata.</param>
    /// <param name="problem">The problem, if any.</param>
    public static bool TryRead(
        ReadOnlySpan<byte> json,
        in RecordMetadata given,
        int maxHeadersBytes,
        out RecordMetadata metadata,
        [NotNullWhen(false)] out Problem? problem
    )
    {
        metadata = given;
        json = ByteOrderMark.Skip(json);
        // Utf8JsonReader accepts invalid UTF-8 inside strings, so that is checked first.
        if (!Utf8.IsValid(json))
        {
            problem = Problems.InvalidRequest("invalid_utf8", "The event is not valid UTF-8.");
            return false;
        }
        var attributes = new CloudEventAttributes(maxHeadersBytes);
        try
        {
            var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = MaxDepth });
            problem = Read(ref reader, attributes);
        }
        catch (JsonException exception)
        {
            problem = Problems.InvalidRequest(
                Problems.InvalidJson,
                $"The event is not valid JSON at {JsonFault.Describe(exception)}"
            );
        }
        if (problem is null)
            metadata = attributes.AddTo(given);
        return problem is null;
    }

    static Problem? Read(scoped ref Utf8JsonReader reader, CloudEventAttributes attributes)
    {
        reader.Read();
        if (reader.TokenType != JsonTokenType.StartObject)
            return CloudEventAttributes.Invalid("An event is a JSON object.");
        var hasData = false;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (JsonSizes.MinTextBytes(ref reader) > attributes.MaxBytes)
                return attributes.TooLarge();
            if (!TryReadText(ref reader, out var name))
                return CloudEventAttributes.Invalid("A name in it is no text: it holds half of a surrogate pair.");
            reader.Read();
            if (name is not ("data" or "data_base64"))
            {
                if (ReadAttribute(ref reader, name, attributes) is { } problem)
                    return problem;
                continue;
            }
            if (hasData)
                return CloudEventAttributes.Invalid("It has more than one of data and data_base64.");
            hasData = true;
            reader.Skip();
        }
        // Reads once more, so that the reader rejects anything behind the object.
        reader.Read();
        return attributes.Check();
    }

    static Problem? ReadAttribute(scoped ref Utf8JsonReader reader, string name, CloudEventAttributes attributes)
    {
        switch (reader.TokenType)
        {
            case JsonTokenType.Null:
                // As if the attribute were left out.
                return null;
            case JsonTokenType.StartObject or JsonTokenType.StartArray:
                return CloudEventAttributes.Invalid(
                    $"{Excerpt.Of(name)} is an object or an array. An attribute is a string, a number, true or false."
                );
            case var _ when JsonSizes.MinTextBytes(ref reader) > attributes.MaxBytes:
                return attributes.TooLarge();
            case JsonTokenType.String:
                // The data's type is no header: the record's value is not the data, but the event.
                return !TryReadText(ref reader, out var text)
                        ? CloudEventAttributes.Invalid(
                            $"{Excerpt.Of(name)} is no text: it holds half of a surrogate pair."
                        )
                    : name == "datacontenttype" ? null
                    : attributes.Add(name, text);
            default:
                return CloudEventAttributes.IsRequired(name)
                    ? CloudEventAttributes.Invalid($"{name} is no string.")
                    : attributes.Add(name, Encoding.UTF8.GetString(reader.ValueSpan));
        }
    }

    static bool TryReadText(scoped ref Utf8JsonReader reader, [NotNullWhen(true)] out string? text)
    {
        try
        {
            text = reader.GetString()!;
            return true;
        }
        catch (InvalidOperationException)
        {
            // Half of a surrogate pair, escaped: legal in JSON, but not Unicode text.
            text = null;
            return false;
        }
    }
}
