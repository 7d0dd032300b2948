using System.Text.Json;

namespace LogHttp.AspNetCore.Producing;

/// <summary>
/// The least size of the string at a reader's position, once decoded. Callers reject a too large string before they
/// copy it. A packed body of 58 KB had a key of 60 MB, and six of them ended a process with a small heap.
/// </summary>
internal static class JsonSizes
{
    /// <summary>The longest escape of one byte, as in <c>\u0061</c>.</summary>
    const int MaxEscapeBytes = 6;

    /// <summary>The fewest bytes of UTF-8 that a string has as text.</summary>
    public static int MinTextBytes(scoped ref Utf8JsonReader reader) =>
        reader.ValueIsEscaped ? reader.ValueSpan.Length / MaxEscapeBytes : reader.ValueSpan.Length;

    /// <summary>The fewest bytes that a string has as Base64, where two characters may be padding.</summary>
    public static int MinBase64Bytes(scoped ref Utf8JsonReader reader) => MinTextBytes(ref reader) / 4 * 3 - 2;
}
