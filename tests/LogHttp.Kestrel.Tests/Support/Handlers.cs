using System.Globalization;
using System.Text;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace LogHttp.Kestrel.Tests.Support;

internal static class Handlers
{
    internal static Task SendRegionAsync(
        this HttpContext context,
        FileStream file,
        long position,
        long lengthBytes,
        CancellationToken cancellationToken = default
    ) => context.Features.Get<IHttpSendFileFeature>()!.SendFileAsync(file, position, lengthBytes, cancellationToken);

    /// <summary>Sends one region with its Content-Length. The file is open as long as the region is sent.</summary>
    internal static RequestDelegate Region(TempFile file, long position, long lengthBytes) =>
        async context =>
        {
            await using var stream = file.Open();
            context.Response.ContentLength = lengthBytes;
            await context.SendRegionAsync(stream, position, lengthBytes);
        };

    /// <summary>
    /// Sends the regions of <c>?r=position-length,…</c>, with a Content-Length, or in chunks framed by hand
    /// (<c>&amp;chunked</c>).
    /// </summary>
    internal static RequestDelegate RegionsOfQuery(TempFile file) =>
        async context =>
        {
            await using var stream = file.Open();
            var regions = ParseRegions(context.Request.Query["r"]!);
            var chunked = context.Request.Query.ContainsKey("chunked");
            if (chunked)
                context.Response.Headers.TransferEncoding = "chunked";
            else
                context.Response.ContentLength = regions.Sum(region => region.Length);
            foreach (var (position, length) in regions.Where(region => region.Length > 0))
            {
                if (chunked)
                    await context.Response.BodyWriter.WriteAsync(Encoding.ASCII.GetBytes($"{length:x}\r\n"));
                await context.SendRegionAsync(stream, position, length);
                if (chunked)
                    await context.Response.BodyWriter.WriteAsync("\r\n"u8.ToArray());
            }

            if (chunked)
                await context.Response.BodyWriter.WriteAsync("0\r\n\r\n"u8.ToArray());
        };

    internal static (int Position, int Length)[] ParseRegions(string query) =>
        [
            .. query
                .Split(',')
                .Select(region => region.Split('-'))
                .Select(parts =>
                    (
                        int.Parse(parts[0], CultureInfo.InvariantCulture),
                        int.Parse(parts[1], CultureInfo.InvariantCulture)
                    )
                ),
        ];

    /// <summary>Configures small socket buffers, so that a stopped reader takes effect soon.</summary>
    internal static Action<ListenOptions> SmallBuffers(SendFileOptions? options = null) =>
        endpoint =>
        {
            endpoint.Use(next =>
                connection =>
                {
                    connection.Features.Get<IConnectionSocketFeature>()!.Socket.SendBufferSize = 64 * 1024;
                    return next(connection);
                }
            );
            endpoint.UseSendFile(options);
        };
}
