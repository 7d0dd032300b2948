using LogHttp.AspNetCore.Endpoints;

namespace LogHttp.AspNetCore.Documentation;

/// <summary>The operations on topics, and on the server itself.</summary>
internal static class TopicOperations
{
    static readonly ExampleDocument Topic = new(
        "orders",
        "A topic of two partitions",
        Schemas.ExampleOf(typeof(TopicDescription))
    );

    static readonly ContentDocument Description = new(
        "application/json",
        ContentSchema.Of(typeof(TopicDescription)),
        Topic
    );

    /// <summary>The problems of every change of a topic.</summary>
    static readonly ProblemDocument[] OfChanges =
    [
        ProblemDocuments.InvalidHost,
        ProblemDocuments.InvalidTopic,
        ProblemDocuments.InvalidParameter,
        ProblemDocuments.CrossSite,
        ProblemDocuments.StorageError,
        ProblemDocuments.InternalError,
        ProblemDocuments.Closed,
        ProblemDocuments.DiskFull,
        ProblemDocuments.TopicConditionFailed,
    ];

    /// <summary>The problems of every body with a configuration.</summary>
    static readonly ProblemDocument[] OfConfigurations =
    [
        .. OfChanges,
        ProblemDocuments.InvalidConfiguration,
        ProblemDocuments.IncompleteBody,
        ProblemDocuments.BodyTimeout,
        ProblemDocuments.SlowBody,
        ProblemDocuments.ConfigurationDiffers,
        ProblemDocuments.BodyTooLarge,
        ProblemDocuments.UnsupportedMediaType,
        ProblemDocuments.UnsupportedTransferCoding,
        ProblemDocuments.Overloaded,
        ProblemDocuments.TopicDamaged,
    ];

    public static OperationDocument Put { get; } =
        new(
            "putTopic",
            Tags.Topics,
            "Make a topic",
            """
            Makes a topic, durably. What the configuration leaves open is as the server's settings say, and so is all of it when there is no body.
            A topic that is there already and is as asked is answered with 200, so that the same request can be sent again; one that is not, with 409.
            """
        )
        {
            Parameters = [Parameters.Topic],
            Body = new(
                IsRequired: false,
                "The configuration, at most 16 KiB. Read as JSON whatever its `Content-Type`.",
                new ContentDocument(
                    "application/json",
                    ContentSchema.Of(typeof(TopicSettings)),
                    new("all", "All of it", Schemas.ExampleOf(typeof(TopicSettings))),
                    new(
                        "partitions",
                        "Three partitions, the rest by default",
                        Schemas.Json(new TopicSettings { Partitions = 3 })
                    )
                )
            ),
            Responses =
            [
                new(StatusCodes.Status200OK, "It was there already, as asked.")
                {
                    Headers = [Headers.NoStore],
                    Contents = [Description],
                },
                new(StatusCodes.Status201Created, "It was made.")
                {
                    Headers = [Headers.Location, Headers.NoStore],
                    Contents = [Description],
                },
            ],
            Problems = [.. OfConfigurations, ProblemDocuments.PartialPut, ProblemDocuments.TooManyTopics],
        };

    public static OperationDocument Get { get; } =
        new(
            "getTopic",
            Tags.Topics,
            "Describe a topic",
            """
            Answers how a topic is configured, and what its partitions hold.

            `HEAD` answers the same without the body.
            """
        )
        {
            Parameters = [Parameters.Topic],
            Responses =
            [
                new(StatusCodes.Status200OK, "The topic.") { Headers = [Headers.NoStore], Contents = [Description] },
                ResponseDocument.UntaggedNotModified,
            ],
            Problems =
            [
                ProblemDocuments.InvalidHost,
                ProblemDocuments.InvalidTopic,
                ProblemDocuments.InvalidParameter,
                ProblemDocuments.UnknownTopic,
                ProblemDocuments.UntaggedConditionFailed,
                ProblemDocuments.InternalError,
                ProblemDocuments.TopicDamaged,
            ],
        };

    public static OperationDocument Patch { get; } =
        new(
            "patchTopic",
            Tags.Topics,
            "Change a topic",
            """
            Changes what the body names, durably, and leaves the rest as it is. Records that are in the log stay as they are.
            How many partitions there are can't be changed, since keys would move: that is answered with 409.
            """
        )
        {
            Parameters = [Parameters.Topic],
            Body = new(
                IsRequired: false,
                "What to change, at most 16 KiB. Read as JSON whatever its `Content-Type`.",
                new ContentDocument(
                    "application/json",
                    ContentSchema.Of(typeof(TopicSettings)),
                    new(
                        "flush",
                        "Acknowledge before the sync, sync within 100 ms",
                        Schemas.Json(new TopicSettings { Flush = "100ms" })
                    ),
                    new("segments", "Smaller segments", Schemas.Json(new TopicSettings { SegmentBytes = 64 << 20 }))
                )
            ),
            Responses =
            [
                new(StatusCodes.Status200OK, "The topic as it is now.")
                {
                    Headers = [Headers.NoStore],
                    Contents = [Description],
                },
            ],
            Problems = [.. OfConfigurations, ProblemDocuments.UnknownTopic],
        };

    public static OperationDocument Delete { get; } =
        new(
            "deleteTopic",
            Tags.Topics,
            "Delete a topic",
            "Deletes a topic and its records, durably. Appends that were accepted before are answered. The name "
                + "is free again; a topic made with it has another id."
        )
        {
            Parameters = [Parameters.Topic],
            Responses = [new(StatusCodes.Status204NoContent, "It is gone.") { Headers = [Headers.NoStore] }],
            Problems = [.. OfChanges, ProblemDocuments.UnknownTopic],
        };

    public static OperationDocument Trim { get; } =
        new(
            "trimTopic",
            Tags.Topics,
            "Forget old records",
            """
            Forgets, durably, all records of a topic before a place; without `partition` those of every partition, which a number as the place does not allow where there are several.
            Whoever asks for one of them is answered with 410 from then on; who is in the middle of a page finishes it. Space is returned by whole segments. Asking once more changes nothing.
            """
        )
        {
            Parameters = [Parameters.Topic, Parameters.Before, Parameters.TrimPartition],
            Responses =
            [
                new(StatusCodes.Status200OK, "The topic as it is now.")
                {
                    Headers = [Headers.NoStore],
                    Contents = [Description],
                },
            ],
            Problems =
            [
                .. OfChanges,
                ProblemDocuments.InvalidPlace,
                ProblemDocuments.PartitionRequired,
                ProblemDocuments.UnknownTopic,
                ProblemDocuments.UnknownPartition,
                ProblemDocuments.OffsetBeyondEnd,
                ProblemDocuments.CorruptBlock,
                ProblemDocuments.PartitionStopped,
                ProblemDocuments.TopicDamaged,
            ],
        };

    public static OperationDocument Verify { get; } =
        new(
            "verifyTopic",
            Tags.Topics,
            "Look for damage",
            """
            Reads all segments and indexes of a topic, and answers with a line for each thing that is wrong, as it is found, and a last line that says how much was read. Without that line it was not all.
            Blocks that are damaged are not served from then on; what comes after them is. Indexes are made anew.
            """
        )
        {
            Parameters = [Parameters.Topic],
            Responses =
            [
                new(StatusCodes.Status200OK, "What was found: `Finding` lines, and one `Verified` line at the end.")
                {
                    Headers = [Headers.NoStore],
                    Contents =
                    [
                        new(
                            "application/x-ndjson",
                            ContentSchema.Of(typeof(FoundDamage), typeof(Verified)),
                            new("well", "Nothing is damaged", Schemas.Json(new Verified(3, 201326592, 0, 0))),
                            new("damage", "A damaged block: the first line", Schemas.ExampleOf(typeof(FoundDamage)))
                        ),
                    ],
                },
            ],
            Problems =
            [
                ProblemDocuments.InvalidHost,
                ProblemDocuments.InvalidTopic,
                ProblemDocuments.InvalidParameter,
                ProblemDocuments.CrossSite,
                ProblemDocuments.UnknownTopic,
                ProblemDocuments.StorageError,
                ProblemDocuments.InternalError,
                ProblemDocuments.TopicDamaged,
                ProblemDocuments.Closed,
                ProblemDocuments.TopicConditionFailed,
                ProblemDocuments.VerificationRuns,
            ],
        };

    public static OperationDocument List { get; } =
        new(
            "listTopics",
            Tags.Topics,
            "List the topics",
            """
            Answers the topics by name, `limit` at a time. Topics that could not be opened are among them, with `damaged` saying why.

            `HEAD` answers the same without the body.
            """
        )
        {
            Parameters = [Parameters.Limit, Parameters.After],
            Responses =
            [
                new(StatusCodes.Status200OK, "The topics; `next` and `Link` lead to more, where there are more.")
                {
                    Headers = [Headers.Link, Headers.NoStore],
                    Contents =
                    [
                        new(
                            "application/json",
                            ContentSchema.Of(typeof(TopicList)),
                            new ExampleDocument("two", "Two of more, one damaged", Schemas.ExampleOf(typeof(TopicList)))
                        ),
                    ],
                },
                ResponseDocument.UntaggedNotModified,
            ],
            Problems =
            [
                ProblemDocuments.InvalidHost,
                ProblemDocuments.InvalidParameter,
                ProblemDocuments.UntaggedConditionFailed,
                ProblemDocuments.InternalError,
            ],
        };

    public static OperationDocument DescribeServer { get; } =
        new(
            "describeServer",
            Tags.Server,
            "Ask what the server is and supports",
            """
            With `Accept: application/json`, returns the server's name, version, API version, formats, features and reserved names. Clients ignore fields and features that they do not know.

            Other requests, such as those of browsers, are redirected to this page. `HEAD` gets the same without the body.
            """
        )
        {
            Responses =
            [
                new(StatusCodes.Status200OK, "The server's description.")
                {
                    Headers = [Headers.Vary, Headers.NoStore],
                    Contents =
                    [
                        new(
                            "application/json",
                            ContentSchema.Of(typeof(ServerDescription)),
                            new ExampleDocument("server", "A server", Schemas.ExampleOf(typeof(ServerDescription)))
                        ),
                    ],
                },
                new(StatusCodes.Status302Found, "`Accept` does not prefer JSON. `Location` leads to the page.")
                {
                    Headers = [Headers.Location, Headers.Vary],
                },
                ResponseDocument.UntaggedNotModified with
                {
                    Headers = [Headers.Vary, Headers.NoStore],
                },
            ],
            Problems =
            [
                ProblemDocuments.InvalidHost,
                ProblemDocuments.InvalidParameter,
                ProblemDocuments.UntaggedConditionFailed,
            ],
        };

    public static OperationDocument Health { get; } =
        new(
            "health",
            Tags.Server,
            "Ask whether the server lives",
            """
            Answers while the process lives and answers; the log is open then.

            `HEAD` answers the same without the body.
            """
        )
        {
            Responses =
            [
                new(StatusCodes.Status200OK, "It does.")
                {
                    Headers = [Headers.NoStore],
                    Contents =
                    [
                        new(
                            "application/json",
                            ContentSchema.Of(typeof(Health)),
                            new ExampleDocument("ok", "The one answer", Schemas.ExampleOf(typeof(Health)))
                        ),
                    ],
                },
                ResponseDocument.UntaggedNotModified,
            ],
            IsLimited = false,
            Problems = [ProblemDocuments.UntaggedConditionFailed],
        };
}
