using System.Globalization;
using System.Text.Json.Nodes;
using LogHttp.Storage;
using LogHttp.Storage.Reading;
using LogHttp.Storage.Records;
using Microsoft.OpenApi;

namespace LogHttp.AspNetCore.Documentation;

/// <summary>The parameters of the path, the query and the headers.</summary>
internal static class Parameters
{
    public static ParameterDocument Topic { get; } =
        new(
            ParameterLocation.Path,
            "topic",
            "The topic's name. `.` and `..` are not allowed.",
            new()
            {
                Type = JsonSchemaType.String,
                MinLength = 1,
                MaxLength = TopicName.MaxLength,
                Pattern = "^[A-Za-z0-9._-]+$",
            },
            new ExampleDocument("orders", "A topic", "orders")
        );

    public static ParameterDocument Place { get; } =
        new(
            ParameterLocation.Path,
            "place",
            "The place to start at: an offset (that record, or the first one after it), `earliest`, `latest` (the end "
                + "of the log), `-10` (ten offsets before the end), or `@` and a time (the first record at that time "
                + "or later).",
            new() { Type = JsonSchemaType.String, Pattern = "^([0-9]+|-[0-9]+|earliest|latest|@.+)$" },
            new("earliest", "The first record", "earliest"),
            new("offset", "An offset", "42"),
            new("latest", "The end of the log", "latest"),
            new("last", "The last ten", "-10"),
            new("time", "A time", "@2026-11-22T10:00:00Z"),
            new("milliseconds", "A time in Unix milliseconds", "@1795341600000")
        );

    public static ParameterDocument Before { get; } =
        new(
            ParameterLocation.Query,
            "before",
            "The first place to keep: an offset, `latest` (keeps no record), `-10` (keeps the last ten), or `@` and a "
                + "time (removes the records before it).",
            Place.Schema,
            new("offset", "An offset", "42"),
            new("latest", "All records", "latest"),
            new("time", "A time", "@2026-11-22T10:00:00Z")
        )
        {
            IsRequired = true,
        };

    public static ParameterDocument TrimPartition { get; } =
        Query("partition", "Only this partition.", Number(0, 1023), 0);

    public static ParameterDocument ProducePartition { get; } =
        Query(
            "partition",
            "The partition to append to. Default: the key's (murmur2, as in Kafka's Java client). Records without a "
                + "key go to one partition for each request, in turn.",
            Number(0, 1023),
            0
        );

    public static ParameterDocument ConfluentPartition { get; } =
        new(
            ParameterLocation.Path,
            "partition",
            "The partition of records that have no `partition`.",
            Number(0, 1023),
            new ExampleDocument("example", "A partition", 0)
        );

    public static ParameterDocument FetchPartition { get; } =
        Query(
            "partition",
            "The partition to read. Optional if the topic has one partition, or with `key`.",
            Number(0, 1023),
            0
        );

    public static ParameterDocument RecordPlace { get; } =
        Place with
        {
            Description =
                "The record: its offset, `earliest`, `-1` (the last one), or `@` and a time (the first record at that "
                + "time or later).",
        };

    public static ParameterDocument RecordPartition { get; } =
        FetchPartition with
        {
            Description = "The partition to read. Optional if the topic has one partition.",
        };

    public static ParameterDocument Split { get; } =
        Query("split", "`lines`: each line of a text body is a record.", OneOf("lines"), "lines");

    public static ParameterDocument ProduceStream { get; } =
        Query(
            "stream",
            "`true`: the server commits a body of lines in batches as it comes, and reports each batch.",
            OneOf("true"),
            "true"
        );

    public static ParameterDocument Reports { get; } =
        Query(
            "reports",
            "With `stream=true`. `live`: each report is sent when its batch is committed. `end`: all reports are sent "
                + "after the body. Default: `end` behind a proxy (`Via`, `Forwarded`, `X-Forwarded-*` or HTTP/1.0), "
                + "else `live`.",
            OneOf("live", "end"),
            "end"
        );

    public static ParameterDocument ContentEncoding { get; } =
        Header("Content-Encoding", "The compression of the body.", "gzip") with
        {
            Schema = OneOf("gzip", "br", "zstd", "deflate"),
        };

    public static ParameterDocument MaxBytes { get; } =
        Query(
            "maxBytes",
            "The largest page in bytes, rounded down to a power of two from 4096 to 67108864. A larger record comes "
                + "alone. With `key`: how many bytes of the log one request searches, 16777216 by default.",
            new()
            {
                Type = JsonSchemaType.Integer,
                Format = "int64",
                Minimum = "1",
                Default = PageSize.Default.MaxBytes,
            },
            65536
        );

    public static ParameterDocument View { get; } =
        Query("view", "`values`: only the records' values, one a line.", OneOf("values"), "values");

    public static ParameterDocument Key { get; } =
        Query(
            "key",
            "Only the records with this key. One request searches `maxBytes` of the log. An empty response may still "
                + "have a `Link` to continue with.",
            new() { Type = JsonSchemaType.String },
            "user-7"
        );

    public static ParameterDocument KeyBase64 { get; } =
        Query(
            "keyBase64",
            "The same for a key of any bytes, as Base64. Not together with `key`.",
            new() { Type = JsonSchemaType.String },
            "AAEC/w=="
        );

    public static ParameterDocument TopicId { get; } =
        Query(
            "v",
            "The topic's id (`Log-Topic-Id`), as in `Link`. If the topic was deleted and created again, the response "
                + "is 410 instead of other records.",
            new() { Type = JsonSchemaType.String },
            "8f1d4c0a52b7e693"
        );

    public static ParameterDocument Wait { get; } =
        Query(
            "wait",
            "How long to wait if there are no records yet, or fewer than `minBytes`: `500ms`, `30s`, `2m`, at most "
                + "`MaxWait`. After that time the response has the available records, or is 204.",
            new() { Type = JsonSchemaType.String, Pattern = "^[0-9]+(ms|s|m)$" },
            "30s"
        );

    public static ParameterDocument MinBytes { get; } =
        Query(
            "minBytes",
            "With `wait`: the number of bytes to wait for.",
            new()
            {
                Type = JsonSchemaType.Integer,
                Format = "int32",
                Minimum = "1",
                Maximum = "67108864",
                Default = 1,
            },
            1000
        );

    public static ParameterDocument Cursor { get; } =
        Query(
            "cursor",
            "With `wait`: distinguishes a long poll from the one before it, as in the `Link` of a 204. So caches do "
                + "not return the same response twice.",
            new()
            {
                Type = JsonSchemaType.Integer,
                Format = "int64",
                Minimum = "0",
                Maximum = "9007199254740992",
            },
            1795370332
        );

    public static ParameterDocument Follow { get; } =
        Query(
            "follow",
            "`true`: the response does not end. It has each record as soon as it is visible, and sometimes an empty "
                + "line. Do not try it on this page, which would wait for the end.",
            OneOf("true"),
            "true"
        );

    public static ParameterDocument Topics { get; } =
        Query(
            "topics",
            "The topics or partitions to follow, separated by commas. Each may have a place. Default: the end. The id "
                + "of an event is such a value: send it to continue after that event.",
            new() { Type = JsonSchemaType.String },
            "orders,clicks/0:earliest,audit:@2026-11-22T00:00:00Z"
        ) with
        {
            IsRequired = true,
        };

    public static ParameterDocument LastEventId { get; } =
        Header(
            "Last-Event-ID",
            "The id of the last event received. The response continues after it and ignores the place. Browsers send "
                + "this header by themselves.",
            "orders/0/8f1d4c0a52b7e693:43"
        );

    public static ParameterDocument LastEventIdParameter { get; } =
        Query(
            "lastEventId",
            "The same as the header `Last-Event-ID`. If both are sent, the header counts.",
            new() { Type = JsonSchemaType.String },
            "orders/0/8f1d4c0a52b7e693:43"
        );

    public static ParameterDocument Limit { get; } =
        Query(
            "limit",
            "The most topics to list.",
            new()
            {
                Type = JsonSchemaType.Integer,
                Format = "int32",
                Minimum = "1",
                Maximum = "1000",
                Default = 100,
            },
            20
        );

    public static ParameterDocument After { get; } =
        Query("after", "Only topics with names after this one.", new() { Type = JsonSchemaType.String }, "orders");

    public static ParameterDocument RecordKey { get; } =
        Header("Record-Key", "The key of a single record: UTF-8, or Latin-1 as browsers send it.", "user-7");

    public static ParameterDocument RecordKeyParameter { get; } =
        Query(
            "key",
            "The key of a single record. Not together with `Record-Key`.",
            new() { Type = JsonSchemaType.String },
            "user-7"
        );

    public static ParameterDocument ProducerId { get; } =
        Header(
            "Producer-Id",
            "The producer's name, 1 to 256 visible ASCII characters. With `Producer-Epoch` and `Producer-Seq` a "
                + "repeated request is appended once. All its records go to one partition: the one given, the key's, "
                + "or that of this id.",
            "sensor-7"
        );

    public static ParameterDocument ProducerEpoch { get; } =
        Header(
            "Producer-Epoch",
            "Starts at 0. A producer that starts again sends a higher epoch. Requests with a lower epoch are rejected "
                + "from then on.",
            "0"
        );

    public static ParameterDocument ProducerSequence { get; } =
        Header(
            "Producer-Seq",
            "The sequence of the first record: the number of records that the producer sent to that partition before, "
                + "in that epoch. The next batch continues at this number plus the number of records.",
            "0"
        );

    public static ParameterDocument ProducerPathId { get; } =
        new(
            ParameterLocation.Path,
            "id",
            "The producer's id, as in `Producer-Id`.",
            new()
            {
                Type = JsonSchemaType.String,
                MinLength = 1,
                MaxLength = ProducerStamp.MaxIdLength,
            },
            new ExampleDocument("sensor-7", "A producer", "sensor-7")
        );

    public static ParameterDocument IfMatch { get; } =
        Header(
            "If-Match",
            "The offset that the first record must get, in quotes. If the topic has several partitions, `partition` "
                + "is required. `\"0\"`: append only to a log that never had a record.",
            "\"42\""
        );

    public static ParameterDocument RecordTimestamp { get; } =
        Header(
            "Record-Timestamp",
            "The time of a single record: Unix milliseconds or an ISO time, at most an hour ahead. Default: the "
                + "server's time.",
            "2026-11-22T10:00:00Z"
        );

    public static ParameterDocument RecordHeader { get; } =
        Header(
            "Record-Header-trace",
            "A header of a single record. `trace` stands for any name: `Record-Header-<name>` becomes the record's "
                + "header `<name>`. It may be repeated.",
            "9f"
        );

    public static ParameterDocument IfNoneMatch { get; } =
        Header(
            "If-None-Match",
            "One or more earlier `ETag`s. If the response has not changed, it is 304 without a body. Takes effect at "
                + "an offset.",
            "\"8f1d4c0a52b7e693.42.45\""
        );

    public static ParameterDocument Range { get; } =
        Header(
            "Range",
            "The bytes to send of a response that can never change. One range. Otherwise ignored.",
            "bytes=0-1023"
        );

    public static ParameterDocument IfRange { get; } =
        Header(
            "If-Range",
            "With `Range`: the `ETag` of the response. If it differs, the whole response is sent.",
            "\"8f1d4c0a52b7e693.42.45\""
        );

    static ParameterDocument Query(string name, string description, OpenApiSchema schema, JsonNode example) =>
        new(ParameterLocation.Query, name, description, schema, new ExampleDocument(name, "", example));

    static ParameterDocument Header(string name, string description, string example) =>
        new(
            ParameterLocation.Header,
            name,
            description,
            new() { Type = JsonSchemaType.String },
            new ExampleDocument(name, "", example)
        );

    static OpenApiSchema Number(int least, int most) =>
        new()
        {
            Type = JsonSchemaType.Integer,
            Format = "int32",
            Minimum = least.ToString(CultureInfo.InvariantCulture),
            Maximum = most.ToString(CultureInfo.InvariantCulture),
        };

    static OpenApiSchema OneOf(params string[] values) => new() { Type = JsonSchemaType.String, Enum = [.. values] };
}
