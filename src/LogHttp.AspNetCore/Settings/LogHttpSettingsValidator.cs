using Microsoft.Extensions.Options;

namespace LogHttp.AspNetCore.Settings;

/// <summary>Refuses settings at the start, before anything is opened.</summary>
internal sealed class LogHttpSettingsValidator<T> : IValidateOptions<T>
    where T : LogHttpSettings
{
    public ValidateOptionsResult Validate(string? name, T options) =>
        options.Check() is { } fault
            ? ValidateOptionsResult.Fail($"The settings under \"{LogHttpSettings.Section}\" can't be used: {fault}.")
            : ValidateOptionsResult.Success;
}
