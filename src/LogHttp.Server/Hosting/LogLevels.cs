using Serilog.Events;
using Serilog.Extensions.Logging;

namespace LogHttp.Server.Hosting;

/// <summary>
/// Chooses what the program logs: by <c>Logging:LogLevel</c>, as every ASP.NET Core app, and by
/// <c>Serilog:MinimumLevel</c>. The most specific category decides. If both name the same one, Serilog's section does.
/// </summary>
internal static class LogLevels
{
    const string Root = "Serilog:MinimumLevel";
    const string Default = $"{Root}:Default";
    const string Override = $"{Root}:Override";

    /// <summary>
    /// Off unless the configuration names it: without the hosting's own logger no request gets an Activity and a scope
    /// with its names. That is 800 bytes, which a request that waits would hold on to.
    /// </summary>
    const string RequestCategory = "Microsoft.AspNetCore.Hosting.Diagnostics";

    public static void AddLogLevels(this IServiceCollection services) =>
        services
            .AddOptions<LoggerFilterOptions>()
            .Configure<IConfiguration>(
                static (filters, configuration) =>
                {
                    // Of two rules for one category the last one counts. Those of Logging:LogLevel are there already.
                    filters.Rules.Insert(0, new LoggerFilterRule(null, RequestCategory, LogLevel.None, null));
                    foreach (var rule in SerilogRules(configuration))
                        filters.Rules.Add(rule);
                }
            );

    /// <summary>
    /// Returns the section of Serilog without the levels, which are filters already. Serilog would apply them to
    /// categories for which a more specific rule says otherwise.
    /// </summary>
    public static IConfiguration WithoutLevels(IConfiguration configuration) =>
        new ConfigurationBuilder()
            .AddInMemoryCollection(
                configuration.GetSection("Serilog").AsEnumerable().Where(static entry => !IsLevel(entry.Key))
            )
            .Build();

    static IEnumerable<LoggerFilterRule> SerilogRules(IConfiguration configuration)
    {
        foreach (var name in new[] { Root, Default })
        {
            if (configuration[name] is { Length: > 0 } level)
                yield return Rule(null, name, level);
        }
        foreach (var (category, level) in configuration.GetSection(Override).AsEnumerable(makePathsRelative: true))
        {
            if (!string.IsNullOrEmpty(level))
                yield return Rule(category, $"{Override}:{category}", level);
        }
    }

    static LoggerFilterRule Rule(string? category, string name, string text) =>
        Enum.TryParse<LogEventLevel>(text, ignoreCase: true, out var level) && Enum.IsDefined(level)
            ? new(null, category, LevelConvert.ToExtensionsLevel(level), null)
            : throw new InvalidOperationException(
                $"{name} is \"{text}\". Allowed: {string.Join(", ", Enum.GetNames<LogEventLevel>())}."
            );

    static bool IsLevel(string name) =>
        name.Equals(Root, StringComparison.OrdinalIgnoreCase)
        || name.Equals(Default, StringComparison.OrdinalIgnoreCase)
        || name.StartsWith(Override, StringComparison.OrdinalIgnoreCase);
}
