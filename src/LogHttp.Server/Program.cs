using LogHttp.Server.Hosting;

// First of all, and before an assembly of the web server is loaded: each takes two files, and a process that runs out
// of them is ended by the runtime.
if (HandleLimit.FindFault() is { } fault)
    return StartFailure.Report(fault);
StandardStreams.Protect();
return CommandLine.Read(args, Console.Out, Console.Error, out var commandLine)
    ?? await ServerProgram.RunAsync(commandLine);

/// <summary>The program, named for the tests that start it.</summary>
public partial class Program;
