using System.Diagnostics.CodeAnalysis;
using System.Text.Json;

namespace LogHttp.AspNetCore.Producing;

/// <summary>Reads bytes from Base64 in JSON.</summary>
internal static class Base64Text
{
    /// <summary>Reads the Base64 string at a reader's position. Returns false for anything else.</summary>
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
            // Half of a surrogate pair, escaped. It is legal in JSON, and the reader throws instead of returning false.
            return false;
        }
    }
}
