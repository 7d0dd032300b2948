namespace LogHttp.AspNetCore.Settings;

/// <summary>
/// The name that a duration had when its value was a number. Configurations from then still work.
/// </summary>
/// <param name="name">The name.</param>
/// <param name="unit">The unit of the number, as durations have it: <c>s</c> or <c>ms</c>.</param>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class FormerNameAttribute(string name, string unit) : Attribute
{
    public string Name { get; } = name;

    public string Unit { get; } = unit;
}
