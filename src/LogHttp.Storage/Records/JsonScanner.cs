using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace LogHttp.Storage.Records;

/// <summary>
/// Tells whether a text is exactly one JSON value. It gives no tokens, no position of a fault and no message. In doubt,
/// Utf8JsonReader decides and describes the fault. This class skips the content of strings by 16 bytes at a time. JSON
/// lines of 100 bytes took one and a half times the CPU with the reader alone (docs/PERFORMANCE.md).
/// </summary>
internal static class JsonScanner
{
    /// <summary>One bit for each level.</summary>
    const int MaxLevels = 64;

    /// <summary>
    /// Returns true only for one whole value, at most so deep, with or without white space around it. The text is valid
    /// UTF-8.
    /// </summary>
    public static bool IsOneValue(ReadOnlySpan<byte> json, int maxDepth)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(maxDepth, MaxLevels);
        // One bit for each level, the innermost lowest: whether it is an object.
        var (objects, depth, position) = (0UL, 0, 0);
        while (true)
        {
            SkipWhiteSpace(json, ref position);
            if (position == json.Length)
                return false;
            var first = json[position];
            if (first is (byte)'{' or (byte)'[')
            {
                if (depth == maxDepth)
                    return false;
                var isObject = first == '{';
                depth++;
                objects = (objects << 1) | (isObject ? 1UL : 0);
                position++;
                SkipWhiteSpace(json, ref position);
                if (position == json.Length)
                    return false;
                if (json[position] != (isObject ? '}' : ']'))
                {
                    if (isObject && !TrySkipName(json, ref position))
                        return false;
                    continue;
                }
            }
            else if (!TrySkipScalar(json, first, ref position))
            {
                return false;
            }
            // Behind a value: the ends of its objects and arrays, then a comma and the next value, or the end of the
            // text.
            while (true)
            {
                SkipWhiteSpace(json, ref position);
                if (depth == 0 || position == json.Length)
                    return depth == 0 && position == json.Length;
                var isInObject = (objects & 1) != 0;
                var next = json[position++];
                if (next == ',')
                {
                    if (isInObject && !TrySkipName(json, ref position))
                        return false;
                    break;
                }
                if (next != (isInObject ? '}' : ']'))
                    return false;
                objects >>= 1;
                depth--;
            }
        }
    }

    static void SkipWhiteSpace(ReadOnlySpan<byte> json, ref int position)
    {
        while (
            position < json.Length
            && json[position] <= ' '
            && json[position] is (byte)' ' or (byte)'\n' or (byte)'\r' or (byte)'\t'
        )
            position++;
    }

    /// <summary>Skips a name and its colon.</summary>
    static bool TrySkipName(ReadOnlySpan<byte> json, ref int position)
    {
        SkipWhiteSpace(json, ref position);
        if (position == json.Length || json[position] != '"' || !TrySkipString(json, ref position))
            return false;
        SkipWhiteSpace(json, ref position);
        return position < json.Length && json[position++] == ':';
    }

    static bool TrySkipScalar(ReadOnlySpan<byte> json, byte first, ref int position) =>
        first switch
        {
            (byte)'"' => TrySkipString(json, ref position),
            (byte)'t' => TrySkipWord(json, "true"u8, ref position),
            (byte)'f' => TrySkipWord(json, "false"u8, ref position),
            (byte)'n' => TrySkipWord(json, "null"u8, ref position),
            _ => TrySkipNumber(json, ref position),
        };

    static bool TrySkipWord(ReadOnlySpan<byte> json, ReadOnlySpan<byte> word, ref int position)
    {
        if (!json[position..].StartsWith(word))
            return false;
        position += word.Length;
        return true;
    }

    /// <summary>Skips a string from its opening quote on.</summary>
    static bool TrySkipString(ReadOnlySpan<byte> json, ref int position)
    {
        position++;
        while (true)
        {
            position = EndOfPlainText(json, position);
            if (position == json.Length)
                return false;
            switch (json[position])
            {
                case (byte)'"':
                    position++;
                    return true;
                case (byte)'\\' when TrySkipEscape(json, ref position):
                    break;
                default:
                    // A control character, or an unknown escape.
                    return false;
            }
        }
    }

    /// <summary>Returns the position of a string's next quote, escape or control character.</summary>
    static int EndOfPlainText(ReadOnlySpan<byte> json, int position)
    {
        ref var start = ref MemoryMarshal.GetReference(json);
        for (; position <= json.Length - Vector128<byte>.Count; position += Vector128<byte>.Count)
        {
            var bytes = Vector128.LoadUnsafe(ref start, (nuint)position);
            var ends =
                Vector128.Equals(bytes, Vector128.Create((byte)'"'))
                | Vector128.Equals(bytes, Vector128.Create((byte)'\\'))
                | Vector128.LessThan(bytes, Vector128.Create((byte)' '));
            if (ends != Vector128<byte>.Zero)
                return position + System.Numerics.BitOperations.TrailingZeroCount(ends.ExtractMostSignificantBits());
        }
        while (position < json.Length && json[position] is >= (byte)' ' and not ((byte)'"' or (byte)'\\'))
            position++;
        return position;
    }

    static bool TrySkipEscape(ReadOnlySpan<byte> json, ref int position)
    {
        const int HexDigits = 4;
        position++;
        if (position == json.Length)
            return false;
        switch (json[position++])
        {
            case (byte)'"' or (byte)'\\' or (byte)'/' or (byte)'b' or (byte)'f' or (byte)'n' or (byte)'r' or (byte)'t':
                return true;
            case (byte)'u' when json.Length - position >= HexDigits:
                for (var end = position + HexDigits; position < end; position++)
                {
                    if (!char.IsAsciiHexDigit((char)json[position]))
                        return false;
                }
                return true;
            default:
                return false;
        }
    }

    static bool TrySkipNumber(ReadOnlySpan<byte> json, ref int position)
    {
        if (json[position] == '-')
            position++;
        var whole = position;
        if (!TrySkipDigits(json, ref position) || (json[whole] == '0' && position > whole + 1))
            return false;
        if (position < json.Length && json[position] == '.')
        {
            position++;
            if (!TrySkipDigits(json, ref position))
                return false;
        }
        if (position < json.Length && json[position] is (byte)'e' or (byte)'E')
        {
            position++;
            if (position < json.Length && json[position] is (byte)'+' or (byte)'-')
                position++;
            return TrySkipDigits(json, ref position);
        }
        return true;
    }

    /// <summary>Skips one digit or more.</summary>
    static bool TrySkipDigits(ReadOnlySpan<byte> json, ref int position)
    {
        var start = position;
        while (position < json.Length && char.IsAsciiDigit((char)json[position]))
            position++;
        return position > start;
    }
}
