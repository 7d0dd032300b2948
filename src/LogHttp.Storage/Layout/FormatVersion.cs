using System.Text.Json;

namespace LogHttp.Storage.Layout;

/// <summary>
/// The `format` of a JSON file (api/FORMAT.md §7). It is read before all other fields: a newer format may have any
/// fields.
/// </summary>
internal static class FormatVersion
{
    /// <summary>The format that this server writes.</summary>
    public const int Current = 3;

    /// <summary>Reads the number.</summary>
    /// <exception cref="NotSupportedException">The format is newer.</exception>
    /// <exception cref="JsonException">
    /// The text is no JSON object with a format, or the number never was a format.
    /// </exception>
    public static int Read(ReadOnlySpan<byte> json, string file)
    {
        var reader = new Utf8JsonReader(json);
        reader.Read();
        if (reader.TokenType != JsonTokenType.StartObject)
            throw new JsonException("it holds no object");
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var isFormat = reader.ValueTextEquals("format"u8);
            reader.Read();
            if (!isFormat)
            {
                reader.Skip();
                continue;
            }
            if (reader.TokenType != JsonTokenType.Number || !reader.TryGetInt32(out var format) || format < 1)
                throw new JsonException("its format is no number from 1 on");
            return format <= Current
                ? format
                : throw new NotSupportedException(
                    $"{file} has format {format}; this server knows formats up to {Current}. Use the server that "
                        + "wrote it, or a newer one."
                );
        }
        throw new JsonException("it has no format");
    }
}
