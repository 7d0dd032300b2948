using System.Buffers;
using System.Buffers.Text;
using System.Text.Json;
using System.Text.Unicode;
using LogHttp.Storage.Text;

namespace LogHttp.Storage.Records;

/// <summary>JSON as it is embedded in a record line (api/FORMAT.md §1).</summary>
internal static class JsonText
{
    /// <summary>The deepest nesting. Embedding adds one level, and common readers stop at 64.</summary>
    public const int MaxDepth = 60;

    /// <summary>The bytes that a string can't have as they are.</summary>
    public static readonly SearchValues<byte> NeedEscape = SearchValues.Create([
        .. Enumerable.Range(0, 0x20).Select(value => (byte)value),
        (byte)'"',
        (byte)'\\',
    ]);

    static ReadOnlySpan<byte> ByteOrderMark => [0xEF, 0xBB, 0xBF];
    static ReadOnlySpan<byte> WhiteSpace => " \t\r\n"u8;

    /// <summary>Drops one leading byte order mark.</summary>
    public static ReadOnlySpan<byte> SkipByteOrderMark(ReadOnlySpan<byte> text) =>
        text.StartsWith(ByteOrderMark) ? text[ByteOrderMark.Length..] : text;

    // Most texts have no white space at either end. This test is faster than a search for it in a set.
    public static ReadOnlySpan<byte> Trim(ReadOnlySpan<byte> text) =>
        text is [> (byte)' ', .., > (byte)' '] ? text : text.Trim(WhiteSpace);

    /// <summary>Returns the fault of a JSON text, or null if it is one value that can be embedded.</summary>
    public static RecordFault? Validate(ReadOnlySpan<byte> json)
    {
        var scanner = new JsonScanner(json, MaxDepth);
        return scanner.FindEnd(0) == json.Length && (scanner.IsAscii || Utf8.IsValid(json)) ? null : FindFault(json);
    }

    /// <summary>Returns the fault of a JSON text that the scanner refuses.</summary>
    static RecordFault? FindFault(ReadOnlySpan<byte> json)
    {
        // Utf8JsonReader accepts invalid UTF-8 inside strings, so that is checked first.
        if (!Utf8.IsValid(json))
            return new(RecordFaultCode.InvalidUtf8, $"The value is not valid UTF-8 at byte {FirstInvalidUtf8(json)}.");
        if (json.IsEmpty)
            return new(RecordFaultCode.InvalidJson, "The value is empty; JSON was expected.");
        try
        {
            var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = MaxDepth });
            while (reader.Read()) { }
            return null;
        }
        catch (JsonException exception)
        {
            return new(RecordFaultCode.InvalidJson, Describe(exception));
        }
    }

    /// <summary>Whether a valid JSON string is a text. An escaped half of a surrogate pair is none.</summary>
    public static bool IsText(ReadOnlySpan<byte> json)
    {
        if (!json.Contains((byte)'\\'))
            return true;
        var reader = new Utf8JsonReader(json);
        reader.Read();
        try
        {
            return reader.GetString() is not null;
        }
        catch (InvalidOperationException)
        {
            return false;
        }
    }

    /// <summary>Returns the position of the first byte of invalid UTF-8.</summary>
    public static int FirstInvalidUtf8(ReadOnlySpan<byte> text)
    {
        var position = 0;
        while (
            position < text.Length
            && System.Text.Rune.DecodeFromUtf8(text[position..], out _, out var consumed) == OperationStatus.Done
        )
            position += consumed;
        return position;
    }

    /// <summary>Returns the most bytes that <see cref="WriteString"/> can need.</summary>
    public static int MaxStringBytes(int textBytes) => checked(6 * textBytes + 2);

    /// <summary>
    /// Returns the bytes that <see cref="WriteString"/> needs for a text. The most that it can need is six times a
    /// large text, and would be held as long as the text waits.
    /// </summary>
    public static int StringBytes(ReadOnlySpan<byte> text)
    {
        var sizeBytes = text.Length + 2;
        Span<byte> escape = stackalloc byte[6];
        for (var next = text.IndexOfAny(NeedEscape); next >= 0; next = text.IndexOfAny(NeedEscape))
        {
            sizeBytes = checked(sizeBytes + WriteEscape(text[next], escape) - 1);
            text = text[(next + 1)..];
        }
        return sizeBytes;
    }

    /// <summary>
    /// Writes valid UTF-8 as a JSON string, escaping only the characters that JSON demands. The framework's encoders
    /// also escape emoji and other supplementary characters, and then people can no longer grep for them.
    /// </summary>
    public static int WriteString(ReadOnlySpan<byte> text, Span<byte> destination)
    {
        var written = 0;
        destination[written++] = (byte)'"';
        while (!text.IsEmpty)
        {
            var plain = text.IndexOfAny(NeedEscape);
            if (plain < 0)
                plain = text.Length;
            text[..plain].CopyTo(destination[written..]);
            written += plain;
            if (plain == text.Length)
                break;
            written += WriteEscape(text[plain], destination[written..]);
            text = text[(plain + 1)..];
        }
        destination[written++] = (byte)'"';
        return written;
    }

    /// <summary>Returns the bytes that <see cref="WriteBase64"/> needs.</summary>
    public static int MaxBase64Bytes(int sizeBytes) => Base64.GetMaxEncodedToUtf8Length(sizeBytes) + 2;

    /// <summary>Writes bytes as a JSON string of standard Base64 with padding.</summary>
    public static int WriteBase64(ReadOnlySpan<byte> bytes, Span<byte> destination)
    {
        destination[0] = (byte)'"';
        Base64.EncodeToUtf8(bytes, destination[1..], out _, out var written);
        destination[written + 1] = (byte)'"';
        return written + 2;
    }

    static int WriteEscape(byte value, Span<byte> destination)
    {
        destination[0] = (byte)'\\';
        var letter = value switch
        {
            (byte)'"' => (byte)'"',
            (byte)'\\' => (byte)'\\',
            (byte)'\n' => (byte)'n',
            (byte)'\r' => (byte)'r',
            (byte)'\t' => (byte)'t',
            _ => (byte)0,
        };
        if (letter != 0)
        {
            destination[1] = letter;
            return 2;
        }
        "u00"u8.CopyTo(destination[1..]);
        destination[4] = (byte)('0' + (value >> 4));
        destination[5] = "0123456789abcdef"u8[value & 15];
        return 6;
    }

    static string Describe(JsonException exception)
    {
        // The reader's message ends with its own zero-based coordinates. Ours are one-based, and occur once.
        var message = exception.Message;
        var coordinates = message.IndexOf(" LineNumber:", StringComparison.Ordinal);
        if (coordinates >= 0)
            message = message[..coordinates];
        if (message.StartsWith("Expected depth to be zero", StringComparison.Ordinal))
            message = "It ends too early: an object or array is not closed.";
        var line = exception.LineNumber > 0 ? $"line {exception.LineNumber + 1}, " : "";
        return $"The value is not valid JSON at {line}byte {exception.BytePositionInLine + 1}: "
            + $"{Excerpt.OfSentence(message)}";
    }
}
