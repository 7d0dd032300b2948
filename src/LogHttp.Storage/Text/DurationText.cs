using System.Globalization;

namespace LogHttp.Storage.Text;

/// <summary>Durations as people write them: a whole number and <c>ms</c>, <c>s</c> or <c>m</c>.</summary>
public static class DurationText
{
    /// <summary>Reads <c>100ms</c>, <c>30s</c>, <c>5m</c>.</summary>
    public static bool TryParse(string? text, out TimeSpan duration)
    {
        duration = default;
        var (unitMs, digits) = text switch
        {
            [.. var number, 'm', 's'] => (1, number),
            [.. var number, 's'] => (1_000, number),
            [.. var number, 'm'] => (60_000, number),
            _ => (0, ""),
        };
        // TryParse forgives NULs at the end.
        if (
            unitMs == 0
            || digits.AsSpan().ContainsAnyExceptInRange('0', '9')
            || !int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var count)
        )
            return false;
        duration = TimeSpan.FromMilliseconds((double)count * unitMs);
        return true;
    }
}
