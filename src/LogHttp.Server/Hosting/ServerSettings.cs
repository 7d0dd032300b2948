using System.Net;
using LogHttp.AspNetCore.Settings;

namespace LogHttp.Server.Hosting;

/// <summary>
/// The settings of the program: those of the log, and its own in the same section. README.md has the table.
/// </summary>
internal sealed class ServerSettings : LogHttpSettings
{
    /// <summary><c>text</c> for people, <c>json</c> for machines (one compact object a line).</summary>
    public string LogFormat { get; set; } = "text";

    /// <summary>Connections at once; more are closed as they come.</summary>
    public int MaxConnections { get; set; } = 15_000;

    /// <summary>The longest request line: method, URL, version. The longest key fits, percent-encoded.</summary>
    public int MaxRequestLineBytes { get; set; } = 64 << 10;

    /// <summary>All headers of a request together.</summary>
    public int MaxRequestHeadersBytes { get; set; } = 64 << 10;

    /// <summary>How many headers a request may have.</summary>
    public int MaxRequestHeaders { get; set; } = 100;

    /// <summary>How many requests a client may send a second, on average; 0: any number.</summary>
    public int MaxClientRequestsPerSecond { get; set; }

    /// <summary>How many it may send at once after a pause, where that is more.</summary>
    public int MaxClientBurst { get; set; }

    /// <summary>
    /// Addresses of proxies whose <c>X-Forwarded-For</c> says who the client is, split by semicolons.
    /// </summary>
    public string TrustedProxies { get; set; } = "";

    /// <summary>How long a request's headers may take to arrive.</summary>
    public int HeadersTimeoutSeconds { get; set; } = 30;

    /// <summary>How long a connection is kept that asks for nothing.</summary>
    public int KeepAliveTimeoutSeconds { get; set; } = 130;

    /// <summary>How long a reader may take no byte, while bytes wait for it, before it is dropped.</summary>
    public int StalledReaderSeconds { get; set; } = 30;

    /// <summary>
    /// How slowly a reader may take what waits for it, over <see cref="SlowReaderSeconds"/>; 0: at any pace.
    /// </summary>
    public int MinReaderBytesPerSecond { get; set; } = 50;

    /// <summary>How long bytes must have waited for a reader before its rate is judged.</summary>
    public int SlowReaderSeconds { get; set; } = 300;

    /// <summary>How much of such a page is read at a time: appends that are synced wait for no more of each.</summary>
    public int ColdReadBytes { get; set; } = 128 << 10;

    /// <summary>
    /// Names in <c>Host</c> to accept besides IP addresses, <c>localhost</c> and the machine's own, split by
    /// semicolons; <c>*.example.org</c> for all below one, <c>*</c> for any.
    /// </summary>
    public string AllowedHosts { get; set; } = "";

    /// <summary>Origins of other sites whose pages may read, split by semicolons, <c>*</c> for all.</summary>
    public string AllowedOrigins { get; set; } = "";

    /// <summary>
    /// Origins of other sites whose pages may read, append, change and delete, split by semicolons, <c>*</c> for all.
    /// </summary>
    public string AllowedWriteOrigins { get; set; } = "";

    /// <summary>
    /// What all connections together may have received that is not read yet; those that send more are closed.
    /// </summary>
    public long MaxUnreadBytes { get; set; }

    /// <summary>The most bytes that large heads and HTTP/2 streams of all requests hold. More are refused.</summary>
    public long MaxHeldHeadBytes { get; set; }

    /// <summary>Of these, the most that requests of one client hold.</summary>
    public long MaxClientHeldHeadBytes { get; set; }

    /// <summary>
    /// The most bytes that connections hold beside their requests: heads that are not complete, and HTTP/2 connections
    /// with the bodies and responses in them. A connection that needs more is closed.
    /// </summary>
    public long MaxConnectionBytes { get; set; }

    /// <summary>Of these, the most that connections of one client hold.</summary>
    public long MaxClientConnectionBytes { get; set; }

    /// <summary>How long a stop waits for requests under way; what was accepted is committed in any case.</summary>
    public int ShutdownTimeoutSeconds { get; set; } = 5;

    internal string[] AllowedHostList => field ??= Split(AllowedHosts);

    internal string[] AllowedOriginList => field ??= Split(AllowedOrigins);

    internal string[] AllowedWriteOriginList => field ??= Split(AllowedWriteOrigins);

    internal IPAddress[] TrustedProxyList =>
        field ??= [
            .. Split(TrustedProxies)
                .Select(static text => IPAddress.TryParse(text, out var address) ? address : IPAddress.None),
        ];

    /// <summary>
    /// The limit on open files that <see cref="MaxConnections"/> and <see cref="LogHttpSettings.MaxOpenSegments"/> had
    /// to be lowered for.
    /// </summary>
    internal long? HandleLimit { get; set; }

    /// <summary>
    /// The memory that the process may use, if <see cref="MaxConnections"/> had to be lowered for it. In bytes.
    /// </summary>
    internal long? ConnectionMemoryLimit { get; set; }

    /// <summary>The names of all settings.</summary>
    internal static IReadOnlyList<string> Names { get; } =
    [.. Of(typeof(ServerSettings)).Select(static property => property.Name)];

    /// <inheritdoc/>
    internal override string? Check()
    {
        if (base.Check() is { } common)
            return common;
        if (LogFormat is not ("text" or "json"))
            return $"LogFormat is \"{LogFormat}\"; it must be \"text\" or \"json\"";
        if (
            (
                CheckOrigins(nameof(AllowedOrigins), AllowedOriginList)
                ?? CheckOrigins(nameof(AllowedWriteOrigins), AllowedWriteOriginList)
            ) is
            { } fault
        )
            return fault;
        if (TrustedProxyList.Contains(IPAddress.None))
            return $"TrustedProxies is \"{TrustedProxies}\"; it must be IP addresses, ; between them";
        return Range(nameof(MaxUnreadBytes), MaxUnreadBytes, 1 << 20, 1L << 40)
            ?? Range(nameof(MaxHeldHeadBytes), MaxHeldHeadBytes, RequestHeads.MaxBytesOf(this), 1L << 40)
            ?? Range(nameof(MaxClientHeldHeadBytes), MaxClientHeldHeadBytes, RequestHeads.MaxBytesOf(this), 1L << 40)
            ?? Range(nameof(MaxConnectionBytes), MaxConnectionBytes, 1 << 20, 1L << 40)
            ?? Range(nameof(MaxClientConnectionBytes), MaxClientConnectionBytes, 1 << 18, 1L << 40)
            ?? Range(nameof(MaxConnections), MaxConnections, 1, 10_000_000)
            ?? Range(nameof(MaxRequestLineBytes), MaxRequestLineBytes, 1 << 10, 1 << 20)
            ?? Range(nameof(MaxRequestHeadersBytes), MaxRequestHeadersBytes, 1 << 10, 16 << 20)
            ?? Range(nameof(MaxRequestHeaders), MaxRequestHeaders, 10, 10_000)
            ?? Range(nameof(MaxClientRequestsPerSecond), MaxClientRequestsPerSecond, 0, 10_000_000)
            ?? Range(nameof(MaxClientBurst), MaxClientBurst, 0, 10_000_000)
            ?? Range(nameof(HeadersTimeoutSeconds), HeadersTimeoutSeconds, 1, 3600)
            ?? Range(nameof(KeepAliveTimeoutSeconds), KeepAliveTimeoutSeconds, 1, 86_400)
            ?? Range(nameof(StalledReaderSeconds), StalledReaderSeconds, 1, 86_400)
            ?? Range(nameof(MinReaderBytesPerSecond), MinReaderBytesPerSecond, 0, 1 << 30)
            ?? Range(nameof(SlowReaderSeconds), SlowReaderSeconds, 1, 86_400)
            ?? Range(nameof(ShutdownTimeoutSeconds), ShutdownTimeoutSeconds, 0, 3600)
            ?? Range(nameof(ColdReadBytes), ColdReadBytes, 4 << 10, 64 << 20);
    }

    static string? CheckOrigins(string name, string[] origins) =>
        origins.FirstOrDefault(static origin => origin != "*" && !IsOrigin(origin)) is { } other
            ? $"{name} has \"{other}\"; an origin is a scheme, a host and perhaps a port, such as "
                + $"https://example.org:8443"
            : null;

    static string[] Split(string list) =>
        list.Split(';', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);

    static bool IsOrigin(string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out var uri)
        && uri.GetLeftPart(UriPartial.Authority).Equals(text, StringComparison.OrdinalIgnoreCase);
}
