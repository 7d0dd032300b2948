using System.Reflection;
using LogHttp.AspNetCore.Contract;

namespace LogHttp.AspNetCore.Documentation;

/// <summary>The headers of responses. A header with several meanings has several keys.</summary>
internal static class Headers
{
    /// <summary>The offset of the first record. Without records, that of the place.</summary>
    /// <example>42</example>
    public const string FirstOffset = LogHeaders.FirstOffset;

    /// <summary>The offset to continue at.</summary>
    /// <example>45</example>
    public const string NextOffset = LogHeaders.NextOffset;

    /// <summary>The offset after the last visible record.</summary>
    /// <example>131</example>
    public const string EndOffset = LogHeaders.EndOffset;

    /// <summary>The earliest available offset.</summary>
    /// <example>0</example>
    public const string EarliestOffset = LogHeaders.EarliestOffset;

    /// <summary>The partition of the response, if all are searched for a key.</summary>
    /// <example>1</example>
    public const string Partition = LogHeaders.Partition;

    /// <summary>Distinguishes the topic from earlier and later ones of its name. Send it as `v`.</summary>
    /// <example>8f1d4c0a52b7e693</example>
    public const string TopicId = LogHeaders.TopicId;

    /// <summary>
    /// `rel="next"`: the URL to continue with, relative to the request's. A client that follows it gets every record
    /// once.
    /// </summary>
    /// <example>&lt;45?partition=0&amp;v=8f1d4c0a52b7e693&gt;; rel="next"</example>
    public const string Link = "Link";

    /// <summary>
    /// The URL of the new records or topic, relative to the request's. Not sent if records went to several partitions.
    /// </summary>
    /// <example>orders/42?partition=0</example>
    public const string Location = "Location";

    /// <summary>Caches store one response for each `Accept`.</summary>
    /// <example>Accept</example>
    public const string Vary = "Vary";

    /// <summary>If `retryable` is true: the number of seconds to wait before the same request may succeed.</summary>
    /// <example>1</example>
    public const string RetryAfter = "Retry-After";

    /// <summary>The supported codings. Sent if the `Content-Encoding` was not one of them.</summary>
    /// <example>gzip, br, zstd, deflate</example>
    public const string AcceptEncoding = "Accept-Encoding";

    /// <summary>The sequence of the producer's next record.</summary>
    /// <example>7</example>
    public const string ExpectedSequence = "Producer-Expected-Seq";

    /// <summary>The epoch that the producer continues with.</summary>
    /// <example>3</example>
    public const string Epoch = "Producer-Epoch";

    /// <summary>No cache stores it.</summary>
    /// <example>no-store</example>
    public const string NoStore = "No-Store";

    /// <summary>
    /// How long caches may keep the response. `immutable`: a page that can never change. Its URL has an offset,
    /// `partition` and `v`, and its records are durable and complete. With credentials in the request it is `private`.
    /// `no-cache`: a page that can grow. Revalidate it with `If-None-Match`. `no-store`: a response that moves with the
    /// log. `s-maxage`: shared caches keep a long poll's response, or a 404 or 410, for some seconds, if the URL has an
    /// offset, `partition` and `v`.
    /// </summary>
    /// <example>public, max-age=31536000, immutable</example>
    public const string CacheControl = "Cache-Control";

    /// <summary>At an offset: identifies the bytes of the response, for `If-None-Match`.</summary>
    /// <example>"8f1d4c0a52b7e693.42.45"</example>
    public const string ETag = "ETag";

    /// <summary>Browsers run no script in a value, and isolate it from this site.</summary>
    /// <example>sandbox; default-src 'none'</example>
    public const string ContentSecurityPolicy = "Content-Security-Policy";

    /// <summary>Pages of other sites can't embed a value.</summary>
    /// <example>same-origin</example>
    public const string ResourcePolicy = "Cross-Origin-Resource-Policy";

    /// <summary>Sent with a response that can never change: `Range` is supported.</summary>
    /// <example>bytes</example>
    public const string AcceptRanges = "Accept-Ranges";

    /// <summary>The range of these bytes, and the length of the whole. On 416 only the length.</summary>
    /// <example>bytes 0-1023/65536</example>
    public const string ContentRange = "Content-Range";

    /// <summary>Sent with a response that does not end: asks nginx to forward each piece at once.</summary>
    /// <example>no</example>
    public const string Unbuffered = "X-Accel-Buffering";

    /// <summary>The constants above, by their value.</summary>
    public static IReadOnlyDictionary<string, FieldInfo> ByKey { get; } =
        typeof(Headers).GetFields().ToDictionary(static field => (string)field.GetRawConstantValue()!);

    /// <summary>Returns the name in HTTP.</summary>
    public static string NameOf(string key) => key == NoStore ? CacheControl : key;
}
