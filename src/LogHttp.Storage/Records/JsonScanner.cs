using System.Numerics;

namespace LogHttp.Storage.Records;

/// <summary>
/// Finds the ends of JSON values in a text, and checks them on the way. It gives no tokens, no position of a fault and
/// no message. In doubt, Utf8JsonReader decides and describes the fault. Vector instructions look at each byte of a
/// string once, 64 at a time, also for values that stand one behind the other.
/// </summary>
/// <param name="text">The text. It may hold invalid UTF-8, unless <see cref="IsAscii"/>.</param>
/// <param name="maxDepth">The deepest nesting, at most 64.</param>
internal ref struct JsonScanner(ReadOnlySpan<byte> text, int maxDepth)
{
    readonly ReadOnlySpan<byte> _text = text;
    TextWindow _window;
    int _windowEnd;

    /// <summary>Whether the last value is ASCII. Otherwise its strings may hold invalid UTF-8.</summary>
    public bool IsAscii { get; private set; }

    /// <summary>Whether there is white space between the last value's tokens.</summary>
    public bool HasWhiteSpace { get; private set; }

    /// <summary>
    /// Returns the end of the value that begins at a position, or -1 if no valid one does. A value's end is found
    /// without regard to what follows it. Positions only grow from call to call.
    /// </summary>
    public int FindEnd(int position)
    {
        // Locals, because the fields of a structure are kept in memory.
        var text = _text;
        var (window, windowEnd) = (_window, _windowEnd);
        // One bit for each level, the innermost lowest: whether it is an object.
        var (objects, depth, expectsName) = (0UL, 0, false);
        var (beyondAscii, hasWhiteSpace) = (0UL, false);
        while ((uint)position < (uint)text.Length)
        {
            var first = text[position];
            if (first <= ' ' && depth > 0)
            {
                position = SkipWhiteSpace(text, position);
                hasWhiteSpace = true;
                if ((uint)position >= (uint)text.Length)
                    return -1;
                first = text[position];
            }
            if (first == '"')
            {
                position++;
                while (true)
                {
                    if (position >= windowEnd)
                    {
                        if (position >= text.Length)
                            return -1;
                        window = TextWindow.Read(text, position);
                        windowEnd = position + TextWindow.Bytes;
                    }
                    var passed = position - windowEnd + TextWindow.Bytes;
                    var specials = window.Specials >> passed;
                    if (specials == 0)
                    {
                        beyondAscii |= window.BeyondAscii >> passed;
                        position = windowEnd;
                        continue;
                    }
                    var plainBytes = BitOperations.TrailingZeroCount(specials);
                    beyondAscii |= (window.BeyondAscii >> passed) & ((1UL << plainBytes) - 1);
                    position += plainBytes;
                    var special = text[position];
                    if (special == '"')
                        break;
                    // A control character, or an unknown escape.
                    if (special != '\\' || (position = SkipEscape(text, position)) < 0)
                        return -1;
                }
                position++;
                if (expectsName)
                {
                    if ((uint)position < (uint)text.Length && text[position] <= ' ')
                    {
                        position = SkipWhiteSpace(text, position);
                        hasWhiteSpace = true;
                    }
                    if ((uint)position >= (uint)text.Length || text[position] != ':')
                        return -1;
                    position++;
                    expectsName = false;
                    continue;
                }
            }
            else if (expectsName)
            {
                return -1;
            }
            else if (first is (byte)'{' or (byte)'[')
            {
                if (depth == maxDepth)
                    return -1;
                var isObject = first == '{';
                depth++;
                objects = (objects << 1) | (isObject ? 1UL : 0);
                position++;
                if ((uint)position < (uint)text.Length && text[position] <= ' ')
                {
                    position = SkipWhiteSpace(text, position);
                    hasWhiteSpace = true;
                }
                if ((uint)position >= (uint)text.Length)
                    return -1;
                if (text[position] != (isObject ? '}' : ']'))
                {
                    expectsName = isObject;
                    continue;
                }
            }
            else
            {
                position = SkipNumberOrWord(text, position);
                if (position < 0)
                    return -1;
            }
            // Behind a value: the ends of its objects and arrays, then a comma and the next value.
            while (depth > 0)
            {
                if ((uint)position >= (uint)text.Length)
                    return -1;
                var next = text[position];
                if (next <= ' ')
                {
                    position = SkipWhiteSpace(text, position);
                    hasWhiteSpace = true;
                    if ((uint)position >= (uint)text.Length)
                        return -1;
                    next = text[position];
                }
                position++;
                var isInObject = (objects & 1) != 0;
                if (next == ',')
                {
                    expectsName = isInObject;
                    break;
                }
                if (next != (isInObject ? '}' : ']'))
                    return -1;
                objects >>= 1;
                depth--;
            }
            if (depth == 0)
            {
                (_window, _windowEnd) = (window, windowEnd);
                IsAscii = beyondAscii == 0;
                HasWhiteSpace = hasWhiteSpace;
                return position;
            }
        }
        return -1;
    }

    static int SkipWhiteSpace(ReadOnlySpan<byte> text, int position)
    {
        while (
            (uint)position < (uint)text.Length && text[position] is (byte)' ' or (byte)'\n' or (byte)'\r' or (byte)'\t'
        )
            position++;
        return position;
    }

    /// <summary>Returns the position behind an escape, or -1 if there is none of that letter.</summary>
    static int SkipEscape(ReadOnlySpan<byte> text, int position)
    {
        const int HexDigits = 4;
        var escape = text[(position + 1)..];
        if (escape.IsEmpty)
            return -1;
        switch (escape[0])
        {
            case (byte)'"' or (byte)'\\' or (byte)'/' or (byte)'b' or (byte)'f' or (byte)'n' or (byte)'r' or (byte)'t':
                return position + 2;
            case (byte)'u' when escape.Length > HexDigits:
                foreach (var digit in escape.Slice(1, HexDigits))
                {
                    if (!char.IsAsciiHexDigit((char)digit))
                        return -1;
                }
                return position + 2 + HexDigits;
            default:
                return -1;
        }
    }

    /// <summary>Returns the position behind a number or a word, or -1 if none begins here.</summary>
    static int SkipNumberOrWord(ReadOnlySpan<byte> text, int position)
    {
        var rest = text[position..];
        switch (rest[0])
        {
            case (byte)'t':
                return rest.StartsWith("true"u8) ? position + 4 : -1;
            case (byte)'f':
                return rest.StartsWith("false"u8) ? position + 5 : -1;
            case (byte)'n':
                return rest.StartsWith("null"u8) ? position + 4 : -1;
            case (byte)'-':
                position++;
                break;
        }
        var end = SkipDigits(text, position);
        if (end == position || (text[position] == '0' && end > position + 1))
            return -1;
        if ((uint)end < (uint)text.Length && text[end] == '.')
        {
            var fraction = end + 1;
            end = SkipDigits(text, fraction);
            if (end == fraction)
                return -1;
        }
        if ((uint)end < (uint)text.Length && text[end] is (byte)'e' or (byte)'E')
        {
            var exponent = end + 1;
            if ((uint)exponent < (uint)text.Length && text[exponent] is (byte)'+' or (byte)'-')
                exponent++;
            end = SkipDigits(text, exponent);
            if (end == exponent)
                return -1;
        }
        return end;
    }

    static int SkipDigits(ReadOnlySpan<byte> text, int position)
    {
        while ((uint)position < (uint)text.Length && char.IsAsciiDigit((char)text[position]))
            position++;
        return position;
    }
}
