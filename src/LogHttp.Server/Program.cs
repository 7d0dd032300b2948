using LogHttp.Server.Hosting;

// This runs first, before an assembly of the web server is loaded. Each assembly takes two files, and the runtime ends
// a process that runs out of files.
if (HandleLimit.FindFault() is { } fault)
    return StartFailure.Report(fault);
StandardStreams.Protect();
return CommandLine.Read(args, Console.Out, Console.Error, out var commandLine)
    ?? await ServerProgram.RunAsync(commandLine);

/// <summary>The program, named for the tests that start it.</summary>
public partial class Program;
