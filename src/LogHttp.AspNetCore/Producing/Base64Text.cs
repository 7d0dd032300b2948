using System.Diagnostics.CodeAnalysis;
using System.Text.Json;

namespace LogHttp.AspNetCore.Producing;

/// <summary>Bytes in JSON.</summary>
internal static class Base64Text
{
    /// <summary>Reads the string of Base64 that a reader stands at; false for anything else.</summary>
    public static bool TryRead(scoped ref Utf8JsonReader reader, [NotNullWhen(true)] out byte[]? bytes)
    {
        bytes = null;
        if (reader.TokenType != JsonTokenType.String)
            return false;
        try
        {
            return reader.TryGetBytesFromBase64(out bytes);
        }
        catch (InvalidOperationException)
        {
            // Half of a surrogate pair, escaped: legal in JSON, and the reader throws where it only had to say no.
            return false;
        }
    }
}
