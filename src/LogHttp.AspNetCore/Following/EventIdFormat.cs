using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;

namespace LogHttp.AspNetCore.Following;

/// <summary>
/// The id of an event: the position in every partition followed (api/PROTOCOL.md §10). Neighbouring partitions of a
/// topic share one entry, <c>orders/0-2/8f1d4c0a52b7e693:43.7.0</c>: a topic's name and id are in it once.
/// </summary>
/// <remarks>
/// With an entry for each partition, an event of 64 partitions and a name of 249 characters took 17 KB. For one thread.
/// </remarks>
internal sealed class EventIdFormat
{
    const int MaxNumberBytes = 20;

    readonly IReadOnlyList<FollowSource> _sources;

    // The number of neighbours in each entry, in the order of the sources.
    readonly int[] _entrySizes;

    public EventIdFormat(IReadOnlyList<FollowSource> sources)
    {
        _sources = sources;
        var sizes = new List<int>();
        for (var i = 0; i < sources.Count; i++)
        {
            if (
                i > 0
                && sources[i].Topic == sources[i - 1].Topic
                && sources[i].Partition == sources[i - 1].Partition + 1
            )
                sizes[^1]++;
            else
                sizes.Add(1);
        }
        _entrySizes = [.. sizes];
        for (int entry = 0, first = 0; entry < _entrySizes.Length; first += _entrySizes[entry++])
            MaxBytes +=
                sources[first].Topic.Length
                + sources[first].TopicId.Length
                + (3 + _entrySizes[entry]) * (MaxNumberBytes + 1);
    }

    /// <summary>The most bytes that <see cref="Write"/> writes.</summary>
    public int MaxBytes { get; }

    /// <summary>Writes the id of the position after all written records. Returns its length in bytes.</summary>
    public int Write(Span<byte> destination)
    {
        var written = 0;
        for (int entry = 0, first = 0; entry < _entrySizes.Length; entry++)
        {
            var size = _entrySizes[entry];
            if (entry > 0)
                destination[written++] = (byte)',';
            written += Encoding.ASCII.GetBytes(_sources[first].Topic, destination[written..]);
            destination[written++] = (byte)'/';
            WriteNumber(destination, ref written, _sources[first].Partition);
            if (size > 1)
            {
                destination[written++] = (byte)'-';
                WriteNumber(destination, ref written, _sources[first + size - 1].Partition);
            }
            destination[written++] = (byte)'/';
            written += Encoding.ASCII.GetBytes(_sources[first].TopicId, destination[written..]);
            var separator = (byte)':';
            for (var i = 0; i < size; i++)
            {
                destination[written++] = separator;
                separator = (byte)'.';
                WriteNumber(destination, ref written, _sources[first + i].NextOffset);
            }
            first += size;
        }
        return written;
    }

    /// <summary>Reads <c>0</c> or <c>0-63</c>.</summary>
    public static bool TryReadPartitions(string text, out int first, out int last)
    {
        var dash = text.IndexOf('-', StringComparison.Ordinal);
        last = 0;
        if (!TryReadNumber(dash < 0 ? text : text[..dash], out first))
            return false;
        if (dash >= 0)
            return TryReadNumber(text[(dash + 1)..], out last) && last > first;
        last = first;
        return true;

        static bool TryReadNumber(string digits, out int number) =>
            int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out number);
    }

    /// <summary>Reads <c>43.7.0</c>: exactly <paramref name="count"/> offsets.</summary>
    public static bool TryReadOffsets(string text, int count, [NotNullWhen(true)] out long[]? offsets)
    {
        offsets = null;
        // Counted first, so that nothing is allocated for a number that a client made up.
        if (text.AsSpan().Count('.') != count - 1)
            return false;
        var read = new long[count];
        var parts = text.Split('.');
        for (var i = 0; i < count; i++)
        {
            if (!long.TryParse(parts[i], NumberStyles.None, CultureInfo.InvariantCulture, out read[i]))
                return false;
        }
        offsets = read;
        return true;
    }

    static void WriteNumber(Span<byte> destination, ref int written, long number)
    {
        if (!Utf8Formatter.TryFormat(number, destination[written..], out var digits))
            throw new InvalidOperationException("The buffer for the event id is too small.");
        written += digits;
    }
}
