using LogHttp.AspNetCore.Contract;
using LogHttp.AspNetCore.Limits;
using LogHttp.Storage;
using LogHttp.Storage.Appending;
using LogHttp.Storage.Reading;
using LogHttp.Storage.Records;
using LogHttp.Storage.Topics;

namespace LogHttp.AspNetCore.Documentation;

/// <summary>
/// All problems that operations can respond with, each with an example made by the code that sends it.
/// </summary>
internal static class ProblemDocuments
{
    const string Topic = "orders";

    static readonly LogPlace Place = LogPlace.At(1000);

    public static ProblemDocument InvalidHost { get; } =
        new(
            Problems.InvalidHost(new("example.org"), "IP addresses, localhost, this machine's own names"),
            "The request's `Host` is not a name of this server."
        )
        {
            IsOfProgram = true,
        };

    public static ProblemDocument InvalidTopic { get; } =
        new(Problems.InvalidRequest("invalid_topic", TopicName.Check("or ders")!), "The topic's name is invalid.");
    public static ProblemDocument InvalidPlace { get; } = new(Problems.InvalidPlace("ten"), "The place is invalid.");
    public static ProblemDocument InvalidParameter { get; } =
        new(
            Problems.InvalidRequest(
                "invalid_parameter",
                "maxBytes is \"1k\"; it must be one whole number from 1 to 9223372036854775807."
            ),
            "A query parameter is unknown, invalid or repeated, or can't be combined with the others."
        );
    public static ProblemDocument PartitionRequired { get; } =
        new(
            Problems.InvalidRequest(
                "partition_required",
                "Topic \"orders\" has 3 partitions. Choose one with ?partition=0 to 2."
            ),
            "The topic has several partitions, and the URL has no `partition`."
        );
    public static ProblemDocument InvalidKey { get; } =
        new(
            Problems.Of(
                new RecordFault(
                    RecordFaultCode.InvalidKey,
                    "The key takes 20000 bytes; the most is 16384 (MaxKeyBytes)."
                )
            ),
            "A key is too long, is not UTF-8, or is given twice."
        );
    public static ProblemDocument InvalidHeader { get; } =
        new(
            Problems.Of(
                new RecordFault(
                    RecordFaultCode.InvalidHeader,
                    "The headers take 40000 bytes; the most is 32768 (MaxHeadersBytes)."
                )
            ),
            "A record's headers are too large or malformed, or `Record-*` headers came with a body of many records."
        );
    public static ProblemDocument PartialPut { get; } =
        new(Problems.PartialPut(), "The request has a `Content-Range`.") { Name = "partial_put" };
    public static ProblemDocument InvalidProducer { get; } =
        new(
            Problems.InvalidRequest(
                "invalid_producer",
                "Producer-Id, Producer-Epoch and Producer-Seq go together, each once; there are 1, 1 and 0."
            ),
            "A producer's header is missing or invalid, or the records go to several partitions."
        );
    public static ProblemDocument EpochEnded { get; } =
        new(
            Problems.Of(
                new AppendResult(
                    AppendStatus.EpochEnded,
                    Reason: "Producer \"sensor-7\" continues with epoch 3; epoch 2 can no longer append."
                )
                {
                    Epoch = 3,
                }
            ),
            "A producer of that id continues with a higher epoch, `epoch`. Nothing was appended.",
            Headers.Epoch
        );
    public static ProblemDocument SequenceGap { get; } =
        new(
            Problems.Of(
                new AppendResult(
                    AppendStatus.SequenceGap,
                    Reason: "Producer \"sensor-7\" sent sequence 9; the next one is 7. Records in between were not "
                        + "appended."
                )
                {
                    ExpectedSequence = 7,
                }
            ),
            "Records of the producer before this batch were not appended, or the server has forgotten the producer. "
                + "`expectedSequence` is the next sequence. Nothing was appended.",
            Headers.ExpectedSequence
        );
    public static ProblemDocument SequenceForgotten { get; } =
        new(
            Problems.Of(
                new AppendResult(
                    AppendStatus.SequenceForgotten,
                    Reason: "Sequence 1 of producer \"sensor-7\" was appended too long ago to say where; the next "
                        + "one is 7. A producer that starts again takes a higher epoch."
                )
                {
                    ExpectedSequence = 7,
                }
            ),
            "The batch was appended earlier, before the producer's last five batches. Nothing was appended now.",
            Headers.ExpectedSequence
        );
    public static ProblemDocument BatchDiffers { get; } =
        new(
            Problems.Of(
                new AppendResult(
                    AppendStatus.BatchDiffers,
                    Reason: "Producer \"sensor-7\" sent 3 records from sequence 6. The log has 1 records from "
                        + "sequence 6, in a batch that overlaps. Nothing was appended; the next sequence is 7."
                )
                {
                    ExpectedSequence = 7,
                }
            ),
            "The log has other records of the producer under these sequences, because the body was changed or has "
                + "grown. `expectedSequence` is the sequence for new records. Nothing was appended.",
            Headers.ExpectedSequence
        );

    public static ProblemDocument ProducerUnknown { get; } =
        new(
            Problems.ProducerUnknown(Topic, "sensor-7"),
            "No partition knows the producer, or the server has forgotten it."
        );

    public static ProblemDocument InvalidValue { get; } =
        new(
            Problems
                .Of(
                    new RecordFault(
                        RecordFaultCode.InvalidValue,
                        "The value is a text. The topic takes JSON only (\"values\":\"json\")."
                    )
                )
                .AtLine(2),
            "The topic does not accept values of this form (`values` of its configuration)."
        );
    public static ProblemDocument OffsetNotNext { get; } =
        new(
            Problems.Of(
                new AppendResult(AppendStatus.NotNext, NextOffset: 45, Reason: "The next offset is 45, not 42.")
            ),
            "`If-Match` is not the next offset, which is `endOffset`. Nothing was appended.",
            Headers.NextOffset
        );
    public static ProblemDocument InvalidTimestamp { get; } =
        new(
            Problems.InvalidRequest(
                "invalid_timestamp",
                "Record-Timestamp is \"yesterday\"; it must be Unix milliseconds, or a time such as "
                    + "2026-11-22T10:00:00Z, at most an hour ahead."
            ),
            "A time is invalid, or more than an hour ahead."
        );
    public static ProblemDocument InvalidRecord { get; } =
        new(
            Problems.InvalidRequest("invalid_record", "A record has one of value and valueBase64.").AtLine(2),
            "A record object has an unknown or repeated field, or no value."
        );
    public static ProblemDocument InvalidJson { get; } =
        new(
            Problems
                .Of(
                    new RecordFault(
                        RecordFaultCode.InvalidJson,
                        "The value is not valid JSON at byte 6: Expected depth to be zero at the end of the JSON "
                            + "payload. There is an open JSON object or array that should be closed."
                    )
                )
                .AtLine(2),
            "A value is not JSON, or is nested deeper than 60."
        );
    public static ProblemDocument InvalidUtf8 { get; } =
        new(
            Problems.InvalidRequest("invalid_utf8", "The record is not valid UTF-8.").AtLine(1),
            "JSON or text is not UTF-8."
        );
    public static ProblemDocument NoRecords { get; } =
        new(Problems.InvalidRequest("no_records", "The request has no body."), "The body is missing or has no record.");
    public static ProblemDocument InvalidConfiguration { get; } =
        new(
            Problems.InvalidRequest("invalid_configuration", "Partitions is 5000; it must be from 1 to 1024"),
            "The body is not a configuration, or a setting is out of its range."
        );
    public static ProblemDocument IncompleteBody { get; } =
        new(
            Problems.InvalidRequest(
                "incomplete_body",
                "The body could not be read to its end: Unexpected end of request content."
            ),
            "The connection ended before the body did, or the body's HTTP framing is invalid."
        );
    public static ProblemDocument InvalidEncoding { get; } =
        new(
            Problems.InvalidRequest("invalid_encoding", "The body can't be unpacked as gzip: it ends too early."),
            "The body does not match its `Content-Encoding`, is cut off, or is followed by other bytes. Nothing was "
                + "appended."
        );

    public static ProblemDocument CrossSite { get; } =
        new(Problems.CrossSite("https://example.org"), "A browser sent the request for a page of another site.")
        {
            IsOfProgram = true,
        };

    public static ProblemDocument UnknownTopic { get; } =
        new(
            Problems.UnknownTopic(Topic),
            "The topic does not exist. A POST gets this only if `AutoCreateTopics` is off."
        );
    public static ProblemDocument UnknownPartition { get; } =
        new(Problems.UnknownPartition(7, 3), "The topic has fewer partitions.");
    public static ProblemDocument NoRecord { get; } =
        new(Problems.NoRecord(Place), "The place has no record of its own.", Headers.Offsets);

    public static ProblemDocument BodyTimeout { get; } =
        new(
            Problems.BodyTimeout(TimeSpan.FromSeconds(30)),
            "No byte of the body came for `BodyTimeout`. Nothing was appended."
        );
    public static ProblemDocument SlowBody { get; } =
        new(
            Problems.Of(new BadHttpRequestException("", StatusCodes.Status408RequestTimeout)),
            "The body lately came more slowly than `MinBodyBytesPerSecond`. Nothing was appended."
        )
        {
            Name = "slow_body",
        };

    public static ProblemDocument ConfigurationDiffers { get; } =
        new(
            Problems.ConfigurationDiffers(
                "Topic \"orders\" exists, with partitions 3, not 5. PATCH changes what can be changed."
            ),
            "A PUT of a topic that exists with another configuration, or a PATCH of the number of partitions."
        );

    public static ProblemDocument OffsetGone { get; } =
        new(
            Problems.Of(
                new FetchResult(
                    FetchStatus.BelowEarliest,
                    EarliestOffset: 100,
                    EndOffset: 131,
                    FirstOffset: 42,
                    NextOffset: 42
                )
            ),
            "The place is before the earliest record, which is at `earliestOffset`.",
            Headers.Offsets
        );

    public static ProblemDocument TopicReplaced { get; } =
        new(
            new(
                StatusCodes.Status410Gone,
                "topic_replaced",
                "Topic \"orders\" was deleted and created again. Its id is now 8f1d4c0a52b7e693. Start at its "
                    + "earliest record."
            ),
            "`v` is the id of an earlier topic of that name.",
            Headers.TopicId
        );

    public static ProblemDocument OffsetBeyondEnd { get; } =
        new(
            Problems.Of(
                new FetchResult(
                    FetchStatus.BeyondEnd,
                    EarliestOffset: 0,
                    EndOffset: 131,
                    FirstOffset: 1000,
                    NextOffset: 1000
                )
            ),
            "The place is beyond the end, which is `endOffset`.",
            Headers.Offsets
        );

    public static ProblemDocument PreconditionFailed { get; } =
        new(
            Problems.PreconditionFailed("If-Match names other contents than there are."),
            "The `ETag` in `If-Match` is not the response's.",
            [.. Headers.Offsets, Headers.Link, Headers.ETag, Headers.ResourcePolicy]
        );
    public static ProblemDocument TopicConditionFailed { get; } =
        new(
            Problems.TopicConditionFailed(Topic, exists: true),
            "`If-Match` or `If-None-Match` is not satisfied. `*` stands for a topic that exists. Topics have no tags."
        )
        {
            Name = "topic_condition_failed",
        };
    public static ProblemDocument UntaggedConditionFailed { get; } =
        new(Problems.UntaggedConditionFailed(), "`If-Match` has a tag, but the response has none.")
        {
            Name = "untagged_condition_failed",
        };
    public static ProblemDocument RangeNotSatisfiable { get; } =
        new(
            Problems.RangeNotSatisfiable("bytes=5000-", 4096),
            "`Range` is beyond the end of the page or value.",
            [
                .. Headers.Offsets,
                Headers.Link,
                Headers.ETag,
                Headers.AcceptRanges,
                Headers.ContentRange,
                Headers.ResourcePolicy,
            ]
        );

    public static ProblemDocument RecordTooLarge { get; } =
        new(Problems.RecordTooLarge(1_048_576), "A record is larger than `MaxRecordBytes`.");
    public static ProblemDocument BatchTooLarge { get; } =
        new(
            Problems.Of(
                new RecordFault(
                    RecordFaultCode.BatchTooLarge,
                    "The records take more than 67108864 bytes (MaxBatchBytes)."
                )
            ),
            "The records for one partition are larger than `MaxBatchBytes` together."
        );
    public static ProblemDocument BodyTooLarge { get; } =
        new(
            Problems.BodyTooLarge(),
            "The body is larger than `MaxBodyBytes`, or a topic's configuration larger than 16 KiB."
        );

    public static ProblemDocument UnsupportedMediaType { get; } =
        new(
            Problems.UnsupportedMediaType("The charset is latin1; text and JSON are taken as UTF-8 only."),
            "The charset is not UTF-8, the `Content-Encoding` is not gzip, br, zstd or deflate, or the `Content-Type` "
                + "is not supported.",
            Headers.AcceptEncoding
        );
    public static ProblemDocument UnsupportedTransferCoding { get; } =
        new(Problems.UnsupportedTransferCoding("gzip, chunked"), "The `Transfer-Encoding` is not `chunked`.");
    public static ProblemDocument TooManyRequests { get; } =
        new(
            Problems.TooManyRequests(100),
            "The client has sent more than `MaxClientRequestsPerSecond`. Off unless set."
        )
        {
            IsOfProgram = true,
        };
    public static ProblemDocument TooManyHeads { get; } =
        new(
            Problems.TooManyHeads(),
            "The large heads and HTTP/2 requests under way fill `MaxHeldHeadBytes`, or this client's fill "
                + "`MaxClientHeldHeadBytes`."
        )
        {
            Name = "too_many_heads",
            IsOfProgram = true,
        };
    public static ProblemDocument TooManyTopics { get; } =
        new(
            Problems.Of(new TooManyTopicsException("There are 10000 topics, the most there may be (MaxTopics).")),
            "The server has `MaxTopics` topics, or `MaxPartitions` partitions in all."
        );

    public static ProblemDocument CorruptBlock { get; } =
        new(
            Problems.Of(
                new CorruptionException(
                    "00000000000000000042.ndjson",
                    8192,
                    "the block is not what was written; the block's CRC is 89abcdef, and the index has 01234567"
                )
                {
                    NextOffset = 97,
                }
            ),
            "The log is damaged at that place. It continues at `nextOffset`, if that is known."
        );
    public static ProblemDocument VerificationRuns { get; } =
        new(Problems.VerificationRuns(), "Another verification runs.") { Name = "verification_runs" };
    public static ProblemDocument StorageError { get; } =
        new(Problems.Of(new IOException()), "The disk could not be read or written.");
    public static ProblemDocument InternalError { get; } =
        new(Problems.Of(new InvalidOperationException()), "The server failed.");

    public static ProblemDocument Overloaded { get; } =
        new(
            Problems.TooMuchReading(),
            "The bodies being read fill `MaxReadingBytes`, or this client's fill `MaxClientReadingBytes`. Or the "
                + "appends fill `MaxQueuedBytes` of the partition, or `MaxAppendingBytes`. Nothing was appended."
        );
    public static ProblemDocument WriteFailed { get; } =
        new(
            Problems.Of(
                new AppendResult(AppendStatus.WriteFailed, Reason: "The disk refused a write: Input/output error")
            ),
            "A write failed. Nothing was appended."
        );
    public static ProblemDocument PartitionStopped { get; } =
        new(
            Problems.Of(
                new AppendResult(
                    AppendStatus.PartitionStopped,
                    Reason: "A sync failed (Input/output error), so the partition takes no more writes until the "
                        + "server is restarted on a healthy disk; what was durable is served."
                )
            ),
            "The partition accepts no writes, after a failed sync or because of damage. The outcome of appends under "
                + "way is unknown. Send them again after the server was restarted."
        );
    public static ProblemDocument TopicChanged { get; } =
        new(
            new(
                StatusCodes.Status503ServiceUnavailable,
                "topic_changed",
                "The topic was made with another number of partitions while this request was read.",
                IsRetryable: true
            ),
            "The topic was created with another number of partitions meanwhile. Nothing was appended."
        );
    public static ProblemDocument TopicDamaged { get; } =
        new(
            Problems.Of(new TopicDamagedException(Topic, "topic.json, position 0: it holds no object")),
            "The topic could not be opened when the server started."
        );
    public static ProblemDocument TooManyWaiting { get; } =
        new(new WaitingRequests(50_000).Problem, "Too many requests wait for records (`MaxWaiting`).")
        {
            Name = "too_many_waiting",
        };

    public static ProblemDocument Closed { get; } =
        new(Problems.Of(new LogClosedException()), "The topic is being deleted, or the server is stopping.");

    public static ProblemDocument DiskFull { get; } =
        new(
            Problems.Of(
                new AppendResult(
                    AppendStatus.DiskFull,
                    Reason: "The disk is full. What is in the log can be read, trimmed and deleted; appends succeed "
                        + "again when there is room."
                )
            ),
            "The disk is full. Nothing was kept."
        );

    public static ProblemDocument[] All { get; } =
    [
        InvalidHost,
        InvalidTopic,
        InvalidPlace,
        InvalidParameter,
        PartitionRequired,
        InvalidKey,
        InvalidHeader,
        PartialPut,
        InvalidProducer,
        InvalidTimestamp,
        InvalidRecord,
        InvalidJson,
        InvalidUtf8,
        NoRecords,
        InvalidConfiguration,
        IncompleteBody,
        InvalidEncoding,
        CrossSite,
        EpochEnded,
        UnknownTopic,
        UnknownPartition,
        NoRecord,
        BodyTimeout,
        SlowBody,
        ConfigurationDiffers,
        SequenceGap,
        SequenceForgotten,
        BatchDiffers,
        ProducerUnknown,
        InvalidValue,
        OffsetGone,
        TopicReplaced,
        OffsetNotNext,
        OffsetBeyondEnd,
        PreconditionFailed,
        TopicConditionFailed,
        UntaggedConditionFailed,
        RangeNotSatisfiable,
        RecordTooLarge,
        BatchTooLarge,
        BodyTooLarge,
        UnsupportedMediaType,
        UnsupportedTransferCoding,
        TooManyRequests,
        TooManyHeads,
        TooManyTopics,
        CorruptBlock,
        StorageError,
        InternalError,
        Overloaded,
        TooManyWaiting,
        VerificationRuns,
        WriteFailed,
        PartitionStopped,
        TopicChanged,
        TopicDamaged,
        Closed,
        DiskFull,
    ];
}
