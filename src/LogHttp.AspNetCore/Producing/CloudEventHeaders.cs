using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;
using System.Text.Unicode;
using LogHttp.AspNetCore.Contract;
using LogHttp.Storage.Records;
using LogHttp.Storage.Text;
using Microsoft.Extensions.Primitives;

namespace LogHttp.AspNetCore.Producing;

/// <summary>
/// Reads the attributes of a CloudEvent from the request headers <c>ce-*</c>, where the body is its data (binary mode,
/// api/PROTOCOL.md §15).
/// </summary>
internal static class CloudEventHeaders
{
    /// <summary>Whether a request header makes the request an event.</summary>
    public static bool IsAttribute(string header) =>
        header.StartsWith(CloudEventAttributes.HeaderPrefix, StringComparison.OrdinalIgnoreCase);

    /// <summary>Adds the attributes to the metadata of the record.</summary>
    public static bool TryRead(
        IHeaderDictionary headers,
        BodyType bodyType,
        ref RecordMetadata metadata,
        [NotNullWhen(false)] out Problem? problem
    )
    {
        problem = bodyType.IgnoresRecordHeaders
            ? CloudEventAttributes.Invalid("The headers ce-* describe one event, and this body can have many records.")
            : null;
        // The request's head has a bound. The batch checks that of a record's headers.
        var attributes = new CloudEventAttributes(int.MaxValue);
        foreach (var (header, values) in headers)
        {
            if (IsAttribute(header))
                problem ??= Read(
                    header[CloudEventAttributes.HeaderPrefix.Length..].ToLowerInvariant(),
                    values,
                    attributes
                );
        }
        problem ??= attributes.Check();
        if (problem is null)
            metadata = attributes.AddTo(metadata);
        return problem is null;
    }

    static Problem? Read(string name, StringValues values, CloudEventAttributes attributes) =>
        name is "datacontenttype" or "data"
            ? CloudEventAttributes.Invalid(
                $"ce-{name} is no header of an event: the body is its data, and Content-Type the type of that."
            )
        : values.Count > 1 ? CloudEventAttributes.Invalid($"ce-{Excerpt.Of(name)} is given {values.Count} times.")
        : TryDecode(values.ToString(), out var value) ? attributes.Add(name, value)
        : CloudEventAttributes.Invalid($"ce-{Excerpt.Of(name)} is not UTF-8 once decoded.");

    /// <summary>
    /// Decodes a header's value: a quoted string first, which older versions of the binding had, then percent-encoding.
    /// A percent sign without two hexadecimal digits stays. Returns false if the result is not UTF-8.
    /// </summary>
    static bool TryDecode(string text, [NotNullWhen(true)] out string? value)
    {
        value = text is ['"', .. var quoted, '"'] ? Unquoted(quoted) : text;
        if (!value.Contains('%', StringComparison.Ordinal))
            return true;
        var encoded = Encoding.UTF8.GetBytes(value);
        var decoded = new ArrayBufferWriter<byte>(encoded.Length);
        for (var i = 0; i < encoded.Length; i++)
        {
            var isEscape =
                encoded[i] == '%'
                && i + 2 < encoded.Length
                && char.IsAsciiHexDigit((char)encoded[i + 1])
                && char.IsAsciiHexDigit((char)encoded[i + 2]);
            decoded.Write([
                isEscape
                    ? byte.Parse(encoded.AsSpan(i + 1, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture)
                    : encoded[i],
            ]);
            i += isEscape ? 2 : 0;
        }
        value = Utf8.IsValid(decoded.WrittenSpan) ? Encoding.UTF8.GetString(decoded.WrittenSpan) : null;
        return value is not null;
    }

    /// <summary>Removes the backslashes of a quoted string.</summary>
    static string Unquoted(string quoted)
    {
        var text = new StringBuilder(quoted.Length);
        for (var i = 0; i < quoted.Length; i++)
        {
            if (quoted[i] == '\\' && i + 1 < quoted.Length)
                i++;
            text.Append(quoted[i]);
        }
        return text.ToString();
    }
}
