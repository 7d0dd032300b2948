using System.Globalization;
using LogHttp.Storage.Text;

namespace LogHttp.AspNetCore.Settings;

/// <summary>Values of settings as they are written.</summary>
internal static class SettingText
{
    public static string Of(object value) =>
        value switch
        {
            bool flag => flag ? "true" : "false",
            TimeSpan duration => DurationText.Format(duration),
            string[] list => string.Join(';', list),
            _ => Convert.ToString(value, CultureInfo.InvariantCulture)!,
        };
}
