using System.Runtime.CompilerServices;

namespace LogHttp.Server.Tests.Threads;

/// <summary>
/// Lets this process receive as the program does. The runtime reads the variable before its first socket receives,
/// which may be a client's.
/// </summary>
static class InlineSockets
{
    [ModuleInitializer]
    internal static void Choose() =>
        Environment.SetEnvironmentVariable("DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS", "1");
}
