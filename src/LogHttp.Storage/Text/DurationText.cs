using System.Globalization;

namespace LogHttp.Storage.Text;

/// <summary>
/// Durations as people write them: a whole number and <c>ms</c>, <c>s</c>, <c>m</c>, <c>h</c> or <c>d</c>, or <c>0</c>.
/// </summary>
public static class DurationText
{
    static readonly (string Name, long Ticks)[] Units =
    [
        ("d", TimeSpan.TicksPerDay),
        ("h", TimeSpan.TicksPerHour),
        ("m", TimeSpan.TicksPerMinute),
        ("s", TimeSpan.TicksPerSecond),
        ("ms", TimeSpan.TicksPerMillisecond),
    ];

    /// <summary>Reads <c>100ms</c>, <c>30s</c>, <c>5m</c>, <c>1h</c>, <c>7d</c> or <c>0</c>.</summary>
    public static bool TryParse(string? text, out TimeSpan duration)
    {
        duration = default;
        if (text == "0")
            return true;
        var (unitTicks, digits) = text switch
        {
            [.. var number, 'm', 's'] => (TimeSpan.TicksPerMillisecond, number),
            [.. var number, 's'] => (TimeSpan.TicksPerSecond, number),
            [.. var number, 'm'] => (TimeSpan.TicksPerMinute, number),
            [.. var number, 'h'] => (TimeSpan.TicksPerHour, number),
            [.. var number, 'd'] => (TimeSpan.TicksPerDay, number),
            _ => (0L, ""),
        };
        // TryParse forgives NULs at the end.
        if (
            unitTicks == 0
            || digits.AsSpan().ContainsAnyExceptInRange('0', '9')
            || !long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var count)
            || count > long.MaxValue / unitTicks
        )
            return false;
        duration = TimeSpan.FromTicks(count * unitTicks);
        return true;
    }

    /// <summary>
    /// Writes a duration of whole milliseconds as <see cref="TryParse"/> reads it, in the largest unit.
    /// </summary>
    public static string Format(TimeSpan duration)
    {
        if (duration == TimeSpan.Zero)
            return "0";
        foreach (var (name, ticks) in Units)
        {
            if (duration.Ticks % ticks == 0)
                return string.Create(CultureInfo.InvariantCulture, $"{duration.Ticks / ticks}{name}");
        }
        return string.Create(CultureInfo.InvariantCulture, $"{duration.TotalMilliseconds}ms");
    }
}
