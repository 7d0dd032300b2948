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
                "Where records are that were appended to one partition.",
                Json(new Produced("orders", 0, 42, 1, Timestamp)),
                [
                    new("topic", "The topic."),
                    new("partition", "The partition."),
                    new("offset", "The first record's offset."),
                    new("count", "How many records there are."),
                    new("timestamp", "The time the server stamped them with, Unix milliseconds."),
                ]
            ),
            new(
                typeof(ProducedToMany),
                "ProducedToMany",
                "Where records are that were appended to several partitions.",
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
                    new("count", "How many records are in."),
                    new("results", "What became of each partition's records, by its number."),
                ]
            ),
            new(
                typeof(ProducedPart),
                "ProducedPart",
                "What became of one partition's records.",
                Json(Part0),
                [
                    new("partition", "The partition."),
                    new("status", "201, or the status that the problem alone would have had."),
                    new("offset", "The first record's offset; only with 201."),
                    new("count", "How many records there are; only with 201."),
                    new("timestamp", "The time the server stamped them with, Unix milliseconds; only with 201."),
                    new("code", "The problem, for programs; not with 201."),
                    new("retryable", "Whether the same records may be taken later; not with 201."),
                    new("detail", "The problem, for people; not with 201."),
                ]
            ),
            new(
                typeof(TopicSettings),
                "TopicConfiguration",
                "How a topic keeps its records. In a request every field may be left out.",
                Json(Configuration),
                [
                    new("partitions", "How many partitions; can't be changed later.") { Least = 1, Most = 1024 },
                    new("segmentBytes", "A segment is sealed before the batch that would make it larger.")
                    {
                        Least = 64 << 10,
                        Most = 2L << 30,
                    },
                    new(
                        "flush",
                        "When appends are acknowledged and visible: `always`, when they are durable; `os`, when "
                            + "they are written; a time from `1ms` to `60m`, when they are written, and durable at the "
                            + "latest so long after."
                    )
                    {
                        Pattern = "^(always|os|[0-9]+(ms|s|m))$",
                    },
                    new(
                        "retentionMs",
                        "How long records are kept after their segment was last appended to; 0: for ever."
                    ),
                    new(
                        "retentionBytes",
                        "How many bytes all partitions together may take: the oldest segments go; 0: any number."
                    ),
                    new(
                        "values",
                        "Which values the topic takes: `auto`, any; `json`, `text` or `bytes`, only those. "
                            + "`null` is taken in any case."
                    )
                    {
                        Pattern = "^(auto|json|text|bytes)$",
                    },
                    new(
                        "maxRecordBytes",
                        "The largest record, once encoded; 0: the server's `MaxRecordBytes`, which no topic exceeds."
                    )
                    {
                        Least = 0,
                        Most = 64 << 20,
                    },
                    new(
                        "labels",
                        "Up to 32 names with a text each, for people and programs. A request replaces all of them."
                    ),
                ]
            ),
            new(
                typeof(ProducerDescription),
                "ProducerDescription",
                "Where a producer stands.",
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
                "Where a producer stands in a partition.",
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
                    new("id", "Tells it from earlier and later topics of its name."),
                    new("configuration", ""),
                    new("partitions", "Its partitions, by number."),
                ]
            ),
            new(
                typeof(PartitionDescription),
                "PartitionDescription",
                "What a partition holds.",
                Json(Partitions[0]),
                [
                    new("partition", "Its number, from 0 on."),
                    new("earliestOffset", "The first offset there is."),
                    new("nextOffset", "The offset after the last record that may be read."),
                    new("sizeBytes", "The bytes of its records on the disk."),
                    new("segments", "How many segments they lie in."),
                    new(
                        "journaled",
                        "Whether the journal decides where the partition ends. False under another `flush` than "
                            + "`always`, and before the first append."
                    ),
                    new(
                        "unsyncedBytes",
                        "How many of its last bytes are durable in the journal only. The server syncs the "
                            + "segment in the background."
                    ),
                    new("stopped", "Why it takes no appends, where it takes none."),
                ]
            ),
            new(
                typeof(TopicList),
                "TopicList",
                "Topics, by name.",
                Json(new TopicList(Topics, "?after=payments&limit=2")),
                [
                    new("topics", "The topics."),
                    new("next", "The URL that lists more, where there are more; relative to the request's."),
                ]
            ),
            new(
                typeof(TopicEntry),
                "TopicEntry",
                "A topic in a list.",
                Json(Topics[0]),
                [
                    new("topic", "Its name."),
                    new("id", "Tells it from earlier and later topics of its name; not where it is damaged."),
                    new("partitions", "How many partitions it has; not where it is damaged."),
                    new("damaged", "Why it could not be opened, where it could not."),
                ]
            ),
            new(
                typeof(FoundDamage),
                "Finding",
                "Something that a verification found.",
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
                        "`data`: records are damaged. `index`: only what finds them was; it has been made anew."
                    ),
                    new("topic", "The topic."),
                    new("partition", "The partition."),
                    new("segment", "The segment's base offset."),
                    new("file", "The file."),
                    new("position", "Where in the file the damage begins, in bytes."),
                    new("lengthBytes", "How far it reaches; 0 where that says nothing."),
                    new("reason", "What was expected and found."),
                    new("nextOffset", "The offset after the damaged block, where it is known."),
                ]
            ),
            new(
                typeof(Verified),
                "Verified",
                "How much was verified; the last line.",
                Json(new Verified(3, 201326592, 1, 0)),
                [
                    new("segments", "How many segments were read."),
                    new("bytes", "How many bytes they have."),
                    new("damagedPlaces", "How many findings are of kind `data`."),
                    new("indexesMade", "How many are of kind `index`."),
                ]
            ),
            new(
                typeof(ServerDescription),
                "Server",
                "What the server is and supports.",
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
                    new("produce", "Those that are read as records. A body of any other type is one record of bytes."),
                    new("fetch", "Those that records are returned in."),
                ]
            ),
            new(
                typeof(ReservedNames),
                "ReservedNames",
                "The prefixes of the names that only the server creates.",
                Json(Server.ReservedNames),
                [new("topics", "The prefix of topics."), new("groups", "The prefix of consumer groups.")]
            ),
            new(typeof(Health), "Health", "That the server lives.", Json(new Health("ok")), [new("status", "`ok`")]),
            new(
                typeof(ProblemJson),
                "Problem",
                "What went wrong, in the form of RFC 9457.",
                ProblemDocuments.InvalidJson.Json,
                [
                    new("title", "The status in words."),
                    new("status", "The status."),
                    new("detail", "What was wrong and what to do, for people."),
                    new("code", "What was wrong, for programs; stays the same from version to version."),
                    new("retryable", "Whether the same request may succeed later; then there is a `Retry-After`."),
                    new("line", "The line of the body that is meant, from 1 on; only for bodies of lines."),
                    new("earliestOffset", "The first offset there is; only with `offset_gone`."),
                    new(
                        "endOffset",
                        "The offset after the last record; only with `offset_beyond_end` and `offset_not_next`."
                    ),
                    new(
                        "nextOffset",
                        "The offset after the damaged block, where readers can go on; only with `corrupt_block`, "
                            + "where it is known."
                    ),
                    new(
                        "expectedSequence",
                        "The sequence of the producer's next record; only with `sequence_gap`, "
                            + "`sequence_forgotten` and `batch_differs`."
                    ),
                    new("epoch", "The epoch that the producer has gone on with; only with `epoch_ended`."),
                ]
            ),
            new(
                typeof(ConfluentError),
                "ConfluentError",
                "What went wrong, as Confluent's REST Proxy says it.",
                Json(ConfluentError.Of(ProblemDocuments.UnknownTopic.Example)),
                [
                    new(
                        "error_code",
                        "40401: no such topic, 40402: no such partition, 50003: the same request may be taken "
                            + "later, 50002: it will not be; else the status."
                    ),
                    new("message", "What was wrong and what to do, for people."),
                ]
            ),
        }.ToDictionary(document => document.Type);

    /// <summary>The schemas of record lines. The program has no type for them, because it copies them.</summary>
    public static IReadOnlyDictionary<string, OpenApiSchema> OfRecords { get; } =
        new Dictionary<string, OpenApiSchema>
        {
            [Record] = Object(
                "A record, as it lies in the log: one line. The fields stand in this order.",
                ["offset", "timestamp"],
                """{"offset":42,"timestamp":1795370332466,"key":"user-7","headers":{"trace":"9f"},"value":{"id":1,"total":9.50}}""",
                [
                    ("offset", Number("Its number in the partition. They increase; gaps are legal.")),
                    ("timestamp", Number("Unix milliseconds: the server's, or the one that came with it.")),
                    (
                        "batch",
                        Number(
                            "On the first record of a batch of 2 or more: this many together are one batch, "
                                + "whole or absent after a crash."
                        )
                    ),
                    .. KeyAndHeaders(),
                    .. Values(),
                ]
            ),
            [StreamReport] = Object(
                "What became of a batch of `stream=true` in one partition: it is in.",
                ["firstLine", "lastLine", "partition", "count"],
                """{"firstLine":1,"lastLine":2,"partition":0,"offset":42,"count":2}""",
                [
                    ("firstLine", Number("The batch's first line in the body, from 1 on.")),
                    ("lastLine", Number("Its last line.")),
                    ("partition", Number("The partition.")),
                    ("offset", Number("The first record's offset; not where it was appended too long ago to say.")),
                    ("count", Number("How many records of the batch went to that partition.")),
                    (
                        "sequence",
                        Number("The sequence of the first record that is counted, where a producer numbers them.")
                    ),
                    (
                        "repeat",
                        new()
                        {
                            Type = JsonSchemaType.Boolean,
                            Description = "That it was appended before, and not now.",
                        }
                    ),
                    (
                        "repeated",
                        Number(
                            "How many of the lines' records were appended before, where the others were appended "
                                + "now and are counted."
                        )
                    ),
                    (
                        "batches",
                        Number(
                            "How many batches this stands for, where a client takes its reports more slowly than "
                                + "batches are committed."
                        )
                    ),
                ]
            ),
            [StreamSummary] = Object(
                "The last line of the answer to `stream=true`. One that lacks it broke off.",
                ["done", "lastCommittedLine", "count"],
                """{"done":true,"lastCommittedLine":2,"count":2}""",
                [
                    ("done", new() { Type = JsonSchemaType.Boolean, Description = "Whether all of the body is in." }),
                    (
                        "lastCommittedLine",
                        Number(
                            "All lines up to this one are in; of later ones those that reports name, and no "
                                + "others, but for `partition_stopped`, which leaves that open."
                        )
                    ),
                    ("count", Number("How many records were appended, repeats not counted.")),
                    (
                        "nextSequence",
                        Number("The sequence of the producer's next record, where they are numbered and all is in.")
                    ),
                    ("error", new() { Type = JsonSchemaType.Object, Description = "A Problem, where not all is in." }),
                ]
            ),
            [NewRecord] = Object(
                "A record to append. `offset`, `batch`, `producer`, `commit` and `idempotency` are ignored, so "
                    + "that what a fetch answers can be sent to another topic. It has one of `value` and "
                    + "`valueBase64`.",
                [],
                """{"key":"user-7","headers":{"trace":"9f"},"value":{"id":1,"total":9.50}}""",
                [
                    .. KeyAndHeaders(),
                    ("timestamp", Number("Unix milliseconds, at most an hour ahead. Left out: the server's time.")),
                    ("partition", Number("The partition it goes to. Left out: the request's, or the key's.")),
                    .. Values(),
                ]
            ),
        };

    public static JsonNode ExampleOf(Type type) => OfTypes[type].Example;

    public static JsonNode Json<T>(T value) => JsonSerializer.SerializeToNode(value, JsonOptions)!;

    static (string, OpenApiSchema)[] KeyAndHeaders() =>
        [
            ("key", Text("The key, where it is text.")),
            ("keyBase64", Base64("The key, where it is other bytes.")),
            (
                "headers",
                new()
                {
                    Description =
                        "An object with names in lower case, where a value is a string, or an array of strings "
                        + "where a name was repeated. Where an object would lose order, case, nulls or bytes: an "
                        + "array of pairs of a name and a string, `null` or `{\"base64\":\"…\"}`.",
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
            ("value", new() { Description = "The value, where it is JSON or text: any JSON value, kept as it came." }),
            ("valueBase64", Base64("The value, where it is bytes.")),
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
