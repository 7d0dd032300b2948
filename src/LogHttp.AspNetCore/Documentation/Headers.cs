using LogHttp.AspNetCore.Contract;
using Microsoft.OpenApi;

namespace LogHttp.AspNetCore.Documentation;

/// <summary>The headers of responses.</summary>
internal static class Headers
{
    public static HeaderDocument FirstOffset { get; } =
        new(
            LogHeaders.FirstOffset,
            "The offset of the first record; without records, that of the place.",
            JsonSchemaType.Integer,
            "42"
        );
    public static HeaderDocument NextOffset { get; } =
        new(LogHeaders.NextOffset, "Where to go on reading.", JsonSchemaType.Integer, "45");
    public static HeaderDocument EndOffset { get; } =
        new(LogHeaders.EndOffset, "The offset after the last record that may be read.", JsonSchemaType.Integer, "131");
    public static HeaderDocument EarliestOffset { get; } =
        new(LogHeaders.EarliestOffset, "The first offset there is.", JsonSchemaType.Integer, "0");
    public static HeaderDocument TopicId { get; } =
        new(
            LogHeaders.TopicId,
            "Tells the topic from earlier and later ones of its name; `v` takes it.",
            JsonSchemaType.String,
            "8f1d4c0a52b7e693"
        );
    public static HeaderDocument Link { get; } =
        new(
            "Link",
            "`rel=\"next\"`: the URL to go on with, relative to the request's. A client that follows it gets "
                + "everything once.",
            JsonSchemaType.String,
            "<45?partition=0&v=8f1d4c0a52b7e693>; rel=\"next\""
        );
    public static HeaderDocument Location { get; } =
        new(
            "Location",
            "The URL of what was made, relative to the request's; records that went to several partitions have none.",
            JsonSchemaType.String,
            "orders/42?partition=0"
        );
    public static HeaderDocument Vary { get; } =
        new("Vary", "Caches keep the forms of a page apart by `Accept`.", JsonSchemaType.String, "Accept");
    public static HeaderDocument RetryAfter { get; } =
        new(
            "Retry-After",
            "Where `retryable` is true: seconds after which the same request may succeed.",
            JsonSchemaType.Integer,
            "1"
        );

    public static HeaderDocument AcceptEncoding { get; } =
        new(
            "Accept-Encoding",
            "Where it was the `Content-Encoding`: which ones there may be.",
            JsonSchemaType.String,
            Producing.ContentCoding.Names
        );
    public static HeaderDocument ExpectedSequence { get; } =
        new("Producer-Expected-Seq", "The sequence of the producer's next record.", JsonSchemaType.Integer, "7");
    public static HeaderDocument Epoch { get; } =
        new("Producer-Epoch", "The epoch that the producer has gone on with.", JsonSchemaType.Integer, "3");

    public static HeaderDocument NoStore { get; } =
        new("Cache-Control", "No cache keeps it.", JsonSchemaType.String, "no-store") { Key = "No-Store" };

    public static HeaderDocument CacheControl { get; } =
        new(
            "Cache-Control",
            "How long caches keep it: for good what can never change (an offset, with `partition` and `v` in the "
                + "URL, and everything there durable and complete; `private` where the request carries credentials), "
                + "`no-cache` what can grow (ask again with `If-None-Match`), `no-store` what moves with the log. At "
                + "an offset with `partition` and `v`, a long poll's answer, and that the topic is no more, are kept "
                + "for seconds by caches that many share (`s-maxage`).",
            JsonSchemaType.String,
            "public, max-age=31536000, immutable"
        );

    public static HeaderDocument ETag { get; } =
        new(
            "ETag",
            "At an offset: names these very bytes, for `If-None-Match`.",
            JsonSchemaType.String,
            "\"8f1d4c0a52b7e693.42.45\""
        );

    public static HeaderDocument ContentSecurityPolicy { get; } =
        new(
            "Content-Security-Policy",
            "A browser runs no script of a value, and lets it reach nothing of this site.",
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
        new("Accept-Ranges", "On what can never change: `Range` is taken.", JsonSchemaType.String, "bytes");
    public static HeaderDocument ContentRange { get; } =
        new(
            "Content-Range",
            "Which bytes these are, and of how many; on 416 only how many there are.",
            JsonSchemaType.String,
            "bytes 0-1023/65536"
        );

    public static HeaderDocument Unbuffered { get; } =
        new(
            "X-Accel-Buffering",
            "On answers that do not end: asks nginx to pass each piece on at once.",
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
