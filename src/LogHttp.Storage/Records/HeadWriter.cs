using System.Runtime.CompilerServices;

namespace LogHttp.Storage.Records;

/// <summary>
/// Writes heads one after the other. The offset of most heads is one more than that of the head before. Then it
/// increments the digits in place.
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

    /// <summary>Does the same as <see cref="RecordFields.WriteHead"/>.</summary>
    /// <param name="destination">Has room for <see cref="RecordFormat.MaxHeadBytes"/>.</param>
    /// <param name="offset">The record's offset.</param>
    /// <param name="timestampMs">The record's timestamp.</param>
    /// <param name="batchCount">
    /// The records of the batch, or 0 if the line does not start a batch of two or more.
    /// </param>
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
        // Copies the whole buffer, whatever the length: a copy of a constant size takes a few instructions.
        text.CopyTo(destination);
        return _headBytes;
    }

    /// <summary>Returns false if all digits are nines, because the next number is longer.</summary>
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
