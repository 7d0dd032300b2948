using System.Globalization;
using System.Text.Json;
using LogHttp.Storage.Text;

namespace LogHttp.AspNetCore.Contract;

/// <summary>Describes invalid JSON in the words of JSON, with line and byte counted from 1.</summary>
internal static class JsonFault
{
    /// <summary>Describes a fault without the parser's own coordinates and options, which no client knows.</summary>
    /// <returns>Such as <c>line 2, byte 6: 'x' is an invalid start of a value.</c></returns>
    public static string Describe(JsonException exception)
    {
        var message = exception.Message;
        // The rest of the message is zero-based coordinates and the path of a .NET type.
        foreach (
            var end in (ReadOnlySpan<string>)
                [" LineNumber:", " Path:", " Change the reader options", ", when isFinalBlock is true"]
        )
        {
            if (message.IndexOf(end, StringComparison.Ordinal) is >= 0 and var at)
                message = message[..at];
        }
        if (message.StartsWith("Expected depth to be zero", StringComparison.Ordinal))
            message = "It ends too early: an object or array is not closed.";
        else if (message.StartsWith("The input does not contain any JSON tokens", StringComparison.Ordinal))
            message = "There is no JSON value.";
        else if (message.StartsWith("The maximum configured depth", StringComparison.Ordinal))
            message = "Objects and arrays are nested too deep.";
        return string.Create(
            CultureInfo.InvariantCulture,
            $"line {exception.LineNumber + 1 ?? 1}, byte {exception.BytePositionInLine + 1 ?? 1}: "
                + $"{Excerpt.OfSentence(message.TrimEnd('.'))}."
        );
    }
}
