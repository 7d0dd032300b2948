using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using LogHttp.AspNetCore.Confluent;
using LogHttp.AspNetCore.Contract;
using LogHttp.AspNetCore.Endpoints;
using LogHttp.AspNetCore.Producing;
using LogHttp.Storage;
using Microsoft.OpenApi;

namespace LogHttp.AspNetCore.Documentation;

/// <summary>
/// The meaning of the fields of JSON bodies, with an example of each body. The fields themselves come from the types.
/// </summary>
internal static class Schemas
{
    public const string Record = "Record";
    public const string NewRecord = "NewRecord";
    public const string StreamReport = "StreamReport";
    public const string StreamSummary = "StreamSummary";

    const long Timestamp = 1795370332466;

    static readonly JsonSerializerOptions JsonOptions = new(ReadableJson.CreateOptions())
    {
        TypeInfoResolver = JsonTypeInfoResolver.Combine(
            ResponseJson.Readable,
            StreamJson.Readable,
            ConfluentJson.Readable,
            ProblemJsonContext.Readable
        ),
    };

    static readonly ProducedPart Part0 = new(0, StatusCodes.Status201Created)
    {
        Offset = 7,
        Count = 2,
        Timestamp = Timestamp,
    };

    static readonly Problem DiskFull = ProblemDocuments.DiskFull.Example;

    static readonly TopicSettings Configuration = TopicSettings.Of(
        new TopicConfiguration { Partitions = 2, RetentionMs = 7 * 24 * 3600 * 1000L }
    );

    static readonly ProducerPosition Position = new(0, 0, 7);

    static readonly PartitionDescription[] Partitions =
    [
        new(0, 0, 131, 9120, 1, Journaled: true, UnsyncedBytes: 312),
        new(1, 40, 97, 4711, 1, Journaled: true, UnsyncedBytes: 0)
        {
            Stopped =
                "A sync failed (Input/output error), so the partition takes no more writes until the server is "
                + "restarted on a healthy disk; what was durable is served.",
        },
    ];

    static readonly ServerDescription Server = ServerDescription.Of("0.1.0");

    static readonly TopicEntry[] Topics =
    [
        new("orders") { Id = "8f1d4c0a52b7e693", Partitions = 2 },
        new("payments") { Damaged = "topic.json, position 0: it holds no object" },
    ];

    /// <summary>Several partitions, all of which took their records.</summary>
    public static JsonNode ProducedToAll { get; } =
        Json(
            new ProducedToMany(
                "orders",
                5,
                [
                    Part0,
                    new(1, StatusCodes.Status201Created)
                    {
                        Offset = 19,
                        Count = 3,
                        Timestamp = Timestamp,
                    },
                ]
            )
        );

    /// <summary>The schemas of all types.</summary>
    public static IReadOnlyDictionary<Type, SchemaDocument> OfTypes { get; } =
        new SchemaDocument[]
        {
            new(
                typeof(Produced),
                "Produced",
                "The position of records that were appended to one partition.",
                Json(new Produced("orders", 0, 42, 1, Timestamp)),
                [
                    new("topic", "The topic."),
                    new("partition", "The partition."),
                    new("offset", "The first record's offset."),
                    new("count", "The number of records."),
                    new("timestamp", "The server's timestamp, in Unix milliseconds."),
                ]
            ),
            new(
                typeof(ProducedToMany),
                "ProducedToMany",
                "The position of records that were appended to several partitions.",
                Json(
                    new ProducedToMany(
                        "orders",
                        2,
                        [
                            Part0,
                            new(1, DiskFull.Status)
                            {
                                Code = DiskFull.Code,
                                Retryable = DiskFull.IsRetryable,
                                Detail = DiskFull.Detail,
                            },
                        ]
                    )
                ),
                [
                    new("topic", "The topic."),
                    new("count", "The number of appended records."),
                    new("results", "The result of each partition, by its number."),
                ]
            ),
            new(
                typeof(ProducedPart),
                "ProducedPart",
                "The result of one partition's records.",
                Json(Part0),
                [
                    new("partition", "The partition."),
                    new("status", "201, or the status of the problem."),
                    new("offset", "The first record's offset. Only with 201."),
                    new("count", "The number of records. Only with 201."),
                    new("timestamp", "The server's timestamp, in Unix milliseconds. Only with 201."),
                    new("code", "The problem, for programs. Not with 201."),
                    new("retryable", "Whether the same records may be accepted later. Not with 201."),
                    new("detail", "The problem, for people. Not with 201."),
                ]
            ),
            new(
                typeof(TopicSettings),
                "TopicConfiguration",
                "The configuration of a topic. In a request every field is optional.",
                Json(Configuration),
                [
                    new("partitions", "The number of partitions. It can't be changed later.")
                    {
                        Least = 1,
                        Most = 1024,
                    },
                    new("segmentBytes", "The largest segment. A batch that would exceed it begins a new segment.")
                    {
                        Least = 64 << 10,
                        Most = 2L << 30,
                    },
                    new(
                        "flush",
                        "When appends are acknowledged and visible. `always`: when they are durable. `os`: when they "
                            + "are written. A time from `1ms` to `60m`: when they are written. Their sync begins when "
                            + "this interval is over."
                    )
                    {
                        Pattern = "^(always|os|[0-9]+(ms|s|m))$",
                    },
                    new(
                        "retentionMs",
                        "How long records are kept after the last append to their segment. 0: for ever."
                    ),
                    new(
                        "retentionBytes",
                        "The most bytes that all partitions together take. Beyond it the oldest segments are "
                            + "deleted. 0: no bound."
                    ),
                    new(
                        "values",
                        "The values that the topic accepts: any with `auto`, only that form with `json`, `text` or "
                            + "`bytes`. `null` is always accepted."
                    )
                    {
                        Pattern = "^(auto|json|text|bytes)$",
                    },
                    new(
                        "maxRecordBytes",
                        "The largest record, once encoded. 0: the server's `MaxRecordBytes`, which no topic exceeds."
                    )
                    {
                        Least = 0,
                        Most = 64 << 20,
                    },
                    new(
                        "labels",
                        "Up to 32 names, each with a text, for people and programs. A request replaces all of them."
                    ),
                ]
            ),
            new(
                typeof(ProducerDescription),
                "ProducerDescription",
                "A producer's position.",
                Json(new ProducerDescription("orders", "sensor-7", [Position])),
                [
                    new("topic", "The topic."),
                    new("producer", "The producer's id."),
                    new("partitions", "The partitions that know the producer, by number."),
                ]
            ),
            new(
                typeof(ProducerPosition),
                "ProducerPosition",
                "A producer's position in a partition.",
                Json(Position),
                [
                    new("partition", "The partition."),
                    new("epoch", "The producer's epoch."),
                    new("nextSequence", "The sequence of the producer's next record, in this epoch."),
                ]
            ),
            new(
                typeof(TopicDescription),
                "TopicDescription",
                "A topic.",
                Json(new TopicDescription("orders", "8f1d4c0a52b7e693", Configuration, Partitions)),
                [
                    new("topic", "Its name."),
                    new("id", "Distinguishes it from earlier and later topics of its name."),
                    new("configuration", ""),
                    new("partitions", "Its partitions, by number."),
                ]
            ),
            new(
                typeof(PartitionDescription),
                "PartitionDescription",
                "The state of a partition.",
                Json(Partitions[0]),
                [
                    new("partition", "Its number, from 0 on."),
                    new("earliestOffset", "The earliest available offset."),
                    new("nextOffset", "The offset after the last visible record."),
                    new("sizeBytes", "The bytes of its records on the disk."),
                    new("segments", "The number of its segments."),
                    new(
                        "journaled",
                        "Whether the journal decides the end of the partition. False if `flush` is not `always`, and "
                            + "before the first append."
                    ),
                    new(
                        "unsyncedBytes",
                        "The number of its last bytes that are durable only in the journal. The server syncs the "
                            + "segment in the background."
                    ),
                    new("stopped", "The reason why it accepts no appends. Absent if it does."),
                ]
            ),
            new(
                typeof(TopicList),
                "TopicList",
                "Topics, by name.",
                Json(new TopicList(Topics, "?after=payments&limit=2")),
                [
                    new("topics", "The topics."),
                    new("next", "The URL of the next topics, relative to the request's. Absent if there are none."),
                ]
            ),
            new(
                typeof(TopicEntry),
                "TopicEntry",
                "A topic in a list.",
                Json(Topics[0]),
                [
                    new("topic", "Its name."),
                    new("id", "Distinguishes it from earlier and later topics of its name. Absent if it is damaged."),
                    new("partitions", "The number of its partitions. Absent if it is damaged."),
                    new("damaged", "The reason why it could not be opened. Absent if it is open."),
                ]
            ),
            new(
                typeof(FoundDamage),
                "Finding",
                "A finding of a verification.",
                Json(
                    new FoundDamage(
                        "data",
                        "orders",
                        0,
                        42,
                        "00000000000000000042.ndjson",
                        8192,
                        4200,
                        "the block is not what was written; the block's CRC is 89abcdef, and the index has 01234567",
                        97
                    )
                ),
                [
                    new(
                        "kind",
                        "`data`: records are damaged. `index`: only the index was damaged. It was computed again."
                    ),
                    new("topic", "The topic."),
                    new("partition", "The partition."),
                    new("segment", "The segment's base offset."),
                    new("file", "The file."),
                    new("position", "The position in the file where the damage begins, in bytes."),
                    new("lengthBytes", "The length of the damage in bytes. 0 if a length does not apply."),
                    new("reason", "The difference between the expected and the found bytes."),
                    new("nextOffset", "The offset after the damaged block, if it is known."),
                ]
            ),
            new(
                typeof(Verified),
                "Verified",
                "The last line: the extent of the verification.",
                Json(new Verified(3, 201326592, 1, 0)),
                [
                    new("segments", "The number of segments read."),
                    new("bytes", "The bytes of these segments."),
                    new("damagedPlaces", "The number of findings of kind `data`."),
                    new("indexesMade", "The number of findings of kind `index`."),
                ]
            ),
            new(
                typeof(ServerDescription),
                "Server",
                "The server's version, formats and features.",
                Json(Server),
                [
                    new("name", "`LogHttp`."),
                    new("version", "The version of the server."),
                    new("apiVersion", "The version of this API. A change that breaks clients raises it."),
                    new("formats", "The media types of records."),
                    new("features", "The parts of the API that this server has. More may follow."),
                    new("reservedNames", "The names that are the server's own."),
                ]
            ),
            new(
                typeof(ServerFormats),
                "ServerFormats",
                "The media types of records.",
                Json(Server.Formats),
                [
                    new(
                        "produce",
                        "Media types that are read as records. A body of any other type is one record of bytes."
                    ),
                    new("fetch", "Media types of responses with records."),
                ]
            ),
            new(
                typeof(ReservedNames),
                "ReservedNames",
                "The prefixes of the names that only the server creates.",
                Json(Server.ReservedNames),
                [new("topics", "The prefix of topics."), new("groups", "The prefix of consumer groups.")]
            ),
            new(typeof(Health), "Health", "The server is alive.", Json(new Health("ok")), [new("status", "`ok`")]),
            new(
                typeof(ProblemJson),
                "Problem",
                "An error, in the form of RFC 9457.",
                ProblemDocuments.InvalidJson.Json,
                [
                    new("title", "The status in words."),
                    new("status", "The status."),
                    new("detail", "The error and its remedy, for people."),
                    new("code", "The error, for programs. Stable across versions."),
                    new(
                        "retryable",
                        "Whether the same request may succeed later, without a restart of the server. Then "
                            + "`Retry-After` is sent."
                    ),
                    new("line", "The line of the error, from 1 on. Only for bodies of lines."),
                    new("earliestOffset", "The earliest available offset. Only with `offset_gone`."),
                    new(
                        "endOffset",
                        "The offset after the last record. Only with `offset_beyond_end` and `offset_not_next`."
                    ),
                    new(
                        "nextOffset",
                        "The offset after the damaged block, where readers continue. Only with `corrupt_block`, if it "
                            + "is known."
                    ),
                    new(
                        "expectedSequence",
                        "The sequence of the producer's next record. Only with `sequence_gap`, `sequence_forgotten` "
                            + "and `batch_differs`."
                    ),
                    new("epoch", "The epoch that the producer continues with. Only with `epoch_ended`."),
                ]
            ),
            new(
                typeof(ConfluentError),
                "ConfluentError",
                "An error, in the form of Confluent's REST Proxy.",
                Json(ConfluentError.Of(ProblemDocuments.UnknownTopic.Example)),
                [
                    new(
                        "error_code",
                        "40401: no such topic. 40402: no such partition. 50003: the same request may be accepted "
                            + "later. 50002: it will not be. Otherwise the status."
                    ),
                    new("message", "The error and its remedy, for people."),
                ]
            ),
        }.ToDictionary(document => document.Type);

    /// <summary>The schemas of record lines. The program has no type for them, because it copies them.</summary>
    public static IReadOnlyDictionary<string, OpenApiSchema> OfRecords { get; } =
        new Dictionary<string, OpenApiSchema>
        {
            [Record] = Object(
                "A record, as it is in the log: one line. The fields are in this order.",
                ["offset", "timestamp"],
                """{"offset":42,"timestamp":1795370332466,"key":"user-7","headers":{"trace":"9f"},"value":{"id":1,"total":9.50}}""",
                [
                    ("offset", Number("Its number in the partition. Offsets increase and may have gaps.")),
                    ("timestamp", Number("Unix milliseconds: the server's time, or the one in the request.")),
                    (
                        "batch",
                        Number(
                            "On the first record of a batch of two or more: the number of its records. After a crash "
                                + "all of them are there, or none."
                        )
                    ),
                    .. KeyAndHeaders(),
                    .. Values(),
                ]
            ),
            [StreamReport] = Object(
                "A committed batch of `stream=true`, in one partition.",
                ["firstLine", "lastLine", "partition", "count"],
                """{"firstLine":1,"lastLine":2,"partition":0,"offset":42,"count":2}""",
                [
                    ("firstLine", Number("The batch's first line in the body, from 1 on.")),
                    ("lastLine", Number("Its last line.")),
                    ("partition", Number("The partition.")),
                    ("offset", Number("The first record's offset. Absent if it was appended too long ago.")),
                    ("count", Number("The number of the batch's records in that partition.")),
                    ("sequence", Number("The sequence of the first counted record. Only with a producer.")),
                    (
                        "repeat",
                        new()
                        {
                            Type = JsonSchemaType.Boolean,
                            Description = "True if it was appended before, and not now.",
                        }
                    ),
                    (
                        "repeated",
                        Number(
                            "The number of records that were appended before. The others were appended now and are "
                                + "counted."
                        )
                    ),
                    (
                        "batches",
                        Number(
                            "The number of batches in this report. More than one if the client reads its reports more "
                                + "slowly than batches are committed."
                        )
                    ),
                ]
            ),
            [StreamSummary] = Object(
                "The last line of the response to `stream=true`. A response without it broke off.",
                ["done", "lastCommittedLine", "count"],
                """{"done":true,"lastCommittedLine":2,"count":2}""",
                [
                    (
                        "done",
                        new() { Type = JsonSchemaType.Boolean, Description = "Whether the whole body was committed." }
                    ),
                    (
                        "lastCommittedLine",
                        Number(
                            "All lines up to this one are committed. Of later lines only those in reports are. After "
                                + "`partition_stopped` the others are unknown."
                        )
                    ),
                    ("count", Number("The number of appended records, without repeats.")),
                    (
                        "nextSequence",
                        Number("The sequence of the producer's next record, if the whole body was committed.")
                    ),
                    (
                        "error",
                        new() { Type = JsonSchemaType.Object, Description = "A Problem, if not all was committed." }
                    ),
                ]
            ),
            [NewRecord] = Object(
                "A record to append, with either `value` or `valueBase64`. `offset`, `batch`, `producer`, `commit` and "
                    + "`idempotency` are ignored, so that the response of a fetch can be sent to another topic.",
                [],
                """{"key":"user-7","headers":{"trace":"9f"},"value":{"id":1,"total":9.50}}""",
                [
                    .. KeyAndHeaders(),
                    ("timestamp", Number("Unix milliseconds, at most an hour ahead. Default: the server's time.")),
                    ("partition", Number("The partition to append to. Default: the request's, or else the key's.")),
                    .. Values(),
                ]
            ),
        };

    public static JsonNode ExampleOf(Type type) => OfTypes[type].Example;

    public static JsonNode Json<T>(T value) => JsonSerializer.SerializeToNode(value, JsonOptions)!;

    static (string, OpenApiSchema)[] KeyAndHeaders() =>
        [
            ("key", Text("The key, if it is text.")),
            ("keyBase64", Base64("The key, if it is other bytes.")),
            (
                "headers",
                new()
                {
                    Description =
                        "An object with names in lower case. A value is a string, or an array of strings for a "
                        + "repeated name. If an object would lose order, case, nulls or bytes: an array of pairs. A "
                        + "pair has a name and a string, `null` or `{\"base64\":\"…\"}`.",
                    OneOf =
                    [
                        new OpenApiSchema
                        {
                            Type = JsonSchemaType.Object,
                            AdditionalProperties = new OpenApiSchema
                            {
                                OneOf =
                                [
                                    new OpenApiSchema { Type = JsonSchemaType.String },
                                    new OpenApiSchema
                                    {
                                        Type = JsonSchemaType.Array,
                                        Items = new OpenApiSchema { Type = JsonSchemaType.String },
                                    },
                                ],
                            },
                        },
                        new OpenApiSchema
                        {
                            Type = JsonSchemaType.Array,
                            Items = new OpenApiSchema
                            {
                                Type = JsonSchemaType.Array,
                                MinItems = 2,
                                MaxItems = 2,
                                Items = new OpenApiSchema(),
                            },
                        },
                    ],
                }
            ),
        ];

    static (string, OpenApiSchema)[] Values() =>
        [
            ("value", new() { Description = "The value, if it is JSON or text: any JSON value, kept as it came." }),
            ("valueBase64", Base64("The value, if it is bytes.")),
        ];

    static OpenApiSchema Object(
        string description,
        HashSet<string> required,
        string example,
        (string Name, OpenApiSchema Schema)[] properties
    ) =>
        new()
        {
            Type = JsonSchemaType.Object,
            Description = description,
            Required = required,
            Properties = properties.ToDictionary(
                property => property.Name,
                IOpenApiSchema (property) => property.Schema
            ),
            Examples = [JsonNode.Parse(example)!],
        };

    static OpenApiSchema Number(string description) =>
        new()
        {
            Type = JsonSchemaType.Integer,
            Format = "int64",
            Description = description,
        };

    static OpenApiSchema Text(string description) => new() { Type = JsonSchemaType.String, Description = description };

    static OpenApiSchema Base64(string description) =>
        new()
        {
            Type = JsonSchemaType.String,
            Format = "byte",
            Description = description,
        };
}

/// <summary>The schema of a type: its name, its purpose, and the purposes of its fields.</summary>
internal sealed record SchemaDocument(
    Type Type,
    string Name,
    string Description,
    JsonNode Example,
    PropertyDocument[] Properties
);

/// <summary>A field, by its name in JSON.</summary>
internal sealed record PropertyDocument(string Name, string Description)
{
    public long? Least { get; init; }

    public long? Most { get; init; }

    public string? Pattern { get; init; }
}
