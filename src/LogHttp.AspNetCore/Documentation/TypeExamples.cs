using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using LogHttp.AspNetCore.Confluent;
using LogHttp.AspNetCore.Contract;
using LogHttp.AspNetCore.Endpoints;
using LogHttp.AspNetCore.Producing;
using LogHttp.Storage;

namespace LogHttp.AspNetCore.Documentation;

/// <summary>An example of each type of the log's, made by the code that the server writes it with.</summary>
internal static class TypeExamples
{
    public const string Id = "8f1d4c0a52b7e693";
    public const string Order = """{"id":1,"total":9.50}""";

    const long Timestamp = 1795370332466;

    /// <summary>The results of two partitions that accepted their records.</summary>
    public static ProducedPart[] Parts { get; } = [PartOf(0, offset: 7, count: 2), PartOf(1, offset: 19, count: 3)];

    /// <summary>The report of a batch.</summary>
    public static StreamReport Report { get; } = new(1, 2, 0, 42, 2);

    static readonly JsonSerializerOptions JsonOptions = new(ReadableJson.CreateOptions())
    {
        TypeInfoResolver = JsonTypeInfoResolver.Combine(
            ResponseJson.Readable,
            StreamJson.Readable,
            ConfluentJson.Readable,
            ProblemJsonContext.Readable,
            new DefaultJsonTypeInfoResolver()
        ),
    };

    static readonly TopicSettings Configuration = TopicSettings.Of(
        new TopicConfiguration { Partitions = 2, RetentionMs = 7 * 24 * 3600 * 1000L }
    );

    static readonly PartitionDescription[] Partitions =
    [
        new(0, 0, 131, 9120, 1, Journaled: true, UnsyncedBytes: 312),
        new(1, 40, 97, 4711, 1, Journaled: true, UnsyncedBytes: 0)
        {
            Stopped = ProblemExamples.PartitionStopped.Detail,
        },
    ];

    static readonly ProducerPosition Position = new(0, 0, 7);
    static readonly ServerDescription Server = ServerDescription.Of("0.1.0");

    static readonly TopicEntry[] Topics =
    [
        new("orders") { Id = Id, Partitions = 2 },
        new("payments") { Damaged = "topic.json, position 0: it holds no object" },
    ];

    static readonly ConfluentJsonRequest JsonRequest = new([
        new("user-7", JsonNode.Parse(Order), null),
        new(null, "paid", 0, Timestamp, [new("trace", "9f"u8.ToArray())]),
    ]);

    static readonly ConfluentBinaryRequest BinaryRequest = new([
        new("user-7"u8.ToArray(), [0, 1, 2, 255], null),
        new(null, "hello"u8.ToArray(), null),
    ]);

    static readonly ConfluentOffsets Offsets = new([
        new(0, 42),
        new(null, null, 50002, ProblemExamples.UnknownPartition.Detail),
    ]);

    /// <summary>An example of each type.</summary>
    static readonly Dictionary<Type, Example> ByType = new Example[]
    {
        new("repeat", "As the first time", new Produced("orders", 0, 42, 1, Timestamp)),
        new(
            "some",
            "One of two partitions was full",
            new ProducedToMany("orders", 2, [Parts[0], PartOf(1, ProblemExamples.DiskFull)])
        ),
        new Example(Parts[0]),
        new("all", "All fields", Configuration),
        new("known", "Known in one partition", new ProducerDescription("orders", "sensor-7", [Position])),
        new Example(Position),
        new("orders", "A topic of two partitions", new TopicDescription("orders", Id, Configuration, Partitions)),
        new Example(Partitions[0]),
        new("two", "Two of more, one damaged", new TopicList(Topics, "?after=payments&limit=2")),
        new Example(Topics[0]),
        new(
            "damage",
            "A damaged block: the first line",
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
        new Example(new Verified(3, 201326592, 1, 0)),
        new("server", "A server", Server),
        new Example(Server.Formats),
        new Example(Server.ReservedNames),
        new("ok", "The only response", new Health("ok")),
        new Example(ProblemExamples.InvalidJson.ToJson()),
        new Example(ConfluentError.Of(ProblemExamples.UnknownTopic)),
        new Example(Report),
        new Example(new StreamSummary(true, 2, 2)),
        new Example(OfUser(new RecordLine(42, Timestamp))),
        new Example(OfUser(new NewRecordLine())),
        new("example", "Two records", JsonRequest),
        new Example(JsonRequest.Records[0]),
        new Example(JsonRequest.Records[1].Headers![0]),
        new("example", "Two records", BinaryRequest),
        new Example(BinaryRequest.Records[0]),
        new("repeat", "Two records, one of them for a partition that does not exist", Offsets),
        new Example(Offsets.Offsets[0]),
    }.ToDictionary(static example => example.Value.GetType());

    /// <summary>Returns the example of a type, or null if the type has none.</summary>
    public static Example? Find(Type type) => ByType.GetValueOrDefault(type);

    public static JsonNode ToJson(object value) => JsonSerializer.SerializeToNode(value, value.GetType(), JsonOptions)!;

    /// <summary>Returns lines of JSON, as the server writes them.</summary>
    public static string ToLines(params object[] values) =>
        string.Concat(values.Select(static value => ToJson(value).ToJsonString(JsonOptions) + "\n"));

    static RecordContent OfUser(RecordContent record) =>
        record with
        {
            Key = "user-7",
            Headers = new Dictionary<string, string> { ["trace"] = "9f" },
            Value = JsonNode.Parse(Order),
        };

    static ProducedPart PartOf(int partition, long offset, int count) =>
        new(partition, StatusCodes.Status201Created)
        {
            Offset = offset,
            Count = count,
            Timestamp = Timestamp,
        };

    static ProducedPart PartOf(int partition, Problem problem) =>
        new(partition, problem.Status)
        {
            Code = problem.Code,
            Retryable = problem.IsRetryable,
            Detail = problem.Detail,
        };
}

/// <summary>An example, with its key and a few words for people. An example of a part of a body has none.</summary>
internal sealed record Example(string Name, string Summary, object Value)
{
    public Example(object value)
        : this("", "", value) { }

    public JsonNode Json => TypeExamples.ToJson(Value);
}
