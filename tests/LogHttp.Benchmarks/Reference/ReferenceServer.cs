using System.Buffers;
using System.IO.Pipelines;
using System.Net;
using System.Text;
using System.Text.Json;
using LogHttp.Benchmarks.Load;
using LogHttp.Kestrel;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Win32.SafeHandles;

namespace LogHttp.Benchmarks.Reference;

/// <summary>
/// The references that LogHttp is compared with: the least that stock Kestrel can do for the same work, and a bare
/// socket on a port of its own. With <c>sendfile=1</c> the same endpoints respond through LogHttp.Kestrel's writer
/// instead.
/// </summary>
static class ReferenceServer
{
    static readonly byte[] Constant = Encoding.ASCII.GetBytes(new string('x', 1 << 20));

    public static async Task RunAsync(string file, string appendFile, bool throughOurWriter)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = null;
            kestrel.Limits.MinRequestBodyDataRate = null;
            kestrel.Listen(
                IPAddress.Loopback,
                0,
                endpoint =>
                {
                    if (throughOurWriter)
                        endpoint.UseSendFile();
                }
            );
        });
        await using var app = builder.Build();
        if (throughOurWriter)
            app.UseSendFile();
        using var appended = new AppendedFile(appendFile);
        app.MapGet(
            "/constant/{bytes:int}",
            static (HttpContext context, int bytes) => SendConstantAsync(context, bytes)
        );
        app.MapGet(
            "/file",
            (HttpContext context, long position, long length) =>
            {
                context.Response.ContentType = "application/x-ndjson";
                context.Response.ContentLength = length;
                return context.Response.SendFileAsync(file, position, length);
            }
        );
        app.MapGet("/json", static () => TypedResults.Json(Answer.Example, Answer.Options));
        app.MapGet(
            "/error",
            static () => TypedResults.Problem("The log has no topic of that name.", statusCode: 404, title: "Not Found")
        );
        app.MapPost("/empty", static async (HttpContext context) => await DrainAsync(context.Request.BodyReader));
        app.MapPost("/append", (HttpContext context) => AppendAsync(context, appended, isSynced: false));
        app.MapPost("/append-synced", (HttpContext context) => AppendAsync(context, appended, isSynced: true));
        app.MapPost("/truncate", () => appended.Truncate());
        using var bare = new BareFileServer(file);
        await app.StartAsync();
        Console.WriteLine($"Now listening on: {app.Urls.Single()} bare: {bare.Port}");
        await app.WaitForShutdownAsync();
    }

    sealed record Answer(string Topic, int Partition, long Offset, int Count, long Timestamp)
    {
        public static readonly Answer Example = new("orders", 0, 123_456_789, 1, 1_795_370_332_451);
        public static readonly JsonSerializerOptions Options = JsonSerializerOptions.Web;
    }

    static Task SendConstantAsync(HttpContext context, int bytes)
    {
        context.Response.ContentType = "application/x-ndjson";
        context.Response.ContentLength = bytes;
        return context.Response.Body.WriteAsync(Constant, 0, bytes);
    }

    static async Task DrainAsync(PipeReader body)
    {
        while (true)
        {
            var read = await body.ReadAsync();
            body.AdvanceTo(read.Buffer.End);
            if (read.IsCompleted)
                return;
        }
    }

    /// <summary>Appends the body unchanged and whole: the bodies of several connections do not mix.</summary>
    static async Task AppendAsync(HttpContext context, AppendedFile file, bool isSynced)
    {
        var bytes = ArrayPool<byte>.Shared.Rent((int)context.Request.ContentLength!.Value);
        var size = 0;
        while (true)
        {
            var read = await context.Request.BodyReader.ReadAsync();
            read.Buffer.CopyTo(bytes.AsSpan(size));
            size += (int)read.Buffer.Length;
            context.Request.BodyReader.AdvanceTo(read.Buffer.End);
            if (read.IsCompleted)
                break;
        }
        file.Append(bytes.AsSpan(0, size), isSynced);
        ArrayPool<byte>.Shared.Return(bytes);
    }

    sealed class AppendedFile(string path) : IDisposable
    {
        readonly SafeFileHandle _file = File.OpenHandle(path, FileMode.Create, FileAccess.ReadWrite);
        readonly Lock _gate = new();
        long _position;

        public void Append(ReadOnlySpan<byte> bytes, bool isSynced)
        {
            lock (_gate)
            {
                RandomAccess.Write(_file, bytes, _position);
                _position += bytes.Length;
                if (isSynced)
                    SystemCalls.SyncData(_file);
            }
        }

        public void Truncate()
        {
            lock (_gate)
            {
                _position = 0;
                RandomAccess.SetLength(_file, 0);
            }
        }

        public void Dispose() => _file.Dispose();
    }
}
