using System.Runtime.CompilerServices;

namespace LogHttp.Storage.Records;

/// <summary>
/// Writes heads one after the other. Most differ from the one before by one in the offset, and then its digits are
/// counted on as they stand.
/// </summary>
internal struct HeadWriter()
{
    [InlineArray(RecordFormat.MaxHeadBytes)]
    struct Text
    {
        byte _first;
    }

    Text _text;
    int _headBytes;
    int _digitsEnd;
    long _offset = -1;
    long _timestampMs = -1;

    /// <summary>As <see cref="RecordFields.WriteHead"/>.</summary>
    /// <param name="destination">Has room for <see cref="RecordFormat.MaxHeadBytes"/>.</param>
    /// <param name="offset">The record's.</param>
    /// <param name="timestampMs">The record's.</param>
    /// <param name="batchCount">0 where the line does not start a batch of two or more.</param>
    public int Write(Span<byte> destination, long offset, long timestampMs, int batchCount)
    {
        if (batchCount > 1)
            return RecordFields.WriteHead(destination, offset, timestampMs, batchCount);
        Span<byte> text = _text;
        var isNext = _headBytes > 0 && offset == _offset + 1 && timestampMs == _timestampMs;
        (_offset, _timestampMs) = (offset, timestampMs);
        if (!isNext || !TryCountOn(text[RecordFields.Offset.Length.._digitsEnd]))
        {
            _headBytes = RecordFields.WriteHead(text, offset, timestampMs, batchCount: 0);
            _digitsEnd = text.IndexOf((byte)',');
        }
        // All of it, whatever its length is: a copy of a size known beforehand is a few instructions.
        text.CopyTo(destination);
        return _headBytes;
    }

    /// <summary>False for nines alone: the next number is longer.</summary>
    static bool TryCountOn(Span<byte> digits)
    {
        for (var i = digits.Length - 1; i >= 0; i--)
        {
            if (digits[i] != '9')
            {
                digits[i]++;
                return true;
            }
            digits[i] = (byte)'0';
        }
        return false;
    }
}
