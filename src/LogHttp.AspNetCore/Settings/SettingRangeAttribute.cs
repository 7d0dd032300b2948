using System.Globalization;
using LogHttp.Storage.Text;

namespace LogHttp.AspNetCore.Settings;

/// <summary>The values that a setting may have: whole numbers, or durations as they are written.</summary>
/// <remarks>
/// Not <c>[Range]</c> with <c>[OptionsValidator]</c>: its messages lack the value, and it runs after the budgets were
/// derived from the settings, so it would report the consequences of a fault too.
/// </remarks>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class SettingRangeAttribute : Attribute
{
    readonly long _min;
    readonly long _max;
    readonly bool _isDuration;

    public SettingRangeAttribute(long min, long max) => (_min, _max) = (min, max);

    public SettingRangeAttribute(string min, string max)
    {
        _isDuration = DurationText.TryParse(min, out var from) & DurationText.TryParse(max, out var to);
        if (!_isDuration)
            throw new ArgumentException($"{min} and {max} must be durations.");
        (_min, _max) = (from.Ticks, to.Ticks);
    }

    /// <summary>Whether 0 is allowed too.</summary>
    public bool OrZero { get; init; }

    /// <summary>The bounds, in the type of the setting's values.</summary>
    public (object Min, object Max) Bounds => (ValueOf(_min), ValueOf(_max));

    public bool Allows(object value)
    {
        var number = value is TimeSpan time ? time.Ticks : Convert.ToInt64(value, CultureInfo.InvariantCulture);
        return (OrZero && number == 0) || (number >= _min && number <= _max);
    }

    /// <summary>Returns the range for people, such as <c>0, or 1s to 1h</c>.</summary>
    public override string ToString() =>
        $"{(OrZero ? "0, or " : "")}{SettingText.Of(ValueOf(_min))} to {SettingText.Of(ValueOf(_max))}";

    object ValueOf(long number) => _isDuration ? TimeSpan.FromTicks(number) : number;
}
