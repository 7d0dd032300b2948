using LogHttp.AspNetCore.Composition;
using LogHttp.Server.Documentation;

namespace LogHttp.Server.Hosting;

/// <summary>Runs the server from its start to its end.</summary>
internal static class ServerProgram
{
    /// <summary>Serves until the process is told to stop.</summary>
    /// <returns>The exit code.</returns>
    public static async Task<int> RunAsync(CommandLine commandLine)
    {
        try
        {
            // The settings file is read from the program's own folder, wherever it is started. It is not watched: a
            // watcher sees every write to a data directory below it, and cost a third of the append rate.
            var builder = WebApplication.CreateBuilder(
                new WebApplicationOptions
                {
                    Args = [.. commandLine.Configuration, "--hostBuilder:reloadConfigOnChange=false"],
                    ContentRootPath = AppContext.BaseDirectory,
                }
            );
            builder.AddLogging();
            builder.AddLogHttp();
            builder.AddServer();
            builder.UsePort(commandLine.Port);
            builder.Services.AddSwagger();

            // Disposed of also if it does not run, so that the log's last messages reach the console.
            await using var app = builder.Build();
            using var signals = new ProcessSignals(app.Lifetime, app.Logger);
            app.UseRequestPipeline();
            // Not MapLogHttp: the pipeline covers all paths, and MapLogHttp only its own.
            Routes.Map(app);
            app.MapRoot();
            await app.RunAsync();
            return 0;
        }
        catch (OperationCanceledException)
        {
            // The process was told to stop while it opened the log. After a kill with thousands of partitions that
            // takes seconds. Nothing was acknowledged yet.
            return 0;
        }
        catch (Exception exception)
        {
            return StartFailure.Report(exception);
        }
    }
}
