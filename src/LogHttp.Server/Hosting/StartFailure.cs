using System.Net.Sockets;
using System.Reflection;
using Microsoft.Extensions.Options;

namespace LogHttp.Server.Hosting;

/// <summary>Reports on the standard error stream why the server does not run.</summary>
internal static class StartFailure
{
    const int ExitCode = 1;

    /// <summary>
    /// Reports a line for each fault that an operator can repair. Any other fault is a defect of the server, and is
    /// reported with its stack.
    /// </summary>
    public static int Report(Exception exception) =>
        Report(IsForOperator(exception) ? Text(exception) : $"this is a defect of the server. {exception}");

    public static int Report(string fault)
    {
        try
        {
            Console.Error.WriteLine($"LogHttp did not start: {fault}");
        }
        catch (IOException)
        {
            // The stream is closed, or on a full disk. The exit code still reports the failure.
        }
        return ExitCode;
    }

    static bool IsForOperator(Exception exception) =>
        exception
            is OptionsValidationException
                or InvalidOperationException
                or IOException
                or UnauthorizedAccessException
                or InvalidDataException
                or NotSupportedException
                or FormatException
                or SocketException
                or TargetInvocationException;

    /// <summary>The message, followed by that of the cause if the message alone does not say it.</summary>
    static string Text(Exception exception) =>
        exception switch
        {
            OptionsValidationException invalid => string.Join(
                $"{Environment.NewLine}  ",
                invalid.Failures.Prepend("settings are wrong.")
            ),
            InvalidDataException { InnerException: { } cause } => $"{exception.Message} {cause.Message}",
            SocketException { SocketErrorCode: SocketError.AccessDenied } =>
                "the process may not listen on that address (Permission denied). Ports below 1024 need a "
                    + "privilege: choose another with --port.",
            SocketException socket => $"the process can't listen on that address: {socket.Message}.",
            _ => exception.Message,
        };
}
