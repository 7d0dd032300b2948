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
            "Create a topic",
            """
            Creates a topic, durably. Fields that the configuration leaves out, or all without a body, come from the server's settings.
            If the topic exists with this configuration, the response is 200, so the same request can be sent again. If it exists with another one, the response is 409.
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
                    new("all", "All fields", Schemas.ExampleOf(typeof(TopicSettings))),
                    new(
                        "partitions",
                        "Three partitions, the rest by default",
                        Schemas.Json(new TopicSettings { Partitions = 3 })
                    )
                )
            ),
            Responses =
            [
                new(StatusCodes.Status200OK, "The topic existed already, with this configuration.")
                {
                    Headers = [Headers.NoStore],
                    Contents = [Description],
                },
                new(StatusCodes.Status201Created, "The topic was created.")
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
            Returns a topic's configuration and the state of its partitions.

            `HEAD` returns the same without the body.
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
            Changes the fields in the body, durably, and keeps the others. Existing records do not change.
            The number of partitions can't be changed, because keys would move to other partitions. The response to that is 409.
            """
        )
        {
            Parameters = [Parameters.Topic],
            Body = new(
                IsRequired: false,
                "The fields to change, at most 16 KiB. Read as JSON whatever its `Content-Type`.",
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
            "Deletes a topic and its records, durably. Appends that were accepted before still get their response. The "
                + "name is free again. A new topic of the name has another id."
        )
        {
            Parameters = [Parameters.Topic],
            Responses = [new(StatusCodes.Status204NoContent, "The topic was deleted.") { Headers = [Headers.NoStore] }],
            Problems = [.. OfChanges, ProblemDocuments.UnknownTopic],
        };

    public static OperationDocument Trim { get; } =
        new(
            "trimTopic",
            Tags.Topics,
            "Delete old records",
            """
            Deletes all records of a topic before a place, durably. Without `partition` that applies to every partition. If the topic has several, an offset as the place needs `partition`.
            Requests for a deleted record get 410 from then on. A page under way is finished. Space is returned by whole segments. The same request sent again changes nothing.
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
            Reads all segments and indexes of a topic. The response has a line for each finding, and a last line with the number of bytes read. Without that line the verification is incomplete.
            Damaged blocks are not served from then on, but the records after them are. Damaged indexes are computed again.
            """
        )
        {
            Parameters = [Parameters.Topic],
            Responses =
            [
                new(StatusCodes.Status200OK, "The findings: `Finding` lines, and one `Verified` line at the end.")
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
            Returns the topics by name, `limit` at a time. Topics that could not be opened are among them, with the reason in `damaged`.

            `HEAD` returns the same without the body.
            """
        )
        {
            Parameters = [Parameters.Limit, Parameters.After],
            Responses =
            [
                new(StatusCodes.Status200OK, "The topics. If there are more, `next` and `Link` lead to them.")
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
            "Check that the server is alive",
            """
            Returns 200 while the server runs and the log is open.

            `HEAD` returns the same without the body.
            """
        )
        {
            Responses =
            [
                new(StatusCodes.Status200OK, "The server is alive.")
                {
                    Headers = [Headers.NoStore],
                    Contents =
                    [
                        new(
                            "application/json",
                            ContentSchema.Of(typeof(Health)),
                            new ExampleDocument("ok", "The only response", Schemas.ExampleOf(typeof(Health)))
                        ),
                    ],
                },
                ResponseDocument.UntaggedNotModified,
            ],
            IsLimited = false,
            Problems = [ProblemDocuments.UntaggedConditionFailed],
        };
}
