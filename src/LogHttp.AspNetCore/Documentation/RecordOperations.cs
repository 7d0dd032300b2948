using System.Text.Json.Nodes;
using LogHttp.AspNetCore.Contract;
using LogHttp.AspNetCore.Endpoints;
using Microsoft.OpenApi;

namespace LogHttp.AspNetCore.Documentation;

/// <summary>The operations on records.</summary>
internal static class RecordOperations
{
    const string Line42 = """{"offset":42,"timestamp":1795370332466,"key":"user-7","value":{"id":1,"total":9.50}}""";
    const string Line43 = """{"offset":43,"timestamp":1795370332481,"batch":2,"value":{"n":1}}""";
    const string Line44 = """{"offset":44,"timestamp":1795370332481,"value":{"n":2}}""";
    const string Lines = $"{Line42}\n{Line43}\n{Line44}\n";

    const string Report = """{"firstLine":1,"lastLine":2,"partition":0,"offset":42,"count":2}""";
    const string StreamDone = Report + "\n" + """{"done":true,"lastCommittedLine":2,"count":2}""" + "\n";
    const string StreamFailed =
        Report
        + "\n"
        + """{"done":false,"lastCommittedLine":2,"count":2,"error":{"title":"Bad Request","status":400,"detail":"Line 3: The value is not valid JSON at byte 6: It ends too early: an object or array is not closed.","code":"invalid_json","retryable":false,"line":3}}"""
        + "\n";

    static readonly ExampleDocument Value = new(
        "example",
        "A record's value",
        JsonNode.Parse("""{"id":1,"total":9.50}""")!
    );

    static readonly ProblemDocument[] ProduceProblems =
    [
        ProblemDocuments.InvalidHost,
        ProblemDocuments.InvalidTopic,
        ProblemDocuments.InvalidParameter,
        ProblemDocuments.InvalidKey,
        ProblemDocuments.InvalidHeader,
        ProblemDocuments.InvalidProducer,
        ProblemDocuments.PartitionRequired,
        ProblemDocuments.EpochEnded,
        ProblemDocuments.SequenceGap,
        ProblemDocuments.SequenceForgotten,
        ProblemDocuments.BatchDiffers,
        ProblemDocuments.OffsetNotNext,
        ProblemDocuments.TopicConditionFailed,
        ProblemDocuments.InvalidTimestamp,
        ProblemDocuments.InvalidValue,
        ProblemDocuments.InvalidRecord,
        ProblemDocuments.InvalidJson,
        ProblemDocuments.InvalidUtf8,
        ProblemDocuments.NoRecords,
        ProblemDocuments.IncompleteBody,
        ProblemDocuments.InvalidEncoding,
        ProblemDocuments.CrossSite,
        ProblemDocuments.UnknownTopic,
        ProblemDocuments.UnknownPartition,
        ProblemDocuments.BodyTimeout,
        ProblemDocuments.SlowBody,
        ProblemDocuments.RecordTooLarge,
        ProblemDocuments.BatchTooLarge,
        ProblemDocuments.BodyTooLarge,
        ProblemDocuments.UnsupportedMediaType,
        ProblemDocuments.UnsupportedTransferCoding,
        ProblemDocuments.TooManyTopics,
        ProblemDocuments.StorageError,
        ProblemDocuments.InternalError,
        ProblemDocuments.Overloaded,
        ProblemDocuments.WriteFailed,
        ProblemDocuments.PartitionStopped,
        ProblemDocuments.TopicChanged,
        ProblemDocuments.TopicDamaged,
        ProblemDocuments.Closed,
        ProblemDocuments.DiskFull,
    ];

    public static OperationDocument Produce { get; } =
        new(
            "produce",
            Tags.Records,
            "Append records",
            """
            Appends the records of the body. One request is one batch in each partition it goes to: all of its records there are appended, next to each other, or none.
            The server responds when the topic's flush policy is satisfied. With `always` that is when the records are durable. It creates a missing topic, unless `AutoCreateTopics` is off.

            The `Content-Type` decides how the body is read:

            | Content-Type | records |
            |---|---|
            | `application/json`, any `…+json` | one: a JSON value, kept as it came |
            | `application/x-ndjson`, `application/ndjson`, `application/jsonl`, `application/x-jsonlines` | one JSON value a line. Blank lines are skipped |
            | `text/plain`, any `text/…` | one: the text. With `?split=lines` one a line |
            | `application/vnd.loghttp.records+ndjson` | one record a line, as an object. The response of a fetch is such a body |
            | `application/x-www-form-urlencoded` (from `curl -d`) | one: JSON if it is an object or an array, else the body as text |
            | `application/vnd.kafka.json.v2+json`, `application/vnd.kafka.binary.v2+json` | those of a request to Confluent's REST Proxy. Responses and problems have its form too |
            | anything else, or none | one: bytes, kept as Base64 |

            Other types are kept in the record's header `content-type`. Text and JSON are UTF-8.

            Send a body of lines that is larger than a batch, or has no end, with `?stream=true`. The server commits it in batches as it comes, and reports the lines of each batch. If a producer numbers the records, send a broken stream again: each record is appended once.
            Bodies may be compressed: `Content-Encoding: gzip`, `br`, `zstd` or `deflate`.

            No response? Send the same request again, with the same `Producer-Id`, `Producer-Epoch` and `Producer-Seq`. The batch is appended once, and the retry returns 200 with its offset.
            """
        )
        {
            Parameters =
            [
                Parameters.Topic,
                Parameters.ProducePartition,
                Parameters.Split,
                Parameters.ProduceStream,
                Parameters.Reports,
                Parameters.RecordKeyParameter,
                Parameters.ContentEncoding,
                Parameters.RecordKey,
                Parameters.RecordTimestamp,
                Parameters.RecordHeader,
                Parameters.ProducerId,
                Parameters.ProducerEpoch,
                Parameters.ProducerSequence,
                Parameters.IfMatch,
            ],
            Body = new(
                IsRequired: true,
                "The records.",
                new("application/json", AnyJson("One record: any JSON value."), Value),
                new(
                    "application/x-ndjson",
                    Text("One record a line: JSON values."),
                    new ExampleDocument("example", "Three records, one batch", "{\"n\":1}\n{\"n\":2}\n{\"n\":3}\n")
                ),
                new(
                    "text/plain",
                    Text("One record, or with `?split=lines` one a line."),
                    new ExampleDocument("example", "A text", "hello")
                ),
                new(
                    MediaTypes.Records,
                    Text("One record a line: objects, see the schema NewRecord."),
                    new ExampleDocument(
                        "example",
                        "Records with keys, headers, times and bytes",
                        """{"key":"user-7","value":{"id":2,"total":3.20}}"""
                            + "\n"
                            + """{"key":"user-8","headers":{"trace":"9f"},"timestamp":1795341600000,"value":"paid"}"""
                            + "\n"
                            + """{"valueBase64":"AAEC/w=="}"""
                            + "\n"
                    )
                ),
                new(
                    "application/x-www-form-urlencoded",
                    Text(
                        "One record: JSON if it is an object or an array, else the body as text. Nothing is "
                            + "percent-decoded."
                    ),
                    new ExampleDocument("example", "As curl -d sends it", "{\"id\": 1, \"total\": 9.50}")
                ),
                ConfluentForms.JsonBody,
                ConfluentForms.BinaryBody,
                new(
                    "application/octet-stream",
                    Bytes("One record: bytes, kept as Base64."),
                    new ExampleDocument("example", "The first bytes of a picture", "GIF89a")
                )
            ),
            Responses =
            [
                new(
                    StatusCodes.Status200OK,
                    "A repeat: the batch was appended before, at this offset. Nothing was appended now. With "
                        + "`stream=true`: a report for each committed batch, one a line, and a summary. For a body of "
                        + "the REST Proxy's types: the position of each record."
                )
                {
                    Headers = [Headers.Location, Headers.NoStore, Headers.Unbuffered],
                    Contents =
                    [
                        new(
                            "application/x-ndjson",
                            Text("With `stream=true`: a StreamReport for each batch, and a StreamSummary at the end."),
                            new("done", "A stream that was committed", StreamDone),
                            new("failed", "A stream with an error in its third line", StreamFailed)
                        ),
                        new(
                            "application/json",
                            ContentSchema.Of(typeof(Produced)),
                            new ExampleDocument("repeat", "As the first time", Schemas.ExampleOf(typeof(Produced)))
                        ),
                        ConfluentForms.Answer,
                    ],
                },
                ConfluentForms.Unreadable,
                new(
                    StatusCodes.Status201Created,
                    "All records were appended. `Produced` if they went to one partition, `ProducedToMany` if they "
                        + "went to several."
                )
                {
                    Headers = [Headers.Location],
                    Contents =
                    [
                        new(
                            "application/json",
                            ContentSchema.Of(typeof(Produced), typeof(ProducedToMany)),
                            new("one", "Into one partition", Schemas.ExampleOf(typeof(Produced))),
                            new("many", "Into several partitions", Schemas.ProducedToAll)
                        ),
                    ],
                },
                new(
                    StatusCodes.Status207MultiStatus,
                    "Some partitions accepted their records and some did not, as in `results`. Send the records of "
                        + "the others again."
                )
                {
                    Contents =
                    [
                        new(
                            "application/json",
                            ContentSchema.Of(typeof(ProducedToMany)),
                            new ExampleDocument(
                                "some",
                                "One of two partitions was full",
                                Schemas.ExampleOf(typeof(ProducedToMany))
                            )
                        ),
                    ],
                },
            ],
            OtherProblemForm = ConfluentForms.Error,
            Problems = ProduceProblems,
        };

    public static OperationDocument ProduceToPartition { get; } =
        new(
            "produceToPartition",
            Tags.Records,
            "Append records to a partition, as the REST Proxy does",
            """
            The same as `POST /topics/{topic}?partition=…` with a body of Confluent's REST Proxy, at the URL that its clients use. Other bodies get 415.
            """
        )
        {
            Parameters =
            [
                Parameters.Topic,
                Parameters.ConfluentPartition,
                Parameters.ContentEncoding,
                Parameters.ProducerId,
                Parameters.ProducerEpoch,
                Parameters.ProducerSequence,
                Parameters.IfMatch,
            ],
            Body = new(IsRequired: true, "The records.", ConfluentForms.JsonBody, ConfluentForms.BinaryBody),
            Responses =
            [
                new(StatusCodes.Status200OK, "The position of each record.") { Contents = [ConfluentForms.Answer] },
                ConfluentForms.Unreadable,
            ],
            OtherProblemForm = ConfluentForms.Error,
            Problems = ProduceProblems,
        };

    public static OperationDocument GetProducer { get; } =
        new(
            "getProducer",
            Tags.Records,
            "Get a producer's position",
            """
            Returns a producer's epoch and the sequence of its next record, for each partition that knows it. A producer that has lost its position continues there.

            `HEAD` returns the same without the body.
            """
        )
        {
            Parameters = [Parameters.Topic, Parameters.ProducerPathId],
            Responses =
            [
                new(StatusCodes.Status200OK, "The producer's position.")
                {
                    Headers = [Headers.NoStore],
                    Contents =
                    [
                        new(
                            "application/json",
                            ContentSchema.Of(typeof(ProducerDescription)),
                            new ExampleDocument(
                                "known",
                                "Known in one partition",
                                Schemas.ExampleOf(typeof(ProducerDescription))
                            )
                        ),
                    ],
                },
                ResponseDocument.UntaggedNotModified,
            ],
            Problems =
            [
                ProblemDocuments.InvalidHost,
                ProblemDocuments.InvalidTopic,
                ProblemDocuments.InvalidParameter,
                ProblemDocuments.InvalidProducer,
                ProblemDocuments.UnknownTopic,
                ProblemDocuments.ProducerUnknown,
                ProblemDocuments.UntaggedConditionFailed,
                ProblemDocuments.InternalError,
                ProblemDocuments.TopicDamaged,
            ],
        };

    public static OperationDocument Fetch { get; } =
        new(
            "fetch",
            Tags.Records,
            "Read records from a place on",
            """
            Returns a page of records, as they are in the log. Readers that started anywhere mostly use the same URLs after one page, because page ends depend on the log and `maxBytes`. Follow `Link: rel="next"` to get every record once.

            At the end of the log the response is 204, with a `Link` for the next request. With `wait` the server responds once it has records.
            With `follow=true` or `Accept: text/event-stream` the response does not end.

            `HEAD` returns the same without the body.
            """
        )
        {
            Parameters =
            [
                Parameters.Topic,
                Parameters.Place,
                Parameters.FetchPartition,
                Parameters.MaxBytes,
                Parameters.View,
                Parameters.Key,
                Parameters.KeyBase64,
                Parameters.TopicId,
                Parameters.Wait,
                Parameters.MinBytes,
                Parameters.Cursor,
                Parameters.Follow,
                Parameters.LastEventIdParameter,
                Parameters.LastEventId,
                Parameters.IfNoneMatch,
                Parameters.Range,
                Parameters.IfRange,
            ],
            Responses =
            [
                new(
                    StatusCodes.Status200OK,
                    "Records, or their values, in the form that `Accept` prefers. If it accepts none of these: record "
                        + "lines, or lines of JSON with `view=values`."
                )
                {
                    Headers =
                    [
                        .. Headers.Offsets,
                        Headers.Link,
                        Headers.CacheControl,
                        Headers.ETag,
                        Headers.Vary,
                        Headers.AcceptRanges,
                        Headers.Unbuffered,
                    ],
                    Contents =
                    [
                        new(
                            MediaTypes.Records,
                            Text("One record a line: JSON objects, see the schema Record. Not with `view=values`."),
                            new ExampleDocument("example", "Three records", Lines)
                        ),
                        new(
                            "application/x-ndjson",
                            Text(
                                "The same under a name that more programs know. With `view=values`: one value a "
                                    + "line, as JSON."
                            ),
                            new("example", "Three records", Lines),
                            new(
                                "values",
                                "Their values: `view=values`",
                                """{"id":1,"total":9.50}""" + "\n{\"n\":1}\n{\"n\":2}\n"
                            )
                        ),
                        new(
                            "application/json",
                            new OpenApiSchema
                            {
                                Type = JsonSchemaType.Array,
                                Items = new OpenApiSchemaReference(Schemas.Record),
                            },
                            new(
                                "example",
                                "Three records in an array",
                                JsonNode.Parse($"[{Line42},{Line43},{Line44}]")!
                            ),
                            new(
                                "values",
                                "Their values: `view=values`",
                                JsonNode.Parse("""[{"id":1,"total":9.50},{"n":1},{"n":2}]""")!
                            )
                        ),
                        new(
                            "text/plain",
                            Text("Only with `view=values`: one value a line, texts without quotes."),
                            new ExampleDocument("example", "Two texts", "hello\nworld\n")
                        ),
                        new(
                            "text/event-stream",
                            Text("Events without end, one for each record. Continue with the id of the last one."),
                            new ExampleDocument("example", "The beginning, and a record", StreamOperations.Event)
                        ),
                    ],
                },
                new(StatusCodes.Status206PartialContent, "The bytes of `Range`, of a page that can never change.")
                {
                    Headers =
                    [
                        .. Headers.Offsets,
                        Headers.Link,
                        Headers.CacheControl,
                        Headers.ETag,
                        Headers.Vary,
                        Headers.AcceptRanges,
                        Headers.ContentRange,
                    ],
                    Contents =
                    [
                        new(
                            "*/*",
                            Bytes("A part of the page, with the page's type."),
                            new ExampleDocument("example", "The first bytes of a page", """{"offset":42""")
                        ),
                    ],
                },
                new(
                    StatusCodes.Status204NoContent,
                    "The place is the end of the log, without a record yet. `Link` leads to the next record."
                )
                {
                    Headers = [.. Headers.Offsets, Headers.Link, Headers.CacheControl],
                },
                new(
                    StatusCodes.Status304NotModified,
                    "`If-None-Match` has the response's `ETag`: the client has the response already."
                )
                {
                    Headers = [.. Headers.Offsets, Headers.Link, Headers.CacheControl, Headers.ETag, Headers.Vary],
                },
            ],
            Problems =
            [
                ProblemDocuments.InvalidHost,
                ProblemDocuments.InvalidTopic,
                ProblemDocuments.InvalidPlace,
                ProblemDocuments.InvalidParameter,
                InPartition(ProblemDocuments.InvalidHeader),
                InPartition(ProblemDocuments.PartitionRequired),
                ForGood(ProblemDocuments.UnknownTopic),
                InPartition(ProblemDocuments.UnknownPartition),
                ProblemDocuments.OffsetGone,
                ForGood(ProblemDocuments.TopicReplaced),
                ProblemDocuments.OffsetBeyondEnd,
                ProblemDocuments.PreconditionFailed,
                ProblemDocuments.RangeNotSatisfiable,
                ProblemDocuments.CorruptBlock,
                ProblemDocuments.StorageError,
                ProblemDocuments.InternalError,
                ProblemDocuments.TopicDamaged,
                ProblemDocuments.Closed,
                InPartition(ProblemDocuments.TooManyWaiting),
            ],
        };

    public static OperationDocument FetchValue { get; } =
        new(
            "fetchValue",
            Tags.Records,
            "Read one record's value",
            """
            Returns one record's value as its producer sent it: text without quotes, bytes without Base64, in its original media type.
            If no record has exactly this offset, the response is 404 and not the next record.

            `HEAD` returns the same without the body.
            """
        )
        {
            Parameters =
            [
                Parameters.Topic,
                Parameters.RecordPlace,
                Parameters.RecordPartition,
                Parameters.TopicId,
                Parameters.IfNoneMatch,
                Parameters.Range,
                Parameters.IfRange,
            ],
            Responses =
            [
                new(
                    StatusCodes.Status200OK,
                    "The value. Its type is the record's header `content-type`. Without one it is `application/json`, "
                        + "`text/plain` or `application/octet-stream`."
                )
                {
                    Headers =
                    [
                        .. Headers.Offsets,
                        Headers.CacheControl,
                        Headers.ETag,
                        Headers.ContentSecurityPolicy,
                        Headers.ResourcePolicy,
                        Headers.AcceptRanges,
                    ],
                    Contents =
                    [
                        new("application/json", AnyJson("A JSON value."), Value),
                        new("text/plain", Text("A text."), new ExampleDocument("example", "A text", "hello")),
                        new(
                            "application/octet-stream",
                            Bytes("Bytes."),
                            new ExampleDocument("example", "The first bytes of a picture", "GIF89a")
                        ),
                        new(
                            "*/*",
                            Bytes("A value of the type that its producer gave."),
                            new ExampleDocument("example", "A record that came as text/html", "<h1>hello</h1>")
                        ),
                    ],
                },
                new(StatusCodes.Status206PartialContent, "The bytes of `Range`, of a value at an offset.")
                {
                    Headers =
                    [
                        .. Headers.Offsets,
                        Headers.CacheControl,
                        Headers.ETag,
                        Headers.ContentSecurityPolicy,
                        Headers.ResourcePolicy,
                        Headers.AcceptRanges,
                        Headers.ContentRange,
                    ],
                    Contents =
                    [
                        new(
                            "*/*",
                            Bytes("A part of the value, with its type."),
                            new ExampleDocument("example", "The first bytes of a text", "hel")
                        ),
                    ],
                },
                new(
                    StatusCodes.Status304NotModified,
                    "`If-None-Match` has the response's `ETag`: the client has the response already."
                )
                {
                    Headers =
                    [
                        .. Headers.Offsets,
                        Headers.CacheControl,
                        Headers.ETag,
                        Headers.ContentSecurityPolicy,
                        Headers.ResourcePolicy,
                    ],
                },
            ],
            Problems =
            [
                ProblemDocuments.InvalidHost,
                ProblemDocuments.InvalidTopic,
                ProblemDocuments.InvalidPlace,
                ProblemDocuments.InvalidParameter,
                InPartition(ProblemDocuments.PartitionRequired),
                ForGood(ProblemDocuments.UnknownTopic),
                InPartition(ProblemDocuments.UnknownPartition),
                ProblemDocuments.NoRecord,
                ProblemDocuments.OffsetGone,
                ForGood(ProblemDocuments.TopicReplaced),
                ProblemDocuments.OffsetBeyondEnd,
                ProblemDocuments.PreconditionFailed,
                ProblemDocuments.RangeNotSatisfiable,
                ProblemDocuments.CorruptBlock,
                ProblemDocuments.StorageError,
                ProblemDocuments.InternalError,
                ProblemDocuments.TopicDamaged,
                ProblemDocuments.Closed,
            ],
        };

    /// <summary>A problem of a topic that was found.</summary>
    static ProblemDocument InPartition(ProblemDocument problem) => problem with { Headers = [Headers.TopicId] };

    /// <summary>A problem that is permanent if the URL names a topic by its id.</summary>
    static ProblemDocument ForGood(ProblemDocument problem) =>
        problem with
        {
            Example = problem.Example with { IsForGood = true },
        };

    static OpenApiSchema AnyJson(string description) => new() { Description = description };

    static OpenApiSchema Text(string description) => new() { Type = JsonSchemaType.String, Description = description };

    static OpenApiSchema Bytes(string description) =>
        new()
        {
            Type = JsonSchemaType.String,
            Format = "binary",
            Description = description,
        };
}
