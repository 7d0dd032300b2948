using Microsoft.Extensions.Options;

namespace LogHttp.Server.Hosting;

/// <summary>Refuses settings at the start, before anything is opened.</summary>
internal sealed class LogHttpSettingsValidator : IValidateOptions<LogHttpSettings>
{
    public ValidateOptionsResult Validate(string? name, LogHttpSettings options) =>
        options.Check() is { } fault
            ? ValidateOptionsResult.Fail($"The settings under \"{LogHttpSettings.Section}\" can't be used: {fault}.")
            : ValidateOptionsResult.Success;
}
