using System.Globalization;
using LogHttp.Storage.Text;

namespace LogHttp.Storage;

/// <summary>
/// Decides when records are acknowledged. <c>always</c>: once they are durable. <c>os</c>: once the operating system
/// has them. Then a killed process loses nothing, but a power cut loses the records that were not written back yet. An
/// interval such as <c>100ms</c> or <c>5s</c>: as <c>os</c>, but a sync begins when the interval is over.
/// </summary>
/// <remarks>
/// An interval begins with the first record that is not synced. Records published during a sync wait for a new one. So
/// a power cut loses at most the records of one interval, and of the syncs before and after it.
/// </remarks>
public readonly record struct FlushPolicy
{
    /// <summary>The longest interval, one hour.</summary>
    public static readonly TimeSpan MaxInterval = TimeSpan.FromHours(1);

    /// <summary>Describes, for people, the texts that <see cref="TryParse"/> accepts.</summary>
    public const string Grammar =
        "it must be \"always\", \"os\", or a time from 1ms to 60m such as \"100ms\" or \"5s\"";

    readonly long _intervalTicks;

    FlushPolicy(long intervalTicks) => _intervalTicks = intervalTicks;

    /// <summary>Acknowledges durable records only. Readers see durable records only.</summary>
    public static FlushPolicy Always => default;

    /// <summary>Acknowledges written records, and leaves their sync to the operating system.</summary>
    public static FlushPolicy Os => new(-1);

    /// <summary>
    /// Acknowledges written records, and begins their sync when an interval is over. The interval is a whole number of
    /// milliseconds, from 1 to those of <see cref="MaxInterval"/>.
    /// </summary>
    public static FlushPolicy Every(TimeSpan interval)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(interval, TimeSpan.FromMilliseconds(1));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(interval, MaxInterval);
        return new(interval.Ticks / TimeSpan.TicksPerMillisecond * TimeSpan.TicksPerMillisecond);
    }

    /// <summary>Whether an acknowledgement waits for the disk.</summary>
    public bool IsAlways => _intervalTicks == 0;

    /// <summary>The interval, or null for <c>always</c> and <c>os</c>.</summary>
    public TimeSpan? Interval => _intervalTicks > 0 ? TimeSpan.FromTicks(_intervalTicks) : null;

    /// <summary>Reads <c>always</c>, <c>os</c>, or a whole number with <c>ms</c>, <c>s</c> or <c>m</c>.</summary>
    public static bool TryParse(string? text, out FlushPolicy policy)
    {
        policy = text == "os" ? Os : Always;
        if (text is null or "always" or "os")
            return text is not null;
        if (
            !DurationText.TryParse(text, out var interval)
            || interval < TimeSpan.FromMilliseconds(1)
            || interval > MaxInterval
        )
            return false;
        policy = Every(interval);
        return true;
    }

    /// <summary>Returns the text that <see cref="TryParse"/> reads.</summary>
    public override string ToString() =>
        _intervalTicks switch
        {
            0 => "always",
            < 0 => "os",
            _ => string.Create(CultureInfo.InvariantCulture, $"{_intervalTicks / TimeSpan.TicksPerMillisecond}ms"),
        };
}
