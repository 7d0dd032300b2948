using Microsoft.Extensions.Options;

namespace LogHttp.AspNetCore.Settings;

/// <summary>Refuses settings at the start, before anything is opened. Reports all faults at once.</summary>
internal sealed class LogHttpSettingsValidator<T> : IValidateOptions<T>
    where T : LogHttpSettings
{
    public ValidateOptionsResult Validate(string? name, T options)
    {
        string[] faults = [.. options.Faults, .. options.FindFaults()];
        return faults.Length == 0
            ? ValidateOptionsResult.Success
            : ValidateOptionsResult.Fail(faults.Select(static fault => $"{LogHttpSettings.Section}:{fault}"));
    }
}
