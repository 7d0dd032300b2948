using System.Globalization;
using System.Reflection;
using LogHttp.Storage.Text;

namespace LogHttp.AspNetCore.Settings;

/// <summary>
/// Reads settings from a section of the configuration. The framework's binder stops at the first fault, names types of
/// .NET in it, and takes <c>30</c> for 30 days.
/// </summary>
internal static class SettingReader
{
    /// <summary>Sets what the section has. Each fault is added to <see cref="LogHttpSettings.Faults"/>.</summary>
    public static void Read(LogHttpSettings settings, IConfiguration section)
    {
        var names = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        foreach (var property in LogHttpSettings.Of(settings.GetType()))
        {
            names.Add(property.Name);
            var given = section.GetSection(property.Name);
            var former = property.GetCustomAttribute<FormerNameAttribute>();
            var formerSection = former is null ? null : section.GetSection(former.Name);
            if (former is not null)
                names.Add(former.Name);
            if (formerSection is null || !formerSection.Exists())
                ReadValue(settings, property, given);
            else if (given.Exists())
                settings.Faults.Add(
                    $"{property.Name} and {former!.Name} are both set. They are one setting: use {property.Name}"
                );
            else
                ReadFormer(settings, property, former!, formerSection);
        }
        var unknown = section.GetChildren().Where(child => !names.Contains(child.Key)).ToArray();
        // The list once, and last: it is long.
        var all = LogHttpSettings.Of(settings.GetType()).Select(static property => property.Name);
        settings.Faults.AddRange(
            unknown.Select(child =>
                $"{child.Key} is not a setting" + (child == unknown[^1] ? $". Supported: {string.Join(", ", all)}" : "")
            )
        );
    }

    static void ReadValue(LogHttpSettings settings, PropertyInfo property, IConfigurationSection given)
    {
        if (!given.Exists())
            return;
        var range = property.GetCustomAttribute<SettingRangeAttribute>();
        var allowed =
            range?.ToString()
            ?? (
                property.PropertyType == typeof(bool) ? "true, false"
                : property.PropertyType == typeof(string) ? "one text"
                : "an array, or a text with ; between its parts"
            );
        var value = property.PropertyType == typeof(string[]) ? ReadList(given) : ReadOne(property, given);
        if (value is null)
            settings.Faults.Add($"{property.Name} is {TextOf(given)}. Allowed: {allowed}");
        else if (range?.Allows(value) == false)
            settings.Faults.Add($"{property.Name} is {SettingText.Of(value)}. Allowed: {allowed}");
        else
            Set(settings, property, value);
    }

    static void ReadFormer(
        LogHttpSettings settings,
        PropertyInfo property,
        FormerNameAttribute former,
        IConfigurationSection given
    )
    {
        var range = property.GetCustomAttribute<SettingRangeAttribute>()!;
        // A unit after the number, "5m", would make another one of the two: "5ms".
        if (
            given.Value is { } number
            && !number.AsSpan().ContainsAnyExceptInRange('0', '9')
            && DurationText.TryParse(number + former.Unit, out var duration)
            && range.Allows(duration)
        )
            Set(settings, property, duration);
        else
            settings.Faults.Add($"{former.Name} is {TextOf(given)}. Use {property.Name} instead. Allowed: {range}");
    }

    static void Set(LogHttpSettings settings, PropertyInfo property, object value) =>
        property.SetValue(
            settings,
            value is long ? Convert.ChangeType(value, property.PropertyType, CultureInfo.InvariantCulture) : value
        );

    /// <summary>Reads one value. Null if it is not of the setting's type.</summary>
    static object? ReadOne(PropertyInfo property, IConfigurationSection given)
    {
        var text = given.Value;
        if (text is null || property.PropertyType == typeof(string))
            return text;
        if (property.PropertyType == typeof(bool))
            return bool.TryParse(text, out var flag) ? flag : null;
        if (property.PropertyType == typeof(TimeSpan))
            return DurationText.TryParse(text, out var duration) ? duration : null;
        return long.TryParse(text, NumberStyles.Integer, CultureInfo.InvariantCulture, out var number) ? number : null;
    }

    /// <summary>
    /// Reads an array or a text. Null for both at once. One of them may be meant to replace the other, and a longer
    /// list would let more in.
    /// </summary>
    static string[]? ReadList(IConfigurationSection given)
    {
        var items = given.GetChildren().ToArray();
        if (items.Length > 0 && !string.IsNullOrEmpty(given.Value))
            return null;
        var texts = items.Length == 0 ? [given.Value] : Array.ConvertAll(items, static item => item.Value);
        return Array.Exists(texts, static text => text is null)
            ? null
            :
            [
                .. texts.SelectMany(static text =>
                    text!.Split(';', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
                ),
            ];
    }

    static string TextOf(IConfigurationSection given) =>
        given.Value is not { } text ? "a section"
        : given.GetChildren().Any() ? $"\"{text}\" and an array"
        : $"\"{text}\"";
}
