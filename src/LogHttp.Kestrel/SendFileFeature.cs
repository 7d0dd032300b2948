using System.IO.Pipelines;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace LogHttp.Kestrel;

/// <summary>
/// A request's <see cref="IHttpSendFileFeature"/>, and its response body. The body differs from the server's in
/// SendFileAsync only. An HTTP/1 connection has one for all its requests, which come one after the other.
/// </summary>
internal sealed class SendFileFeature : IHttpSendFileFeature, IHttpResponseBodyFeature
{
    private readonly SendFileConnection? _connection;
    private readonly SendFileServices _services;
    private HttpContext _context = null!;
    private IHttpResponseBodyFeature _inner = null!;

    private SendFileFeature(SendFileConnection? connection, SendFileServices services)
    {
        _connection = connection;
        _services = connection?.Services ?? services;
    }

    public Stream Stream => _inner.Stream;

    public PipeWriter Writer => _inner.Writer;

    public bool CopiesRegions =>
        _connection is null
        || HttpProtocol.IsHttp2(_context.Request.Protocol)
        || _context.Features[typeof(ITlsHandshakeFeature)] is not null;

    public IChunkSender? ChunkSender
    {
        get
        {
            // The server implements both features with one object. A wrapper of the body is another one.
            var response = (IHttpResponseFeature?)_context.Features[typeof(IHttpResponseFeature)];
            if (
                !SystemCalls.CanSendNow
                || CopiesRegions
                || !ReferenceEquals(_inner, response)
                || !ReferenceEquals(this, _context.Features[typeof(IHttpResponseBodyFeature)])
                || response is not { HasStarted: true }
                || response.Headers.TransferEncoding != "chunked"
            )
                return null;
            // As for regions: the server does not see these bytes, and would take the reader for a slow one.
            _connection!.HasSentRegions = true;
            ServerRate.TurnOff(_context);
            return _connection.Writer;
        }
    }

    public bool MayWaitForDisk => !SystemCalls.CanAskPageCache;

    internal static void AttachTo(HttpContext context, SendFileServices services)
    {
        // By type, because Get<T>, a generic method of an interface, took twice as long: 0.2 µs each.
        if (context.Features[typeof(IHttpResponseBodyFeature)] is not IHttpResponseBodyFeature inner)
            return;
        var connection = (SendFileConnection?)context.Features[typeof(SendFileConnection)];
        var feature =
            connection is null || HttpProtocol.IsHttp2(context.Request.Protocol)
                ? new SendFileFeature(connection, services)
                : connection.Feature ??= new SendFileFeature(connection, services);
        feature.Begin(context, inner);
        context.Features[typeof(IHttpSendFileFeature)] = feature;
        context.Features[typeof(IHttpResponseBodyFeature)] = feature;
    }

    private void Begin(HttpContext context, IHttpResponseBodyFeature inner)
    {
        _context = context;
        _inner = inner;
        if (_connection is null)
            return;
        _connection.Writer.BeginResponse((IHttpResponseFeature?)context.Features[typeof(IHttpResponseFeature)]);
        if (_connection.HasSentRegions)
            ServerRate.TurnOff(context);
    }

    public void DisableBuffering() => _inner.DisableBuffering();

    public Task StartAsync(CancellationToken cancellationToken = default) => _inner.StartAsync(cancellationToken);

    public Task CompleteAsync() => _inner.CompleteAsync();

    /// <summary>Serves <c>Response.SendFileAsync</c>, <c>Results.File</c> with a path, and static files.</summary>
    public async Task SendFileAsync(
        string path,
        long offset,
        long? count,
        CancellationToken cancellationToken = default
    )
    {
        cancellationToken.ThrowIfCancellationRequested();
        var file = new FileStream(
            path,
            FileMode.Open,
            FileAccess.Read,
            FileShare.ReadWrite | FileShare.Delete,
            bufferSize: 0,
            FileOptions.Asynchronous
        );
        await using (file.ConfigureAwait(false))
        {
            // Rejected before the response starts, as in the server's own implementation.
            var lengthBytes = RandomAccess.GetLength(file.SafeFileHandle);
            ArgumentOutOfRangeException.ThrowIfNegative(offset);
            ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, lengthBytes);
            var countBytes = count ?? lengthBytes - offset;
            ArgumentOutOfRangeException.ThrowIfNegative(countBytes, nameof(count));
            ArgumentOutOfRangeException.ThrowIfGreaterThan(countBytes, lengthBytes - offset, nameof(count));
            await SendRegionAsync(file, offset, countBytes, cancellationToken).ConfigureAwait(false);
        }
    }

    public Task SendFileAsync(
        FileStream file,
        long position,
        long lengthBytes,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(file);
        ArgumentOutOfRangeException.ThrowIfNegative(position);
        ArgumentOutOfRangeException.ThrowIfNegative(lengthBytes);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(lengthBytes, long.MaxValue - position);

        // Copying would work without it, but then a program would pass its tests without a socket and fail on one.
        if (!file.IsAsync)
            throw new ArgumentException(
                "The file must be opened with FileOptions.Asynchronous: the runtime's sendfile demands it.",
                nameof(file)
            );
        if (!file.CanRead)
            throw new ArgumentException("The file must be opened for reading.", nameof(file));
        return SendRegionAsync(file, position, lengthBytes, cancellationToken);
    }

    private async Task SendRegionAsync(
        FileStream file,
        long position,
        long lengthBytes,
        CancellationToken cancellationToken
    )
    {
        cancellationToken.ThrowIfCancellationRequested();

        // Middleware that wrapped the body after us (compression, a buffer) has to see every byte.
        var body = (IHttpResponseBodyFeature?)_context.Features[typeof(IHttpResponseBodyFeature)] ?? this;
        var writer = body.Writer;
        await body.StartAsync(cancellationToken).ConfigureAwait(false);
        // Not IsHead, which is true for "head" as well. The server does not treat "head" as HEAD, and waits for the
        // body.
        if (lengthBytes == 0 || _context.Request.Method == HttpMethods.Head)
            return;

        var copied = 0L;
        if (_connection is not null)
        {
            var transfer = new RegionTransfer(_context, _connection, writer, file);
            copied = await transfer.SendAsync(position, lengthBytes, cancellationToken).ConfigureAwait(false);
        }

        if (copied < lengthBytes)
            await RegionCopy
                .CopyAsync(
                    _context,
                    writer,
                    file,
                    position + copied,
                    lengthBytes - copied,
                    _services,
                    cancellationToken
                )
                .ConfigureAwait(false);
    }
}
