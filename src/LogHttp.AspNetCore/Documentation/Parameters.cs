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
            "The topic's name; `.` and `..` are none.",
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
            "Where to begin: an offset (the record that has it, or the first one after it), `earliest`, `latest` "
                + "(the end: nothing yet), `-10` (ten offsets before the end), or `@` and a time (the first record "
                + "from which on the log has reached it).",
            new() { Type = JsonSchemaType.String, Pattern = "^([0-9]+|-[0-9]+|earliest|latest|@.+)$" },
            new("earliest", "The first record there is", "earliest"),
            new("offset", "An offset", "42"),
            new("latest", "What comes next", "latest"),
            new("last", "The last ten", "-10"),
            new("time", "A time", "@2026-11-22T10:00:00Z"),
            new("milliseconds", "A time in Unix milliseconds", "@1795341600000")
        );

    public static ParameterDocument Before { get; } =
        new(
            ParameterLocation.Query,
            "before",
            "The first place that stays: an offset, `latest` (nothing stays), `-10` (the last ten do), or `@` "
                + "and a time (what came before it goes).",
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
            "The partition the records go to. Without it: that of the key (murmur2, as in Kafka's Java client); "
                + "records without a key go to one partition for each request, in turn.",
            Number(0, 1023),
            0
        );

    public static ParameterDocument ConfluentPartition { get; } =
        new(
            ParameterLocation.Path,
            "partition",
            "The partition of the records that name none.",
            Number(0, 1023),
            new ExampleDocument("example", "A partition", 0)
        );

    public static ParameterDocument FetchPartition { get; } =
        Query(
            "partition",
            "The partition to read. May be left out where the topic has one, or where `key` says which.",
            Number(0, 1023),
            0
        );

    public static ParameterDocument RecordPlace { get; } =
        Place with
        {
            Description =
                "The record: its offset, `earliest`, `-1` (the last), or `@` and a time (the first from which on "
                + "the log has reached it).",
        };

    public static ParameterDocument RecordPartition { get; } =
        FetchPartition with
        {
            Description = "The partition to read. May be left out where the topic has one.",
        };

    public static ParameterDocument Split { get; } =
        Query("split", "`lines`: a text body is a record a line, not one record.", OneOf("lines"), "lines");

    public static ParameterDocument ProduceStream { get; } =
        Query(
            "stream",
            "`true`: a body of lines is committed as it comes, in batches, and each is reported.",
            OneOf("true"),
            "true"
        );

    public static ParameterDocument Reports { get; } =
        Query(
            "reports",
            "With `stream=true`: `live` sends each report as its batch is committed, `end` all of them once the "
                + "body has ended. Without it: `end` behind a proxy (`Via`, `Forwarded`, `X-Forwarded-*` or HTTP/1.0), "
                + "else `live`.",
            OneOf("live", "end"),
            "end"
        );

    public static ParameterDocument ContentEncoding { get; } =
        Header("Content-Encoding", "How the body is packed.", "gzip") with
        {
            Schema = OneOf("gzip", "br", "zstd", "deflate"),
        };

    public static ParameterDocument MaxBytes { get; } =
        Query(
            "maxBytes",
            "The most bytes of a page, rounded down to a power of two from 4096 to 67108864; a record that is "
                + "larger comes alone. With `key`: how much of the log is looked through, 16777216 when left out.",
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
        Query("view", "`values`: only the records' values, a line each.", OneOf("values"), "values");

    public static ParameterDocument Key { get; } =
        Query(
            "key",
            "Only the records with this key. Each answer has looked through `maxBytes` of the log; it can be "
                + "empty and still have a `Link` to go on with.",
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
            "The topic's id (`Log-Topic-Id`): a topic that was deleted and made again answers 410 then, not with "
                + "other records. The links have it.",
            new() { Type = JsonSchemaType.String },
            "8f1d4c0a52b7e693"
        );

    public static ParameterDocument Wait { get; } =
        Query(
            "wait",
            "How long to wait for records where there are none yet, or fewer than `minBytes`: `500ms`, `30s`, "
                + "`2m`, at most `MaxWait`. When the time is over: 204, or what there is.",
            new() { Type = JsonSchemaType.String, Pattern = "^[0-9]+(ms|s|m)$" },
            "30s"
        );

    public static ParameterDocument MinBytes { get; } =
        Query(
            "minBytes",
            "With `wait`: how much there has to be at the end of the log.",
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
            "With `wait`: tells a long poll from the one before it, as `Link` has it behind a 204, so that "
                + "caches don't give the same answer twice.",
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
            "`true`: the answer goes on for ever, each record as soon as it may be read, and now and then an "
                + "empty line. Not to be tried on this page: it would wait for the end.",
            OneOf("true"),
            "true"
        );

    public static ParameterDocument Topics { get; } =
        Query(
            "topics",
            "What to follow: topics, or partitions of them, each with or without a place (else from now on), "
                + "commas between them. The id of an event is such a value: a page that kept it goes on behind it.",
            new() { Type = JsonSchemaType.String },
            "orders,clicks/0:earliest,audit:@2026-11-22T00:00:00Z"
        ) with
        {
            IsRequired = true,
        };

    public static ParameterDocument LastEventId { get; } =
        Header(
            "Last-Event-ID",
            "The id of the last event that came: goes on behind it, whatever the place says. Browsers send it by "
                + "themselves.",
            "orders/0/8f1d4c0a52b7e693:43"
        );

    public static ParameterDocument LastEventIdParameter { get; } =
        Query(
            "lastEventId",
            "The same as the header `Last-Event-ID`, which counts where both are there.",
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
        Query(
            "after",
            "Only topics whose names come after this one.",
            new() { Type = JsonSchemaType.String },
            "orders"
        );

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
            "Who sends it, 1 to 256 visible ASCII characters: with `Producer-Epoch` and `Producer-Seq` a request "
                + "that is repeated is appended once. All its records go to one partition: the one given, the key's, "
                + "or that of this id.",
            "sensor-7"
        );

    public static ParameterDocument ProducerEpoch { get; } =
        Header(
            "Producer-Epoch",
            "0, or more than before: a producer that begins anew takes a higher one, and shuts out whoever still "
                + "uses a lower one.",
            "0"
        );

    public static ParameterDocument ProducerSequence { get; } =
        Header(
            "Producer-Seq",
            "The sequence of the first record: how many records the producer has sent to that partition in that "
                + "epoch before. The next batch continues at this plus the number of records.",
            "0"
        );

    public static ParameterDocument ProducerPathId { get; } =
        new(
            ParameterLocation.Path,
            "id",
            "The producer's id, as `Producer-Id` has it.",
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
            "The offset that the first record is to have, in quotes; with `partition` where the topic has "
                + "several. `\"0\"`: only into an empty log.",
            "\"42\""
        );

    public static ParameterDocument RecordTimestamp { get; } =
        Header(
            "Record-Timestamp",
            "The time of a single record: Unix milliseconds or an ISO time, at most an hour ahead. Without it: "
                + "the server's.",
            "2026-11-22T10:00:00Z"
        );

    public static ParameterDocument RecordHeader { get; } =
        Header(
            "Record-Header-trace",
            "A header of a single record. `trace` stands for any name: each header `Record-Header-<name>` "
                + "becomes the record's header `<name>`, and may be there several times.",
            "9f"
        );

    public static ParameterDocument IfNoneMatch { get; } =
        Header(
            "If-None-Match",
            "An `ETag` from before, or several: 304 without a body if the answer is still that one. Takes effect "
                + "at an offset.",
            "\"8f1d4c0a52b7e693.42.45\""
        );

    public static ParameterDocument Range { get; } =
        Header("Range", "The bytes to send of what can never change; one range. Ignored elsewhere.", "bytes=0-1023");

    public static ParameterDocument IfRange { get; } =
        Header(
            "If-Range",
            "With `Range`: the `ETag` of which the bytes are to be, else all is sent.",
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
