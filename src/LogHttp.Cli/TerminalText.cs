using System.Globalization;
using System.Text;

namespace LogHttp.Cli;

/// <summary>Makes text from a server or a file safe for a terminal.</summary>
internal static class TerminalText
{
    const int MaxChars = 4096;

    /// <summary>
    /// Escapes control characters, as in <c>\u001b</c>, and cuts the text after 4,096 characters. A control sequence
    /// could write to the clipboard, or hide the lines before it.
    /// </summary>
    public static string Escape(string text)
    {
        var isCut = text.Length > MaxChars;
        var escaped = new StringBuilder();
        foreach (var character in isCut ? text.AsSpan(0, MaxChars) : text)
        {
            // Format characters reorder text: U+202E shows the rest from right to left.
            if (
                char.IsControl(character)
                || CharUnicodeInfo.GetUnicodeCategory(character)
                    is UnicodeCategory.Format
                        or UnicodeCategory.LineSeparator
                        or UnicodeCategory.ParagraphSeparator
            )
                escaped.Append(CultureInfo.InvariantCulture, $"\\u{(int)character:x4}");
            else
                escaped.Append(character);
        }
        return isCut ? escaped.Append('…').ToString() : escaped.ToString();
    }
}
