using System.Diagnostics;
using System.Globalization;
using System.Net;
using LogHttp.Testing;

namespace LogHttp.Benchmarks.Peers;

/// <summary>
/// Starts each server: alone on loopback, its files in the bench's own directory, its settings given in full.
/// </summary>
static class PeerStarts
{
    /// <summary>Starts this build of LogHttp.</summary>
    public static Task<(PeerProcess Process, IPEndPoint Address)> LogHttpAsync(
        string work,
        string name,
        params (string Name, string Value)[] settings
    ) =>
        LogHttpAsync(
            work,
            name,
            Path.Combine(RepositoryRoot.Path, "src/LogHttp.Server/bin/Release/net10.0/LogHttp.Server.dll"),
            settings
        );

    /// <summary>Starts a build of LogHttp, by the path of its LogHttp.Server.dll.</summary>
    public static async Task<(PeerProcess Process, IPEndPoint Address)> LogHttpAsync(
        string work,
        string name,
        string program,
        params (string Name, string Value)[] settings
    )
    {
        var start = Dotnet(program, "--urls", "http://127.0.0.1:0");
        start.WorkingDirectory = work;
        start.Environment["LogHttp__DataDirectory"] = Path.Combine(work, name);
        foreach (var (setting, value) in settings)
            start.Environment[$"LogHttp__{setting}"] = value;
        var (process, line) = await PeerProcess.StartAsync(start, "Now listening on: http");
        return (process, AddressIn(line));
    }

    public static async Task<(PeerProcess Process, IPEndPoint Kestrel, IPEndPoint Bare)> ReferenceAsync(
        string work,
        string file,
        bool throughOurWriter
    )
    {
        var start = Dotnet(
            typeof(PeerStarts).Assembly.Location,
            "reference",
            file,
            Path.Combine(work, $"appended-{Guid.NewGuid():N}"),
            throughOurWriter ? "1" : "0"
        );
        // As the SDK sets it for web applications, including LogHttp.
        start.Environment["DOTNET_gcServer"] = "1";
        var (process, line) = await PeerProcess.StartAsync(start, "Now listening on: http");
        return (
            process,
            AddressIn(line),
            new IPEndPoint(IPAddress.Loopback, int.Parse(line.Split(' ')[^1], CultureInfo.InvariantCulture))
        );
    }

    /// <summary>Starts nginx, sending the files of a directory. Null if it is not installed.</summary>
    public static async Task<(PeerProcess Process, IPEndPoint Address)?> NginxAsync(string work, string directory)
    {
        if (PeerProcess.Find("nginx") is not { } program)
            return null;
        var (port, configuration) = (PeerProcess.FreePort(), Path.Combine(work, "nginx.conf"));
        await File.WriteAllTextAsync(
            configuration,
            $$"""
            daemon off;
            user root;
            worker_processes auto;
            pid {{work}}/nginx.pid;
            error_log {{work}}/nginx-error.log;
            events { worker_connections 4096; }
            http {
                access_log off;
                default_type application/x-ndjson;
                sendfile on;
                tcp_nodelay on;
                keepalive_requests 1000000000;
                open_file_cache max=100;
                client_body_temp_path {{work}}/nginx-body; proxy_temp_path {{work}}/nginx-proxy; fastcgi_temp_path {{work}}/nginx-fastcgi;
                uwsgi_temp_path {{work}}/nginx-uwsgi; scgi_temp_path {{work}}/nginx-scgi;
                server { listen 127.0.0.1:{{port}}; root {{directory}}; }
            }
            """
        );
        var start = new ProcessStartInfo(program, ["-c", configuration, "-e", Path.Combine(work, "nginx-error.log")]);
        return (await PeerProcess.StartAsync(start, port), new IPEndPoint(IPAddress.Loopback, port));
    }

    /// <summary>Starts Redis with its append-only file alone. Null if it is not installed.</summary>
    public static async Task<(PeerProcess Process, IPEndPoint Address)?> RedisAsync(string work, string appendSync)
    {
        if (PeerProcess.Find("redis-server") is not { } program)
            return null;
        var port = PeerProcess.FreePort();
        var directory = Directory.CreateDirectory(Path.Combine(work, $"redis-{appendSync}")).FullName;
        var start = new ProcessStartInfo(
            program,
            [
                "--port",
                port.ToString(CultureInfo.InvariantCulture),
                "--bind",
                "127.0.0.1",
                "--dir",
                directory,
                "--save",
                "",
                "--appendonly",
                "yes",
                "--appendfsync",
                appendSync,
                "--auto-aof-rewrite-percentage",
                "0",
            ]
        );
        return (await PeerProcess.StartAsync(start, port), new IPEndPoint(IPAddress.Loopback, port));
    }

    /// <summary>
    /// Starts NATS with JetStream. Null if it is not installed. <paramref name="syncAlways"/>: every message is synced
    /// before its ack.
    /// </summary>
    public static async Task<(PeerProcess Process, IPEndPoint Address)?> NatsAsync(string work, bool syncAlways)
    {
        if (PeerProcess.Find("nats-server") is not { } program)
            return null;
        var (port, configuration) = (PeerProcess.FreePort(), Path.Combine(work, $"nats-{syncAlways}.conf"));
        await File.WriteAllTextAsync(
            configuration,
            $$"""
            listen: 127.0.0.1:{{port}}
            jetstream { store_dir: "{{work}}/nats-{{syncAlways}}", max_file_store: 20G {{(
                syncAlways ? ", sync_interval: always" : ""
            )}} }
            """
        );
        return (
            await PeerProcess.StartAsync(new ProcessStartInfo(program, ["-c", configuration]), port),
            new IPEndPoint(IPAddress.Loopback, port)
        );
    }

    /// <summary>
    /// Starts the Durable Streams reference server, its streams in files. Null if its package is not installed
    /// (bench.sh durable-streams).
    /// </summary>
    public static async Task<(PeerProcess Process, IPEndPoint Address)?> DurableStreamsAsync(string work)
    {
        var directory = Path.Combine(RepositoryRoot.Path, "tests/durable-streams");
        if (PeerProcess.Find("node") is not { } program || !Directory.Exists(Path.Combine(directory, "node_modules")))
            return null;
        var port = PeerProcess.FreePort();
        var start = new ProcessStartInfo(
            program,
            [
                Path.Combine(directory, "serve.mjs"),
                port.ToString(CultureInfo.InvariantCulture),
                Path.Combine(work, "durable-streams"),
            ]
        );
        return (await PeerProcess.StartAsync(start, port), new IPEndPoint(IPAddress.Loopback, port));
    }

    static ProcessStartInfo Dotnet(params string[] arguments) =>
        new(
            Environment.ProcessPath is { } path && Path.GetFileNameWithoutExtension(path) == "dotnet" ? path : "dotnet",
            arguments
        );

    static IPEndPoint AddressIn(string line) =>
        IPEndPoint.Parse(line[(line.IndexOf("http://", StringComparison.Ordinal) + 7)..].Split(' ')[0].TrimEnd('/'));
}
