using LogHttp.AspNetCore.Contract;
using Microsoft.OpenApi;

namespace LogHttp.AspNetCore.Documentation;

/// <summary>The headers of responses.</summary>
internal static class Headers
{
    public static HeaderDocument FirstOffset { get; } =
        new(
            LogHeaders.FirstOffset,
            "The offset of the first record. Without records, that of the place.",
            JsonSchemaType.Integer,
            "42"
        );
    public static HeaderDocument NextOffset { get; } =
        new(LogHeaders.NextOffset, "The offset to continue at.", JsonSchemaType.Integer, "45");
    public static HeaderDocument EndOffset { get; } =
        new(LogHeaders.EndOffset, "The offset after the last visible record.", JsonSchemaType.Integer, "131");
    public static HeaderDocument EarliestOffset { get; } =
        new(LogHeaders.EarliestOffset, "The earliest available offset.", JsonSchemaType.Integer, "0");
    public static HeaderDocument TopicId { get; } =
        new(
            LogHeaders.TopicId,
            "Distinguishes the topic from earlier and later ones of its name. Send it as `v`.",
            JsonSchemaType.String,
            "8f1d4c0a52b7e693"
        );
    public static HeaderDocument Link { get; } =
        new(
            "Link",
            "`rel=\"next\"`: the URL to continue with, relative to the request's. A client that follows it gets every "
                + "record once.",
            JsonSchemaType.String,
            "<45?partition=0&v=8f1d4c0a52b7e693>; rel=\"next\""
        );
    public static HeaderDocument Location { get; } =
        new(
            "Location",
            "The URL of the new records or topic, relative to the request's. Not sent if records went to several "
                + "partitions.",
            JsonSchemaType.String,
            "orders/42?partition=0"
        );
    public static HeaderDocument Vary { get; } =
        new("Vary", "Caches store one response for each `Accept`.", JsonSchemaType.String, "Accept");
    public static HeaderDocument RetryAfter { get; } =
        new(
            "Retry-After",
            "If `retryable` is true: the number of seconds to wait before the same request may succeed.",
            JsonSchemaType.Integer,
            "1"
        );

    public static HeaderDocument AcceptEncoding { get; } =
        new(
            "Accept-Encoding",
            "The supported codings. Sent if the `Content-Encoding` was not one of them.",
            JsonSchemaType.String,
            Producing.ContentCoding.Names
        );
    public static HeaderDocument ExpectedSequence { get; } =
        new("Producer-Expected-Seq", "The sequence of the producer's next record.", JsonSchemaType.Integer, "7");
    public static HeaderDocument Epoch { get; } =
        new("Producer-Epoch", "The epoch that the producer continues with.", JsonSchemaType.Integer, "3");

    public static HeaderDocument NoStore { get; } =
        new("Cache-Control", "No cache stores it.", JsonSchemaType.String, "no-store") { Key = "No-Store" };

    public static HeaderDocument CacheControl { get; } =
        new(
            "Cache-Control",
            "How long caches may keep the response. `immutable`: a page that can never change. Its URL has an offset, "
                + "`partition` and `v`, and its records are durable and complete. With credentials in the request it "
                + "is `private`. `no-cache`: a page that can grow. Revalidate it with `If-None-Match`. `no-store`: a "
                + "response that moves with the log. `s-maxage`: shared caches keep a long poll's response, or a 404 "
                + "or 410, for some seconds, if the URL has an offset, `partition` and `v`.",
            JsonSchemaType.String,
            "public, max-age=31536000, immutable"
        );

    public static HeaderDocument ETag { get; } =
        new(
            "ETag",
            "At an offset: identifies the bytes of the response, for `If-None-Match`.",
            JsonSchemaType.String,
            "\"8f1d4c0a52b7e693.42.45\""
        );

    public static HeaderDocument ContentSecurityPolicy { get; } =
        new(
            "Content-Security-Policy",
            "Browsers run no script in a value, and isolate it from this site.",
            JsonSchemaType.String,
            "sandbox; default-src 'none'"
        );
    public static HeaderDocument ResourcePolicy { get; } =
        new(
            "Cross-Origin-Resource-Policy",
            "Pages of other sites can't embed a value.",
            JsonSchemaType.String,
            "same-origin"
        );

    public static HeaderDocument AcceptRanges { get; } =
        new(
            "Accept-Ranges",
            "Sent with a response that can never change: `Range` is supported.",
            JsonSchemaType.String,
            "bytes"
        );
    public static HeaderDocument ContentRange { get; } =
        new(
            "Content-Range",
            "The range of these bytes, and the length of the whole. On 416 only the length.",
            JsonSchemaType.String,
            "bytes 0-1023/65536"
        );

    public static HeaderDocument Unbuffered { get; } =
        new(
            "X-Accel-Buffering",
            "Sent with a response that does not end: asks nginx to forward each piece at once.",
            JsonSchemaType.String,
            "no"
        );

    public static HeaderDocument[] Offsets { get; } = [TopicId, FirstOffset, NextOffset, EndOffset, EarliestOffset];

    public static HeaderDocument[] All { get; } =
    [
        .. Offsets,
        Link,
        Location,
        Vary,
        RetryAfter,
        AcceptEncoding,
        ExpectedSequence,
        Epoch,
        NoStore,
        CacheControl,
        ETag,
        ContentSecurityPolicy,
        ResourcePolicy,
        AcceptRanges,
        ContentRange,
        Unbuffered,
    ];
}
