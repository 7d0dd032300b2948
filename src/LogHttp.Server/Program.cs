using LogHttp.Server.Documentation;
using LogHttp.Server.Endpoints;
using LogHttp.Server.Hosting;
using Microsoft.Extensions.Options;

try
{
    // The settings file is found beside the program wherever it is started. It is not watched: a watcher sees every
    // write to a data directory below it, and cost a third of the append rate.
    var builder = WebApplication.CreateBuilder(new WebApplicationOptions
    {
        Args = [.. args, "--hostBuilder:reloadConfigOnChange=false"],
        ContentRootPath = AppContext.BaseDirectory,
    });
    builder.AddLogging();
    builder.AddLogHttp();
    builder.AddServer();
    builder.Services.AddSwagger();

    var app = builder.Build();
    app.UseLogHttp();
    app.MapLogHttp();
    await app.RunAsync();
    return 0;
}
catch (OperationCanceledException)
{
    // Told to stop while it still opened its log, which takes seconds after a kill with thousands of partitions; nothing was promised to anybody yet.
    return 0;
}
catch (Exception exception) when (exception is OptionsValidationException or InvalidOperationException or IOException or NotSupportedException or FormatException)
{
    // What an operator can mend is said in a line; a stack would hide it.
    await Console.Error.WriteLineAsync($"LogHttp did not start: {exception.Message}");
    return 1;
}

/// <summary>The program, named for the tests that start it.</summary>
public partial class Program;
