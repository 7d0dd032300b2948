using System.Buffers;
using System.Globalization;
using LogHttp.AspNetCore.Contract;

namespace LogHttp.AspNetCore.Producing;

/// <summary>
/// Takes the elements of a JSON array one by one. It finds where an element ends by its strings and levels alone, so it
/// holds no more than one element. The batch checks that an element is valid JSON. For one thread.
/// </summary>
internal sealed class ArrayCutter : RecordCutter
{
    static readonly SearchValues<byte> Structure = SearchValues.Create("\"{}[]"u8);
    static readonly SearchValues<byte> ScalarEnds = SearchValues.Create(",] \t\r\n"u8);

    Problem? _fault;
    Place _place;
    int _markBytes;
    long _begun;

    // The position within an element. A scalar is a number, true, false or null.
    bool _isScalar;
    bool _isInString;
    bool _isEscaped;
    int _depth;

    /// <summary>The position of the next byte.</summary>
    enum Place
    {
        ByteOrderMark,
        BeforeArray,
        BehindBracket,
        BehindComma,
        InElement,
        BehindElement,
        BehindArray,
    }

    static ReadOnlySpan<byte> WhiteSpace => " \t\r\n"u8;

    public override Problem? Fault => _fault;

    public override Problem At(Problem problem, long number) => problem.AtElement(number);

    public override bool TryTake(ref ReadOnlySpan<byte> rest, out ReadOnlySpan<byte> record)
    {
        Forget();
        record = default;
        while (_fault is null && !rest.IsEmpty)
        {
            if (_place != Place.InElement)
            {
                Advance(ref rest);
                continue;
            }
            var end = FindEnd(rest);
            if (end < 0)
            {
                Carry(rest);
                rest = default;
                return false;
            }
            record = Complete(rest[..end]);
            rest = rest[end..];
            _place = Place.BehindElement;
            return true;
        }
        return false;
    }

    public override bool TryTakeLast(out ReadOnlySpan<byte> record)
    {
        Forget();
        record = default;
        _fault ??= _place switch
        {
            // A body of white space has no records.
            Place.BeforeArray or Place.BehindArray => null,
            Place.ByteOrderMark when _markBytes == 0 => null,
            Place.ByteOrderMark => Invalid("The body ends within a byte order mark."),
            Place.InElement => Invalid("The body ends within it, so the array is not closed.").AtElement(_begun),
            _ => Invalid($"The array is not closed: the body ends behind {Count(_begun)}."),
        };
        return false;
    }

    /// <summary>Skips a byte order mark, white space, a bracket or a comma, or begins an element.</summary>
    void Advance(ref ReadOnlySpan<byte> rest)
    {
        if (_place == Place.ByteOrderMark)
        {
            SkipMark(ref rest);
            return;
        }
        rest = rest.TrimStart(WhiteSpace);
        if (rest.IsEmpty)
            return;
        var next = rest[0];
        switch (_place)
        {
            case Place.BeforeArray when next == '[':
                _place = Place.BehindBracket;
                break;
            case Place.BehindBracket or Place.BehindElement when next == ']':
                _place = Place.BehindArray;
                break;
            case Place.BehindElement when next == ',':
                _place = Place.BehindComma;
                break;
            case Place.BehindBracket or Place.BehindComma when MayBegin(next):
                Begin(next);
                return;
            default:
                _fault = FaultAt(next);
                return;
        }
        rest = rest[1..];
    }

    void SkipMark(ref ReadOnlySpan<byte> rest)
    {
        if (rest[0] != ByteOrderMark.Bytes[_markBytes])
        {
            if (_markBytes == 0)
                _place = Place.BeforeArray;
            else
                _fault = FaultAt(rest[0]);
            return;
        }
        rest = rest[1..];
        if (++_markBytes == ByteOrderMark.Bytes.Length)
            _place = Place.BeforeArray;
    }

    /// <summary>
    /// Whether an element may begin with a byte. The batch judges most of them. But it drops a byte order mark, which
    /// only a body may begin with.
    /// </summary>
    static bool MayBegin(byte first) => first is not ((byte)',' or (byte)']') && char.IsAscii((char)first);

    void Begin(byte first)
    {
        _begun++;
        _place = Place.InElement;
        _isScalar = first is not ((byte)'"' or (byte)'{' or (byte)'[');
        (_isInString, _isEscaped, _depth) = (false, false, 0);
    }

    /// <summary>Returns the end of the element in a piece, or -1 if the element continues in the next one.</summary>
    int FindEnd(ReadOnlySpan<byte> piece)
    {
        if (_isScalar)
            return piece.IndexOfAny(ScalarEnds);
        for (var position = 0; position < piece.Length; )
        {
            if (_isEscaped)
            {
                _isEscaped = false;
                position++;
                continue;
            }
            var rest = piece[position..];
            var step = _isInString ? rest.IndexOfAny((byte)'"', (byte)'\\') : rest.IndexOfAny(Structure);
            if (step < 0)
                return -1;
            switch (rest[step])
            {
                case (byte)'\\':
                    _isEscaped = true;
                    break;
                case (byte)'"':
                    _isInString = !_isInString;
                    break;
                case (byte)'{' or (byte)'[':
                    _depth++;
                    break;
                default:
                    _depth--;
                    break;
            }
            position += step + 1;
            if (_depth == 0 && !_isInString)
                return position;
        }
        return -1;
    }

    Problem FaultAt(byte next) =>
        _place switch
        {
            Place.ByteOrderMark or Place.BeforeArray => Invalid(
                $"The body is not a JSON array: it begins with {Name(next)}."
            ),
            Place.BehindArray => Invalid($"The array is followed by {Name(next)}. Nothing may follow it."),
            Place.BehindElement => Invalid($"It is followed by {Name(next)}. Expected: a comma or ].")
                .AtElement(_begun),
            _ => Invalid($"A value is expected, and not {Name(next)}.").AtElement(_begun + 1),
        };

    static string Name(byte value) =>
        value is > (byte)' ' and < 0x7F
            ? $"'{(char)value}'"
            : string.Create(CultureInfo.InvariantCulture, $"byte 0x{value:X2}");

    static string Count(long elements) =>
        elements == 0 ? "its bracket" : string.Create(CultureInfo.InvariantCulture, $"element {elements}");

    static Problem Invalid(string detail) => Problems.InvalidRequest(Problems.InvalidJson, detail);
}
