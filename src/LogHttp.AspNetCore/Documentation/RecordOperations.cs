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
            Appends what the body holds. One request is one batch in each partition it goes to: all of its records there are appended, next to each other, or none.
            The answer comes when the topic's flush policy is satisfied; with `always`, when the records are durable. A topic that there is not is made, unless `AutoCreateTopics` is off.

            The `Content-Type` decides what the body is:

            | Content-Type | records |
            |---|---|
            | `application/json`, any `…+json` | one: a JSON value, kept as it came |
            | `application/x-ndjson`, `application/ndjson`, `application/jsonl`, `application/x-jsonlines` | one JSON value a line; blank lines are passed over |
            | `text/plain`, any `text/…` | one: the text; with `?split=lines` one a line |
            | `application/vnd.loghttp.records+ndjson` | one record a line, as an object; what a fetch answers is such a body |
            | `application/x-www-form-urlencoded` (what `curl -d` says) | one: JSON if it is an object or an array, else the body as text |
            | `application/vnd.kafka.json.v2+json`, `application/vnd.kafka.binary.v2+json` | those of a request to Confluent's REST Proxy, answered as it answers, problems too |
            | anything else, or none | one: bytes, kept as Base64 |

            A type that is not the obvious one is kept in the record's header `content-type`. Text and JSON are UTF-8.

            A body of lines that is larger than a batch, or has no end, goes with `?stream=true`: it is committed as it comes, in batches, each with a line of the answer that says which lines are in. Numbered by a producer, it can be sent again after a break, and goes on where it was.
            Bodies may come packed: `Content-Encoding: gzip`, `br`, `zstd` or `deflate`.

            A request whose answer was lost may have been appended; sent again with the same `Producer-Id`, `Producer-Epoch` and `Producer-Seq`, it is appended once and answered with 200 and where it is.
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
                    Text("A record a line: JSON values."),
                    new ExampleDocument("example", "Three records, one batch", "{\"n\":1}\n{\"n\":2}\n{\"n\":3}\n")
                ),
                new(
                    "text/plain",
                    Text("One record, or with `?split=lines` one a line."),
                    new ExampleDocument("example", "A text", "hello")
                ),
                new(
                    MediaTypes.Records,
                    Text("A record a line: objects, see the schema NewRecord."),
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
                    new ExampleDocument("example", "What curl -d sends", "{\"id\": 1, \"total\": 9.50}")
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
                    "A repeat: the batch was appended before, and this is where. Nothing was appended now. With "
                        + "`stream=true`: a report a line as batches are committed, and a last line that says whether "
                        + "all is in. To a body of the REST Proxy's: where each record is."
                )
                {
                    Headers = [Headers.Location, Headers.NoStore, Headers.Unbuffered],
                    Contents =
                    [
                        new(
                            "application/x-ndjson",
                            Text("With `stream=true`: a StreamReport for each batch, and a StreamSummary at the end."),
                            new("done", "A stream that is in", StreamDone),
                            new("failed", "A stream with a mistake in its third line", StreamFailed)
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
                    "All records are in. `Produced` where they went to one partition, `ProducedToMany` where "
                        + "they went to several."
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
                    "Some partitions took their records and some did not; `results` says which. Send the records "
                        + "of the others again."
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
            What `POST /topics/{topic}?partition=…` is to a body of Confluent's REST Proxy, at the URL that its clients know. Other bodies are answered with 415.
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
                new(StatusCodes.Status200OK, "Where each record is.") { Contents = [ConfluentForms.Answer] },
                ConfluentForms.Unreadable,
            ],
            OtherProblemForm = ConfluentForms.Error,
            Problems = ProduceProblems,
        };

    public static OperationDocument GetProducer { get; } =
        new(
            "getProducer",
            Tags.Records,
            "Ask where a producer stands",
            """
            Answers a producer's epoch and the sequence of its next record, for each partition that knows it. A producer that has lost its place goes on there.

            `HEAD` answers the same without the body.
            """
        )
        {
            Parameters = [Parameters.Topic, Parameters.ProducerPathId],
            Responses =
            [
                new(StatusCodes.Status200OK, "Where the producer stands.")
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
            Answers a page of records, as they lie in the log. A page ends at a place that depends on the log and `maxBytes` alone, so that readers who began anywhere meet on the same URLs; `Link: rel="next"` leads on, and whoever follows it gets every record once.

            At the end of the log the answer is 204, with the same `Link` to come back to; with `wait` it is given once there are records.
            `follow=true`, and `Accept: text/event-stream`, make an answer that does not end.

            `HEAD` answers the same without the body.
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
                    "Records, or their values, in the form that `Accept` likes best. Where `Accept` names none "
                        + "of them: record lines; with `view=values` lines of JSON."
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
                            Text("Records, a line each: JSON objects, see the schema Record. Not with `view=values`."),
                            new ExampleDocument("example", "Three records", Lines)
                        ),
                        new(
                            "application/x-ndjson",
                            Text(
                                "The same under a name that more programs know; with `view=values` the values, a "
                                    + "line of JSON each."
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
                            Text("With `view=values` only: a value a line, texts without quotes."),
                            new ExampleDocument("example", "Two texts", "hello\nworld\n")
                        ),
                        new(
                            "text/event-stream",
                            Text("Events that do not end: a record each, whose id says where to go on."),
                            new ExampleDocument("example", "The beginning, and a record", StreamOperations.Event)
                        ),
                    ],
                },
                new(
                    StatusCodes.Status206PartialContent,
                    "The bytes that `Range` asks for, of a page that can never change."
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
                        Headers.ContentRange,
                    ],
                    Contents =
                    [
                        new(
                            "*/*",
                            Bytes("A part of the page, of the page's type."),
                            new ExampleDocument("example", "The first bytes of a page", """{"offset":42""")
                        ),
                    ],
                },
                new(
                    StatusCodes.Status204NoContent,
                    "The place is the end of the log: nothing is there yet. `Link` is where the next record will be."
                )
                {
                    Headers = [.. Headers.Offsets, Headers.Link, Headers.CacheControl],
                },
                new(StatusCodes.Status304NotModified, "`If-None-Match` names the answer: the client has it already.")
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
            Answers one record's value as its producer sent it: text without quotes, bytes without Base64, in the media type it came with.
            An offset is that of the record itself: where there is none, the answer is 404, not the next record.

            `HEAD` answers the same without the body.
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
                    "The value. Its type is the record's header `content-type`, or what it is by itself: "
                        + "`application/json`, `text/plain`, `application/octet-stream`."
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
                            Bytes("A value of the type that its producer said."),
                            new ExampleDocument("example", "A record that came as text/html", "<h1>hello</h1>")
                        ),
                    ],
                },
                new(StatusCodes.Status206PartialContent, "The bytes that `Range` asks for, of a value at an offset.")
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
                            Bytes("A part of the value, of its type."),
                            new ExampleDocument("example", "The first bytes of a text", "hel")
                        ),
                    ],
                },
                new(StatusCodes.Status304NotModified, "`If-None-Match` names the answer: the client has it already.")
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
