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

    /// <summary>
    /// Whether small requests that need no disk run on the threads that receive from sockets. It saves a third of their
    /// CPU time. <c>false</c> runs all requests on the thread pool.
    /// </summary>
    public bool InlineRequests { get; set; } = true;

    /// <summary>
    /// Whether sockets schedule inline. Only on Linux, because elsewhere a lookup can't tell cached bytes from others.
    /// </summary>
    internal bool SchedulesInline => InlineRequests && OperatingSystem.IsLinux();

    /// <summary>The most connections at once. More are closed as they come.</summary>
    [SettingRange(1, 10_000_000)]
    public int MaxConnections { get; set; } = 15_000;

    /// <summary>The longest request line: method, URL, version. The longest key fits, percent-encoded.</summary>
    [SettingRange(1 << 10, 1 << 20)]
    public int MaxRequestLineBytes { get; set; } = 64 << 10;

    /// <summary>All headers of a request together.</summary>
    [SettingRange(1 << 10, 16 << 20)]
    public int MaxRequestHeadersBytes { get; set; } = 64 << 10;

    /// <summary>How many headers a request may have.</summary>
    [SettingRange(10, 10_000)]
    public int MaxRequestHeaders { get; set; } = 100;

    /// <summary>How many requests a client may send a second, on average. 0: any number.</summary>
    [SettingRange(0, 10_000_000)]
    public int MaxClientRequestsPerSecond { get; set; }

    /// <summary>How many it may send at once after a pause, if that is more.</summary>
    [SettingRange(0, 10_000_000)]
    public int MaxClientBurst { get; set; }

    /// <summary>IP addresses of proxies whose <c>X-Forwarded-For</c> names the client.</summary>
    public string[] TrustedProxies { get; set; } = [];

    /// <summary>How long a request's headers may take to arrive, 1 s to 1 hour.</summary>
    [FormerName("HeadersTimeoutSeconds", "s")]
    [SettingRange("1s", "1h")]
    public TimeSpan HeadersTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>How long a connection without a request is kept, 1 s to 1 day.</summary>
    [FormerName("KeepAliveTimeoutSeconds", "s")]
    [SettingRange("1s", "1d")]
    public TimeSpan KeepAliveTimeout { get; set; } = TimeSpan.FromSeconds(130);

    /// <summary>
    /// How long a reader may take no byte, while bytes wait for it, before it is dropped. 1 s to 1 day.
    /// </summary>
    [FormerName("StalledReaderSeconds", "s")]
    [SettingRange("1s", "1d")]
    public TimeSpan StalledReaderTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// How slowly a reader may take what waits for it, over <see cref="SlowReaderWindow"/>. 0: at any pace.
    /// </summary>
    [SettingRange(0, 1 << 30)]
    public int MinReaderBytesPerSecond { get; set; } = 50;

    /// <summary>How long bytes must have waited for a reader before its rate is judged, 1 s to 1 day.</summary>
    [FormerName("SlowReaderSeconds", "s")]
    [SettingRange("1s", "1d")]
    public TimeSpan SlowReaderWindow { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>How much of a page outside the page cache is read at a time. Appends wait for that much.</summary>
    [SettingRange(4 << 10, 64 << 20)]
    public int ColdReadBytes { get; set; } = 128 << 10;

    /// <summary>
    /// Names in <c>Host</c> to accept besides IP addresses, <c>localhost</c> and the machine's own.
    /// <c>*.example.org</c> stands for all below one, <c>*</c> for any.
    /// </summary>
    public string[] AllowedHosts { get; set; } = [];

    /// <summary>Origins of other sites whose pages may read, <c>*</c> for all.</summary>
    public string[] AllowedOrigins { get; set; } = [];

    /// <summary>Origins of other sites whose pages may read, append, change and delete, <c>*</c> for all.</summary>
    public string[] AllowedWriteOrigins { get; set; } = [];

    /// <summary>
    /// The most bytes that all connections have received and not read yet. Those that send more are closed.
    /// </summary>
    [SettingRange(1 << 20, 1L << 40, OrZero = true)]
    public long MaxUnreadBytes { get; set; }

    /// <summary>The most bytes that large heads and HTTP/2 streams of all requests hold. More are refused.</summary>
    [SettingRange(1, 1L << 40, OrZero = true)]
    public long MaxHeldHeadBytes { get; set; }

    /// <summary>Of these, the most that requests of one client hold.</summary>
    [SettingRange(1, 1L << 40, OrZero = true)]
    public long MaxClientHeldHeadBytes { get; set; }

    /// <summary>
    /// The most bytes that connections hold beside their requests: heads that are not complete, and HTTP/2 connections
    /// with the bodies and responses in them. A connection that needs more is closed.
    /// </summary>
    [SettingRange(1 << 20, 1L << 40, OrZero = true)]
    public long MaxConnectionBytes { get; set; }

    /// <summary>Of these, the most that connections of one client hold.</summary>
    [SettingRange(1 << 18, 1L << 40, OrZero = true)]
    public long MaxClientConnectionBytes { get; set; }

    /// <summary>
    /// How long a stop waits for requests under way, up to 1 hour. Accepted records are committed in any case.
    /// </summary>
    [FormerName("ShutdownTimeoutSeconds", "s")]
    [SettingRange("0", "1h")]
    public TimeSpan ShutdownTimeout { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>The addresses in <see cref="TrustedProxies"/>.</summary>
    internal IPAddress[] TrustedProxyList =>
        field ??= [.. TrustedProxies.Where(IsAddress).Select(static text => IPAddress.Parse(text))];

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
    internal override IEnumerable<string> FindFaults()
    {
        var faults = base.FindFaults().ToList();
        if (LogFormat is not ("text" or "json"))
            faults.Add($"{nameof(LogFormat)} is \"{LogFormat}\". Allowed: text, json");
        faults.AddRange(FindFaults(nameof(AllowedOrigins), AllowedOrigins));
        faults.AddRange(FindFaults(nameof(AllowedWriteOrigins), AllowedWriteOrigins));
        faults.AddRange(
            TrustedProxies
                .Where(static text => !IsAddress(text))
                .Select(static text => $"{nameof(TrustedProxies)} has \"{text}\". Allowed: IP addresses")
        );
        var headBytes = RequestHeads.MaxBytesOf(this);
        const string Head = $"{nameof(MaxRequestLineBytes)} and {nameof(MaxRequestHeadersBytes)} as they are held";
        if (FindFault(nameof(MaxHeldHeadBytes), MaxHeldHeadBytes, headBytes, Head) is { } held)
            faults.Add(held);
        if (FindFault(nameof(MaxClientHeldHeadBytes), MaxClientHeldHeadBytes, headBytes, Head) is { } heldByClient)
            faults.Add(heldByClient);
        var connectionBytes = ConnectionBudget.MaxBytesOf(this);
        if (FindFault(nameof(MaxConnectionBytes), MaxConnectionBytes, connectionBytes, Head) is { } connections)
            faults.Add(connections);
        if (FindFault(nameof(MaxClientConnectionBytes), MaxClientConnectionBytes, connectionBytes, Head) is { } client)
            faults.Add(client);
        return faults;
    }

    static IEnumerable<string> FindFaults(string name, string[] origins) =>
        origins
            .Where(static origin => origin != "*" && !IsOrigin(origin))
            .Select(origin =>
                $"{name} has \"{origin}\". Allowed: * or origins, a scheme, a host and perhaps a port, such as "
                + "https://example.org:8443"
            );

    static bool IsAddress(string text) => IPAddress.TryParse(text, out _);

    static bool IsOrigin(string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out var uri)
        && uri.GetLeftPart(UriPartial.Authority).Equals(text, StringComparison.OrdinalIgnoreCase);
}
