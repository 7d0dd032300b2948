using System.Runtime.CompilerServices;
using System.Text.Unicode;

namespace LogHttp.Storage.Records;

// Adds lines of the common form many at a time.
public sealed partial class RecordBatch
{
    /// <summary>
    /// Adds records from the start of a text of lines, each of them one JSON value. Stops before the first line that is
    /// anything else, such as blank, wrong, or with white space around its value: <see cref="AddJson"/> decides about
    /// that one. Stops also where <see cref="HasRoom"/> ends, and before a last line without its line feed.
    /// </summary>
    /// <param name="lines">The text.</param>
    /// <param name="maxCount">The most records to add.</param>
    public AddedLines AddJsonLines(ReadOnlySpan<byte> lines, int maxCount = int.MaxValue)
    {
        if (!TakesPlain(ValueForm.Json, ref maxCount))
            return default;
        var scanner = new JsonScanner(lines, JsonText.MaxDepth);
        var (count, position) = (0, 0);
        while (count < maxCount && (uint)position < (uint)lines.Length && lines[position] > ' ' && HasRoom)
        {
            var end = scanner.FindEnd(position);
            if (end < 0 || !TrySkipLineEnd(lines, end, out var next))
                break;
            var value = lines[position..end];
            if (
                (scanner.HasWhiteSpace && value.ContainsAny((byte)'\n', (byte)'\r'))
                || !(scanner.IsAscii || Utf8.IsValid(value))
                || !TryAddPlain(RecordFields.Value, value, RecordFields.LineEnd)
            )
                break;
            (count, position) = (count + 1, next);
        }
        return new(count, position);
    }

    /// <summary>
    /// Adds records from the start of a text of lines, each of them a text without characters that JSON escapes. Stops
    /// before any other line, for <see cref="AddText"/>, and where <see cref="AddJsonLines"/> does.
    /// </summary>
    /// <param name="lines">The text.</param>
    /// <param name="maxCount">The most records to add.</param>
    public AddedLines AddTextLines(ReadOnlySpan<byte> lines, int maxCount = int.MaxValue)
    {
        if (!TakesPlain(ValueForm.Text, ref maxCount))
            return default;
        var (count, position) = (0, 0);
        while (count < maxCount && HasRoom)
        {
            var plainBytes = lines[position..].IndexOfAny(JsonText.NeedEscape);
            if (plainBytes < 0 || !TrySkipLineEnd(lines, position + plainBytes, out var next))
                break;
            var value = lines.Slice(position, plainBytes);
            if (!Utf8.IsValid(value) || !TryAddPlain(RecordFields.TextValue, value, RecordFields.TextEnd))
                break;
            (count, position) = (count + 1, next);
        }
        return new(count, position);
    }

    /// <summary>
    /// Whether a record of a value alone can be added. Lowers the most that can be, so that the producer's sequence
    /// stays in its range.
    /// </summary>
    bool TakesPlain(ValueForm form, ref int maxCount)
    {
        if (Producer is not null)
            maxCount = (int)Math.Clamp(ProducerStamp.MaxNumber - Producer.Sequence - Count + 1, 0, maxCount);
        return (_values == ValueForm.Auto || _values == form) && !HasExplicitStamps;
    }

    /// <summary>
    /// Adds a record of a value alone, while there is room for any record. Returns false if it is too large.
    /// </summary>
    /// <remarks>Inlined, because copies of a constant size take a few instructions.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    bool TryAddPlain(ReadOnlySpan<byte> before, ReadOnlySpan<byte> value, ReadOnlySpan<byte> after)
    {
        var tailBytes = before.Length + value.Length + after.Length;
        if (tailBytes + _stampBytes > _limits.MaxRecordBytes)
            return false;
        var tail = Reserve(tailBytes);
        before.CopyTo(tail);
        value.CopyTo(tail[before.Length..]);
        after.CopyTo(tail[(before.Length + value.Length)..]);
        _sizeBytes += tailBytes;
        Complete(tailBytes);
        return true;
    }

    /// <summary>Finds the start of the line behind content that ends here. Returns false without a line end.</summary>
    static bool TrySkipLineEnd(ReadOnlySpan<byte> lines, int end, out int next)
    {
        next = end + 1;
        if ((uint)end < (uint)lines.Length && lines[end] == '\r')
            end = next++;
        return (uint)end < (uint)lines.Length && lines[end] == '\n';
    }
}

/// <summary>Lines that were added to a batch.</summary>
/// <param name="Count">The number of lines.</param>
/// <param name="SizeBytes">Their bytes, with their ends.</param>
public readonly record struct AddedLines(int Count, int SizeBytes);
