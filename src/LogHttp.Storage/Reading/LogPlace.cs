using System.Globalization;
using LogHttp.Storage.Text;

namespace LogHttp.Storage.Reading;

/// <summary>
/// A place in a partition, in the one grammar used everywhere: <c>42</c>, <c>earliest</c>, <c>latest</c>, <c>-10</c>,
/// <c>@2026-11-22T10:00:00Z</c>, <c>@1795341600000</c> (api/PROTOCOL.md §3).
/// </summary>
public readonly record struct LogPlace
{
    enum Kind
    {
        Offset,
        Earliest,
        Latest,
        FromEnd,
        Time,
    }

    readonly Kind _kind;
    readonly long _number;

    LogPlace(Kind kind, long number) => (_kind, _number) = (kind, number);

    /// <summary>The earliest available record.</summary>
    public static LogPlace Earliest => new(Kind.Earliest, 0);

    /// <summary>The place after the last record: the next one to come.</summary>
    public static LogPlace Latest => new(Kind.Latest, 0);

    /// <summary>Returns the place of the record with this offset, or of the first one after it.</summary>
    public static LogPlace At(long offset)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        return new(Kind.Offset, offset);
    }

    /// <summary>
    /// Returns the place so many offsets before the end, or the earliest record: at most the last
    /// <paramref name="count"/> records.
    /// </summary>
    public static LogPlace FromEnd(long count)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        return new(Kind.FromEnd, count);
    }

    /// <summary>Returns the first place at which the log's times have reached this one, in Unix milliseconds.</summary>
    public static LogPlace AtTime(long timestampMs)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(timestampMs);
        return new(Kind.Time, timestampMs);
    }

    /// <summary>Whether it is one offset, for ever the same. All other places move with the log.</summary>
    public bool IsNumeric => _kind == Kind.Offset;

    /// <summary>The offset, or null if the place moves with the log.</summary>
    public long? Offset => IsNumeric ? _number : null;

    /// <summary>The time in Unix milliseconds, or null if the place is no time.</summary>
    internal long? TimeMs => _kind == Kind.Time ? _number : null;

    /// <summary>
    /// Reads a place. Allows no sign but the one minus, no white space (but see <see cref="TimeText"/>) and no empty
    /// text.
    /// </summary>
    public static bool TryParse(string? text, out LogPlace place)
    {
        place = text switch
        {
            "earliest" => Earliest,
            "latest" => Latest,
            _ => default,
        };
        if (text is "earliest" or "latest")
            return true;
        // TryParse accepts NULs at the end.
        if (text?.Contains('\0', StringComparison.Ordinal) ?? true)
            return false;
        if (text is ['@', .. var time])
        {
            var isTime =
                long.TryParse(time, NumberStyles.None, CultureInfo.InvariantCulture, out var timestampMs)
                || TimeText.TryParse(time, out timestampMs);
            // No record is older than 1970, so an earlier time means the same as 1970.
            place = isTime ? AtTime(Math.Max(0, timestampMs)) : default;
            return isTime;
        }
        var fromEnd = text is ['-', ..];
        if (
            !long.TryParse(
                fromEnd ? text.AsSpan(1) : text,
                NumberStyles.None,
                CultureInfo.InvariantCulture,
                out var number
            ) || (fromEnd && number == 0)
        )
            return false;
        place = new(fromEnd ? Kind.FromEnd : Kind.Offset, number);
        return true;
    }

    /// <summary>Does the same, and also reads a time before now, such as <c>@-1h</c>.</summary>
    /// <param name="text">The place.</param>
    /// <param name="clock">The clock that tells what time it is.</param>
    /// <param name="place">The place. A time before now is the time that it means now.</param>
    public static bool TryParse(string? text, TimeProvider clock, out LogPlace place)
    {
        ArgumentNullException.ThrowIfNull(clock);
        if (text is not ['@', '-', .. var ago])
            return TryParse(text, out place);
        var isDuration = DurationText.TryParse(ago, out var duration);
        place = isDuration
            ? AtTime(
                Math.Max(0, clock.GetUtcNow().ToUnixTimeMilliseconds() - duration.Ticks / TimeSpan.TicksPerMillisecond)
            )
            : default;
        return isDuration;
    }

    /// <summary>Returns the text that <see cref="TryParse(string?, out LogPlace)"/> reads.</summary>
    public override string ToString() =>
        _kind switch
        {
            Kind.Earliest => "earliest",
            Kind.Latest => "latest",
            Kind.FromEnd => string.Create(CultureInfo.InvariantCulture, $"-{_number}"),
            Kind.Time => string.Create(CultureInfo.InvariantCulture, $"@{_number}"),
            _ => _number.ToString(CultureInfo.InvariantCulture),
        };

    /// <summary>
    /// Returns the present offset of this place, which is no time. It is between <paramref name="earliest"/> and
    /// <paramref name="end"/> unless the place is a number.
    /// </summary>
    internal long Resolve(long earliest, long end) =>
        _kind switch
        {
            Kind.Earliest => earliest,
            Kind.Latest => end,
            Kind.FromEnd => Math.Max(earliest, end - _number),
            Kind.Time => throw new InvalidOperationException("Only the partition can resolve a time."),
            _ => _number,
        };
}
