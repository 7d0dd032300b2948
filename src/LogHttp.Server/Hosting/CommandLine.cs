using System.CommandLine;
using System.CommandLine.Help;
using System.Globalization;
using System.Reflection;
using LogHttp.AspNetCore.Settings;

namespace LogHttp.Server.Hosting;

/// <summary>What the command line asks for.</summary>
/// <param name="Port">The port to listen on, instead of the configured address's. Null to keep that one.</param>
/// <param name="Configuration">Arguments for the configuration, <c>--Section:Name=value</c> each.</param>
internal sealed record CommandLine(int? Port, string[] Configuration)
{
    /// <summary>The exit code for a command line that can't be read, as most programs have it.</summary>
    public const int UsageError = 2;

    const string Usage = """

        Settings:
          Every setting is an option or an environment variable too, and stands in appsettings.json:
            --LogHttp:MaxTopics=500            LogHttp__MaxTopics=500
          Durations are written 100ms, 30s, 5m, 1h, 7d or 0. Lists have ; between their parts.
          The settings, with their defaults (README.md says what they mean):
        {0}

        Signals:
          SIGTERM, SIGINT (Ctrl+C), SIGQUIT and SIGHUP stop the server cleanly: what was accepted is committed.

        Exit codes:
          0  It was stopped.      1  It did not start; standard error says why.      2  The command line is wrong.

        Examples:
          LogHttp.Server --data /var/lib/loghttp
          LogHttp.Server --urls http://0.0.0.0:8080 --LogHttp:Flush=100ms
          LogHttp.Server --urls http://unix:/run/loghttp.sock
        """;

    /// <summary>Sections and settings of the framework's that may be given as options.</summary>
    static readonly string[] ConfigurationRoots =
    [
        ServerSettings.Section,
        "Kestrel",
        "Logging",
        "Serilog",
        "hostBuilder",
        "environment",
        "contentRoot",
        "applicationName",
        "http_ports",
        "https_ports",
    ];

    static readonly Option<string?> Data = new("--data")
    {
        Description = "The data directory, ./data by default.",
        HelpName = "DIR",
    };

    static readonly Option<int?> PortOption = new("--port")
    {
        Description = "The port to listen on, 8080 by default. 0 takes a free one. The address stays as configured.",
        HelpName = "PORT",
        CustomParser = static result =>
        {
            var text = result.Tokens[0].Value;
            if (
                int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var port)
                && port <= ushort.MaxValue
            )
                return port;
            result.AddError($"--port is \"{text}\"; it must be a number from 0 to {ushort.MaxValue}.");
            return null;
        },
    };

    static readonly Option<string?> Urls = new("--urls")
    {
        Description = "The addresses to listen on, with ; between them. http://127.0.0.1:8080 by default.",
        HelpName = "URLS",
    };

    /// <summary>Reads the command line. Prints the usage, the version or the faults, if it has to.</summary>
    /// <returns>The exit code if the program has nothing more to do. Null if it is to run.</returns>
    public static int? Read(string[] args, TextWriter output, TextWriter error, out CommandLine commandLine)
    {
        commandLine = new(null, []);
        var root = new RootCommand("LogHttp: a durable log over HTTP.") { Data, PortOption, Urls };
        var versionOption = root.Options.OfType<VersionOption>().Single();
        root.TreatUnmatchedTokensAsErrors = false;
        // An argument that begins with @ is no file of arguments.
        var parsed = root.Parse(
            args,
            new ParserConfiguration { ResponseFileTokenReplacer = null, EnablePosixBundling = false }
        );
        if (parsed.Action is HelpAction)
        {
            // Of arguments of the configuration's, the usage says it better than the library.
            root.TreatUnmatchedTokensAsErrors = true;
            root.Parse(["--help"]).Invoke(new InvocationConfiguration { Output = output, Error = error });
            output.WriteLine(Usage.Replace("{0}", SettingsList(), StringComparison.Ordinal));
            return 0;
        }
        if (parsed.GetResult(versionOption) is not null)
        {
            output.WriteLine($"LogHttp {Version}");
            return 0;
        }
        var configuration = new List<string>();
        var fault = parsed.Errors.Count > 0 ? parsed.Errors[0].Message : null;
        foreach (
            var (option, value) in new[] { (Data.Name, parsed.GetValue(Data)), (Urls.Name, parsed.GetValue(Urls)) }
        )
        {
            // The library takes the next option for the value.
            if (fault is null && value?.StartsWith("--", StringComparison.Ordinal) == true)
                fault = $"{option} needs a value: {option} VALUE.";
        }
        fault ??= ReadConfiguration(parsed.UnmatchedTokens, configuration);
        if (fault is null && parsed.GetValue(PortOption) is not null && parsed.GetValue(Urls) is not null)
            fault = "--port and --urls both say where to listen. Use one of them.";
        if (fault is not null)
        {
            error.WriteLine($"LogHttp.Server: {fault}");
            error.WriteLine("LogHttp.Server --help shows the usage.");
            return UsageError;
        }
        if (parsed.GetValue(Data) is { } data)
            configuration.Add($"--{ServerSettings.Section}:{nameof(ServerSettings.DataDirectory)}={data}");
        if (parsed.GetValue(Urls) is { } urls)
            configuration.Add($"--urls={urls}");
        commandLine = new(parsed.GetValue(PortOption), [.. configuration]);
        return null;
    }

    /// <summary>The version of the program, as it was built.</summary>
    public static string Version { get; } =
        typeof(CommandLine).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion;

    static string SettingsList()
    {
        var defaults = new ServerSettings();
        return string.Join(
            '\n',
            typeof(ServerSettings)
                .GetProperties()
                .Select(property => $"    {property.Name, -32}{SettingText.Of(property.GetValue(defaults)!)}".TrimEnd())
        );
    }

    /// <summary>Takes <c>--Section:Name=value</c> and <c>--Section:Name value</c>. Reports other arguments.</summary>
    static string? ReadConfiguration(IReadOnlyList<string> tokens, List<string> configuration)
    {
        for (var i = 0; i < tokens.Count; i++)
        {
            var token = tokens[i];
            var name = token.Split('=', 2)[0];
            if (!token.StartsWith('-'))
                return $"Unexpected argument \"{token}\". Options begin with --.";
            if (
                !token.StartsWith("--", StringComparison.Ordinal)
                || !ConfigurationRoots.Contains(name[2..].Split(':', 2)[0], StringComparer.OrdinalIgnoreCase)
            )
                return $"Unknown option \"{name}\". Supported: --data, --port, --urls, --help, --version, and "
                    + "settings such as --LogHttp:MaxTopics=500.";
            if (token.Contains('=', StringComparison.Ordinal))
                configuration.Add(token);
            else if (i + 1 < tokens.Count && !tokens[i + 1].StartsWith("--", StringComparison.Ordinal))
                configuration.Add($"{token}={tokens[++i]}");
            else
                return $"{name} needs a value: {name}=VALUE.";
        }
        return null;
    }
}
