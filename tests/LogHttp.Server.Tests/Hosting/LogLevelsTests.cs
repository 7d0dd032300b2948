using LogHttp.Server.Hosting;
using LogHttp.Testing;

namespace LogHttp.Server.Tests.Hosting;

public sealed class LogLevelsTests : IDisposable
{
    const string Framework = "Microsoft.AspNetCore.Routing";
    const string Requests = "Microsoft.AspNetCore.Hosting.Diagnostics";

    readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Theory]
    // As appsettings.json has it.
    [InlineData("LogHttp.Storage", LogLevel.Information)]
    [InlineData(Framework, LogLevel.Warning)]
    [InlineData("Microsoft.Extensions.Hosting.Internal.Host", LogLevel.Critical)]
    [InlineData(Requests, LogLevel.None)]
    // Logging:LogLevel, in both directions.
    [InlineData("LogHttp.Storage", LogLevel.Debug, "Logging:LogLevel:Default", "Debug")]
    [InlineData("LogHttp.Storage", LogLevel.Error, "Logging:LogLevel:LogHttp", "Error")]
    [InlineData("LogHttp.Storage", LogLevel.None, "Logging:LogLevel:Default", "None")]
    [InlineData(Framework, LogLevel.Warning, "Logging:LogLevel:Default", "Debug")]
    [InlineData(Framework, LogLevel.Trace, "Logging:LogLevel:Microsoft.AspNetCore", "Trace")]
    [InlineData(Requests, LogLevel.None, "Logging:LogLevel:Microsoft.AspNetCore", "Trace")]
    [InlineData(Requests, LogLevel.Information, $"Logging:LogLevel:{Requests}", "Information")]
    [InlineData("LogHttp.Storage", LogLevel.Debug, "Logging:Serilog:LogLevel:Default", "Debug")]
    // Serilog's own section.
    [InlineData("LogHttp.Storage", LogLevel.Debug, "Serilog:MinimumLevel", "Debug")]
    [InlineData("LogHttp.Storage", LogLevel.Trace, "Serilog:MinimumLevel:Default", "verbose")]
    [InlineData("LogHttp.Storage", LogLevel.Critical, "Serilog:MinimumLevel:Override:LogHttp", "Fatal")]
    [InlineData(Framework, LogLevel.Warning, "Serilog:MinimumLevel:Default", "Debug")]
    // Both.
    [InlineData(
        "LogHttp.Storage",
        LogLevel.Error,
        "Serilog:MinimumLevel:Override:LogHttp",
        "Error",
        "Logging:LogLevel:LogHttp",
        "Debug"
    )]
    [InlineData(
        "LogHttp.Storage",
        LogLevel.Debug,
        "Serilog:MinimumLevel:Default",
        "Error",
        "Logging:LogLevel:LogHttp",
        "Debug"
    )]
    public void Level_OfCategory_IsMostSpecific(string category, LogLevel least, params string[] configuration)
    {
        var builder = WebApplication.CreateBuilder(
            new WebApplicationOptions { ContentRootPath = AppContext.BaseDirectory }
        );
        builder.Configuration["LogHttp:DataDirectory"] = _directory.Path;
        foreach (var entry in configuration.Chunk(2))
            builder.Configuration[entry[0]] = entry[1];
        builder.AddLogging();
        builder.AddLogHttp();
        using var app = builder.Build();
        var logger = app.Services.GetRequiredService<ILoggerFactory>().CreateLogger(category);
        for (var level = LogLevel.Trace; level < LogLevel.None; level++)
            Assert.Equal(level >= least, logger.IsEnabled(level));
    }
}
