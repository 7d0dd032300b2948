using LogHttp.AspNetCore.Limits;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Primitives;

namespace LogHttp.Server.Hosting;

/// <summary>
/// Bounds the memory of large request heads (request line and headers) and of HTTP/2 streams. The bounds hold in total
/// and for each client, from the start of a request to its end. Any thread.
/// </summary>
/// <remarks>
/// A head lives as long as its request, which can wait for minutes. 1,500 long polls with 120 KB of head each took 1.1
/// GB. Over HTTP/2 a header that HPACK refers to takes its full size in every request: 316 KB that were sent took 397
/// MB. One HTTP/2 connection has up to 100 requests, so small heads count as well.
/// </remarks>
internal sealed class RequestHeads(long maxBytes, long maxClientBytes)
{
    /// <summary>
    /// Over HTTP/1, smaller heads are not counted and never refused. Any waiting request takes about as much
    /// (docs/internals/CONNECTIONS.md).
    /// </summary>
    public const int SmallBytes = 16 << 10;

    /// <summary>The bytes of an HTTP/2 stream that waits for records: 9 KiB, measured without its head.</summary>
    public const int StreamBytes = 9 << 10;

    /// <summary>Larger heads leave no texts behind in an HTTP/2 connection.</summary>
    const int MaxKeptBytes = 4 << 10;

    /// <summary>
    /// Bytes held for a byte of the URL: its raw form, path or query, and decoded value, as UTF-16, and a key.
    /// </summary>
    const int BytesPerUrlByte = 8;

    const int BytesPerHeaderByte = sizeof(char);

    /// <summary>The bytes of a header besides its text: two strings, and an entry in a table.</summary>
    public const int BytesPerHeader = 100;

    [ThreadStatic]
    static KeyValuePair<string, StringValues>[]? CopiedHeaders;

    readonly ClientBudget _budget = new(maxBytes, maxClientBytes);

    public long HeldBytes => _budget.HeldBytes;

    /// <summary>The most that one head counts. Kestrel refuses larger ones.</summary>
    public static long MaxBytesOf(ServerSettings settings) =>
        (long)BytesPerUrlByte * settings.MaxRequestLineBytes
        + (long)BytesPerHeaderByte * settings.MaxRequestHeadersBytes
        + (long)BytesPerHeader * settings.MaxRequestHeaders;

    /// <summary>Counts a request's head until the request ends. Returns false if the budget has no room.</summary>
    public bool TryHold(HttpContext context)
    {
        var sizeBytes = SizeOf(context);
        var isHttp2 = HttpProtocol.IsHttp2(context.Request.Protocol);
        if (sizeBytes <= SmallBytes && !isHttp2)
            return true;
        var head = new HeldHead(_budget, context, keepsTexts: sizeBytes <= MaxKeptBytes);
        context.Response.RegisterForDispose(head);
        if (isHttp2)
            sizeBytes += StreamBytes;
        // A connection keeps the texts of its last request, in case the next one repeats them.
        else
            context.Response.Headers.Connection = "close";
        return head.TryHold(sizeBytes);
    }

    static long SizeOf(HttpContext context)
    {
        var request = (IHttpRequestFeature?)context.Features[typeof(IHttpRequestFeature)];
        var sizeBytes = (long)BytesPerUrlByte * request!.RawTarget.Length;
        // Copied, because an enumerator would be an object for each request.
        var (headers, count) = (request.Headers, request.Headers.Count);
        if (CopiedHeaders is not { } copied || copied.Length < count)
            CopiedHeaders = copied = new KeyValuePair<string, StringValues>[Math.Max(count, 128)];
        headers.CopyTo(copied, 0);
        foreach (var (name, values) in copied.AsSpan(0, count))
        {
            foreach (var value in values)
                sizeBytes += BytesPerHeader + BytesPerHeaderByte * (name.Length + (value?.Length ?? 0));
        }
        Array.Clear(copied, 0, count);
        return sizeBytes;
    }

    sealed class HeldHead(ClientBudget budget, HttpContext context, bool keepsTexts) : IDisposable
    {
        long _heldBytes;

        public bool TryHold(long sizeBytes) => budget.TryHold(context, ref _heldBytes, sizeBytes);

        public void Dispose()
        {
            budget.Release(context, ref _heldBytes);
            if (keepsTexts)
                return;
            // Over HTTP/2 the connection stays open, and keeps the texts of its last 100 requests. Clear() would leave
            // them there.
            var headers = context.Request.Headers;
            foreach (var name in headers.Keys)
                headers.Remove(name);
        }
    }
}
