using System.Buffers;
using System.Net;
using LogHttp.AspNetCore.Limits;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace LogHttp.Server.Hosting;

/// <summary>
/// Bounds the memory that connections hold beside their requests, in total and for each client. Any thread.
/// </summary>
internal sealed class ConnectionBudget
{
    /// <summary>
    /// Bytes held for a byte of an unfinished HTTP/1 head: the URL is kept whole and as path or query.
    /// </summary>
    const int BytesPerHeadByte = 2 * sizeof(char);

    /// <summary>A name, a colon, and the end of the line.</summary>
    const int MinHeaderBytes = 4;

    readonly ClientBudget _budget;
    readonly HashSet<IPAddress> _trustedProxies;
    readonly int _maxHeadBytes;
    readonly int _maxHeaders;

    public ConnectionBudget(ServerSettings settings)
    {
        _budget = new ClientBudget(settings.MaxConnectionBytes, settings.MaxClientConnectionBytes);
        _trustedProxies = [.. settings.TrustedProxyList];
        _maxHeadBytes = settings.MaxRequestLineBytes + settings.MaxRequestHeadersBytes;
        _maxHeaders = settings.MaxRequestHeaders;
        UnfinishedHttp2HeadBytes = MaxHttp2HeadBytesOf(settings);
    }

    /// <summary>The most that one connection with an unfinished head counts. Over HTTP/2 it has blocks, too.</summary>
    public static long MaxBytesOf(ServerSettings settings) =>
        Math.Max(
            BytesPerHeadByte * ((long)settings.MaxRequestLineBytes + settings.MaxRequestHeadersBytes)
                + RequestHeads.BytesPerHeader * settings.MaxRequestHeaders,
            MaxHttp2HeadBytesOf(settings) + 2 * ConnectionMemory.Http2Bytes
        );

    /// <summary>The bytes counted for all connections.</summary>
    public long HeldBytes => _budget.HeldBytes;

    /// <summary>The most that an HTTP/2 head holds while more of it is to come.</summary>
    public long UnfinishedHttp2HeadBytes { get; }

    /// <summary>
    /// Counts the connections of an endpoint. Call it before any middleware that reads or writes their bytes.
    /// </summary>
    public static void Count(ListenOptions endpoint)
    {
        var budget = endpoint.ApplicationServices.GetRequiredService<ConnectionBudget>();
        endpoint.Use(next => connection => budget.RunAsync(connection, next));
    }

    /// <summary>The bytes that an unfinished HTTP/1 head holds. 0 for a small one, which is not counted.</summary>
    /// <param name="receivedBytes">The bytes of its complete lines.</param>
    public long HeldBytesOf(long receivedBytes)
    {
        receivedBytes = Math.Min(receivedBytes, _maxHeadBytes);
        if (receivedBytes * BytesPerHeadByte <= RequestHeads.SmallBytes)
            return 0;
        return receivedBytes * BytesPerHeadByte
            + RequestHeads.BytesPerHeader * Math.Min(_maxHeaders, receivedBytes / MinHeaderBytes);
    }

    /// <inheritdoc cref="ClientBudget.TryHold(int, ref long, long)"/>
    public bool TryHold(int bucket, ref long heldBytes, long neededBytes) =>
        _budget.TryHold(bucket, ref heldBytes, neededBytes);

    /// <summary>Kestrel decodes twice its limits before it rejects a head.</summary>
    static long MaxHttp2HeadBytesOf(ServerSettings settings) =>
        2L
        * (
            (long)sizeof(char) * settings.MaxRequestHeadersBytes
            + RequestHeads.BytesPerHeader * settings.MaxRequestHeaders
        );

    async Task RunAsync(ConnectionContext connection, ConnectionDelegate next)
    {
        using var memory = new ConnectionMemory(this, connection, BucketOf(connection.RemoteEndPoint));
        if (connection.Features.Get<IMemoryPoolFeature>()?.MemoryPool is BlockPool pool)
            connection.Features.Set<IMemoryPoolFeature>(pool.CreateCountedPool(memory));
        connection.Features.Set(memory);
        await next(new CountedConnection(connection, memory));
    }

    /// <summary>
    /// A trusted proxy's connections belong to many clients, so only the bound in total holds for them.
    /// </summary>
    int BucketOf(EndPoint? endpoint)
    {
        var address = (endpoint as IPEndPoint)?.Address;
        if (address is { IsIPv4MappedToIPv6: true })
            address = address.MapToIPv4();
        return address is not null && _trustedProxies.Contains(address)
            ? ClientBudget.NoBucket
            : ClientBudget.BucketOf(address);
    }
}

/// <summary>
/// Counts the memory that one connection holds beside its requests: a head that is not complete, and over HTTP/2 the
/// connection itself, unread bodies and unsent responses. The connection ends if the budget has no room. Any thread.
/// </summary>
/// <remarks>
/// Kestrel stores each header of an unfinished head. 2,000 connections with 120 KB of unfinished head each took 630 MB.
/// Over HTTP/2 each stream has a block for its unread body and one for its unsent response: 3.2 MB for 100 streams.
/// </remarks>
internal sealed class ConnectionMemory(ConnectionBudget budget, ConnectionContext connection, int bucket)
    : IBlockCounter,
        IDisposable
{
    /// <summary>An idle HTTP/2 connection takes 67 KiB: frame buffers, header tables and a queue.</summary>
    public const int Http2Bytes = 64 << 10;

    /// <summary>
    /// The most streams that Kestrel has for a connection: 100 that are open, 100 more whose requests have not ended
    /// after a reset, and 100 kept for reuse.
    /// </summary>
    const int MaxHttp2Streams = 300;

    /// <summary>Fewer free bytes than this are kept. They return to the budget together with later ones.</summary>
    const int SlackBytes = 64 << 10;

    readonly Lock _lock = new();
    long _receivedHeadBytes;
    long _unfinishedHeadBytes;
    long _blockBytes;
    long _heldBytes;
    bool _isHttp2;
    bool _hasEnded;
    Http1Body _body;

    /// <summary>
    /// Gives all bytes back. Some HTTP/2 connections that were aborted never end in Kestrel: their task waits for an
    /// output queue that is full. Nothing refers to them, so the collector finds them.
    /// </summary>
    ~ConnectionMemory() => End();

    /// <summary>The memory of the connection that a request came by. Null in tests without Kestrel.</summary>
    public static ConnectionMemory? Of(HttpContext context) =>
        (ConnectionMemory?)context.Features[typeof(ConnectionMemory)];

    /// <summary>
    /// Says that the head is complete. From here on <see cref="RequestHeads"/> counts it. Kestrel has consumed the
    /// head, and nothing behind it.
    /// </summary>
    public void BeginRequest(HttpContext context)
    {
        if (_isHttp2)
            return;
        ClearHead();
        _body = Http1Body.Of(context.Request.Headers);
    }

    /// <summary>Follows the bytes that Kestrel consumes of an HTTP/1 connection.</summary>
    /// <remarks>
    /// Kestrel stores trailers as it stores a head. It also reads the rest of a body after the request has ended. So
    /// the end of the request does not say that a head comes next.
    /// </remarks>
    public void FollowHttp1(in ReadOnlySequence<byte> bytes)
    {
        var headBytes = bytes.Length;
        if (!_body.HasEnded)
        {
            headBytes -= _body.Follow(bytes, out var trailerBytes);
            if (trailerBytes > 0)
                AddHeadBytes(trailerBytes);
            if (_body.HasEnded)
                ClearHead();
        }
        if (headBytes > 0)
            AddHeadBytes(headBytes);
    }

    /// <summary>Says that the received bytes belong to no head.</summary>
    public void ClearHead()
    {
        _receivedHeadBytes = 0;
        if (_unfinishedHeadBytes > 0)
            SetUnfinishedHead(0);
    }

    /// <summary>Adds complete lines of an HTTP/1 head.</summary>
    public void AddHeadBytes(long bytes)
    {
        _receivedHeadBytes += bytes;
        var unfinishedBytes = budget.HeldBytesOf(_receivedHeadBytes);
        if (unfinishedBytes != _unfinishedHeadBytes)
            SetUnfinishedHead(unfinishedBytes);
    }

    /// <summary>Says that the connection speaks HTTP/2.</summary>
    public void BeginHttp2()
    {
        lock (_lock)
        {
            _isHttp2 = true;
            Update();
        }
    }

    /// <summary>Says whether an HTTP/2 head continues in another frame, and how many trailers have ended.</summary>
    /// <remarks>
    /// Kestrel keeps decoded trailers with their stream, and nothing says how large they are: 15 bytes that refer to a
    /// header of 4,000 took 129 KB. So the largest head counts for each. A stream is kept for reuse after it has ended,
    /// so the count stays until the connection ends. More streams than Kestrel has for a connection do not count.
    /// </remarks>
    public void SetHttp2Heads(bool isUnfinished, long trailers)
    {
        var bytes = Math.Min(trailers, MaxHttp2Streams) * (budget.UnfinishedHttp2HeadBytes / 2);
        if (isUnfinished)
            bytes += budget.UnfinishedHttp2HeadBytes;
        if (bytes != _unfinishedHeadBytes)
            SetUnfinishedHead(bytes);
    }

    public void Take(int sizeBytes) => AddBlocks(sizeBytes);

    public void Release(int sizeBytes) => AddBlocks(-sizeBytes);

    /// <summary>Gives all bytes back. Later blocks are not counted.</summary>
    public void Dispose()
    {
        GC.SuppressFinalize(this);
        End();
    }

    void End()
    {
        lock (_lock)
        {
            _hasEnded = true;
            budget.TryHold(bucket, ref _heldBytes, 0);
        }
    }

    void AddBlocks(int sizeBytes)
    {
        Interlocked.Add(ref _blockBytes, sizeBytes);
        // Over HTTP/1, pages and MaxUnreadBytes count them.
        if (!Volatile.Read(ref _isHttp2))
            return;
        lock (_lock)
            Update();
    }

    void SetUnfinishedHead(long bytes)
    {
        lock (_lock)
        {
            _unfinishedHeadBytes = bytes;
            Update();
        }
    }

    void Update()
    {
        if (_hasEnded)
            return;
        var neededBytes = _unfinishedHeadBytes;
        if (_isHttp2)
            neededBytes += Http2Bytes + Volatile.Read(ref _blockBytes);
        // All cores share the totals, so a block that comes and goes does not touch them.
        if (neededBytes < _heldBytes && _heldBytes - neededBytes < SlackBytes && neededBytes > 0)
            return;
        if (budget.TryHold(bucket, ref _heldBytes, neededBytes))
            return;
        _hasEnded = true;
        budget.TryHold(bucket, ref _heldBytes, 0);
        // The caller may hold locks of Kestrel.
        ThreadPool.UnsafeQueueUserWorkItem(Abort, connection, preferLocal: false);
    }

    static void Abort(ConnectionContext connection) =>
        connection.Abort(
            new ConnectionAbortedException(
                $"The connections hold {nameof(ServerSettings.MaxConnectionBytes)}, or those of this client "
                    + $"{nameof(ServerSettings.MaxClientConnectionBytes)}."
            )
        );
}
