using System.Globalization;
using System.Text;

namespace LogHttp.Storage.Text;

/// <summary>
/// Shortens a client's text for a message. A packed body of 58 KB had a field name of 60 MB, and the response repeated
/// it.
/// </summary>
public static class Excerpt
{
    /// <summary>The longest text that is kept whole, in characters.</summary>
    public const int MaxLength = 100;

    /// <summary>
    /// The longest sentence that is kept whole, in characters. A JSON reader's sentence quotes everything after a wrong
    /// word.
    /// </summary>
    const int MaxSentenceLength = 200;

    /// <summary>Returns a short text as it is, and a long one as its first characters and its length.</summary>
    public static string Of(string? text) => Of(text, MaxLength);

    /// <summary>Does the same for a sentence that quotes a text.</summary>
    public static string OfSentence(string sentence) => Of(sentence, MaxSentenceLength);

    /// <summary>Does the same for UTF-8, and decodes no more than it keeps.</summary>
    public static string Of(ReadOnlySpan<byte> utf8)
    {
        // A UTF-16 character takes at most 3 bytes of UTF-8, and a pair of two takes 4.
        const int MaxDecodedBytes = 3 * (MaxLength + 2);
        var length = Encoding.UTF8.GetCharCount(utf8);
        var text = Encoding.UTF8.GetString(utf8[..Math.Min(utf8.Length, MaxDecodedBytes)]);
        return length <= MaxLength ? text : Cut(text, length, MaxLength);
    }

    static string Of(string? text, int maxLength) =>
        text is null ? ""
        : text.Length <= maxLength ? text
        : Cut(text, text.Length, maxLength);

    static string Cut(string text, int length, int maxLength)
    {
        var kept = char.IsHighSurrogate(text[maxLength - 1]) ? maxLength - 1 : maxLength;
        return string.Create(CultureInfo.InvariantCulture, $"{text.AsSpan(0, kept)}… ({length} characters)");
    }
}
