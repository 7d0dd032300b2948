using System.Reflection;
using System.Text.Json;
using LogHttp.AspNetCore.Contract;
using LogHttp.AspNetCore.Limits;
using LogHttp.AspNetCore.Producing;
using LogHttp.Storage;
using LogHttp.Storage.Appending;
using LogHttp.Storage.Reading;
using LogHttp.Storage.Records;
using LogHttp.Storage.Topics;

namespace LogHttp.AspNetCore.Documentation;

/// <summary>
/// All problems that operations can respond with, each with its cause, made by the code that sends it. Operations name
/// them in snake case (<see cref="FailsWithAttribute"/>).
/// </summary>
internal static class ProblemExamples
{
    const string Topic = "orders";

    /// <summary>The request's `Host` is not a name of this server.</summary>
    public static Problem InvalidHost =>
        Problems.InvalidHost(new("example.org"), "IP addresses, localhost, this machine's own names");

    /// <summary>The topic's name is invalid.</summary>
    public static Problem InvalidTopic => Problems.InvalidRequest("invalid_topic", TopicName.Check("or ders")!);

    /// <summary>The place is invalid.</summary>
    public static Problem InvalidPlace => Problems.InvalidPlace("ten");

    /// <summary>A query parameter is unknown, invalid or repeated, or can't be combined with the others.</summary>
    public static Problem InvalidParameter =>
        Problems.InvalidRequest(
            "invalid_parameter",
            "maxBytes is \"1k\"; it must be one whole number from 1 to 9223372036854775807."
        );

    /// <summary>The topic has several partitions, and the URL has no `partition`.</summary>
    public static Problem PartitionRequired =>
        Problems.InvalidRequest(
            "partition_required",
            "Topic \"orders\" has 3 partitions. Choose one with ?partition=0 to 2."
        );

    /// <summary>A key is too long, is not UTF-8, or is given twice.</summary>
    public static Problem InvalidKey =>
        Of(RecordFaultCode.InvalidKey, "The key takes 20000 bytes; the most is 16384 (MaxKeyBytes).");

    /// <summary>
    /// A record's headers are too large or malformed, or `Record-*` headers came with a body of many records.
    /// </summary>
    public static Problem InvalidHeader =>
        Of(RecordFaultCode.InvalidHeader, "The headers take 40000 bytes; the most is 32768 (MaxHeadersBytes).");

    /// <summary>The request has a `Content-Range`.</summary>
    public static Problem PartialPut => Problems.PartialPut();

    /// <summary>A producer's header is missing or invalid, or the records go to several partitions.</summary>
    public static Problem InvalidProducer =>
        Problems.InvalidRequest(
            "invalid_producer",
            "Producer-Id, Producer-Epoch and Producer-Seq go together, each once; there are 1, 1 and 0."
        );

    /// <summary>
    /// The key is invalid or repeated, or came with `Producer-Id` or `stream=true`.
    /// </summary>
    public static Problem InvalidIdempotencyKey =>
        Problems.InvalidRequest(
            "invalid_idempotency_key",
            "Idempotency-Key and Producer-Id both tell repeats apart. Send one."
        );

    /// <summary>The key was used for a request with other records. Nothing was appended.</summary>
    public static Problem IdempotencyKeyReused =>
        Of(
            AppendStatus.KeyReused,
            "Idempotency key \"order-4711\" was used for a request with other records. Nothing was appended. Take "
                + "another key for other records."
        );

    /// <summary>
    /// The partition remembers `MaxIdempotencyKeys` keys, and all of them are younger than `IdempotencyExpiry`. Nothing
    /// was appended.
    /// </summary>
    public static Problem IdempotencyTableFull =>
        Of(
            AppendStatus.KeysFull,
            "The partition remembers 100000 idempotency keys (MaxIdempotencyKeys), and the oldest is younger than "
                + "IdempotencyExpiry. Nothing was appended."
        );

    /// <summary>A producer of that id continues with a higher epoch, `epoch`. Nothing was appended.</summary>
    [ResponseHeaders("Producer-Epoch")]
    public static Problem EpochEnded =>
        Of(AppendStatus.EpochEnded, "Producer \"sensor-7\" continues with epoch 3; epoch 2 can no longer append.");

    /// <summary>
    /// Records of the producer before this batch were not appended, or the server has forgotten the producer.
    /// `expectedSequence` is the next sequence. Nothing was appended.
    /// </summary>
    [ResponseHeaders("Producer-Expected-Seq")]
    public static Problem SequenceGap =>
        Of(
            AppendStatus.SequenceGap,
            "Producer \"sensor-7\" sent sequence 9; the next one is 7. Records in between were not appended."
        );

    /// <summary>
    /// The batch was appended earlier, before the producer's last five batches. Nothing was appended now.
    /// </summary>
    [ResponseHeaders("Producer-Expected-Seq")]
    public static Problem SequenceForgotten =>
        Of(
            AppendStatus.SequenceForgotten,
            "Sequence 1 of producer \"sensor-7\" was appended too long ago to say where; the next one is 7. A "
                + "producer that starts again takes a higher epoch."
        );

    /// <summary>
    /// The log has other records of the producer under these sequences, because the body was changed or has grown.
    /// `expectedSequence` is the sequence for new records. Nothing was appended.
    /// </summary>
    [ResponseHeaders("Producer-Expected-Seq")]
    public static Problem BatchDiffers =>
        Of(
            AppendStatus.BatchDiffers,
            "Producer \"sensor-7\" sent 3 records from sequence 6. The log has 1 records from sequence 6, in a batch "
                + "that overlaps. Nothing was appended; the next sequence is 7."
        );

    /// <summary>No partition knows the producer, or the server has forgotten it.</summary>
    public static Problem ProducerUnknown => Problems.ProducerUnknown(Topic, "sensor-7");

    /// <summary>The topic does not accept values of this form (`values` of its configuration).</summary>
    public static Problem InvalidValue =>
        Of(RecordFaultCode.InvalidValue, "The value is a text. The topic takes JSON only (\"values\":\"json\").")
            .AtLine(2);

    /// <summary>`If-Match` is not the next offset, which is `endOffset`. Nothing was appended.</summary>
    [ResponseHeaders("Log-Next-Offset")]
    public static Problem OffsetNotNext => Of(AppendStatus.NotNext, "The next offset is 45, not 42.");

    /// <summary>A time is invalid, or more than an hour ahead.</summary>
    public static Problem InvalidTimestamp =>
        Problems.InvalidRequest(
            "invalid_timestamp",
            "Record-Timestamp is \"yesterday\"; it must be Unix milliseconds, or a time such as "
                + "2026-11-22T10:00:00Z, at most an hour ahead."
        );

    /// <summary>
    /// A CloudEvent lacks an attribute that every event has, or one of its attributes is invalid. Or `ce-…` headers
    /// came with a body of many records.
    /// </summary>
    public static Problem InvalidCloudevent =>
        CloudEventAttributes
            .Invalid("It has no id. An event has id, source, specversion and type, and none is empty.")
            .AtElement(2);

    /// <summary>A record object has an unknown or repeated field, or no value.</summary>
    public static Problem InvalidRecord =>
        Problems.InvalidRequest("invalid_record", "A record has one of value and valueBase64.").AtLine(2);

    /// <summary>A value is not JSON, or is nested deeper than 60.</summary>
    public static Problem InvalidJson =>
        Of(
                RecordFaultCode.InvalidJson,
                "The value is not valid JSON at byte 6: Expected depth to be zero at the end of the JSON payload. "
                    + "There is an open JSON object or array that should be closed."
            )
            .AtLine(2);

    /// <summary>JSON or text is not UTF-8.</summary>
    public static Problem InvalidUtf8 =>
        Problems.InvalidRequest("invalid_utf8", "The record is not valid UTF-8.").AtLine(1);

    /// <summary>The body is missing or has no record.</summary>
    public static Problem NoRecords => Problems.InvalidRequest("no_records", "The request has no body.");

    /// <summary>The body is not a configuration, or a setting is out of its range.</summary>
    public static Problem InvalidConfiguration =>
        Problems.InvalidRequest("invalid_configuration", "Partitions is 5000; it must be from 1 to 1024");

    /// <summary>The connection ended before the body did, or the body's HTTP framing is invalid.</summary>
    public static Problem IncompleteBody =>
        Problems.InvalidRequest(
            "incomplete_body",
            "The body could not be read to its end: Unexpected end of request content."
        );

    /// <summary>
    /// The body does not match its `Content-Encoding`, is cut off, or is followed by other bytes. Nothing was appended.
    /// </summary>
    public static Problem InvalidEncoding =>
        Problems.InvalidRequest("invalid_encoding", "The body can't be unpacked as gzip: it ends too early.");

    /// <summary>A browser sent the request for a page of another site.</summary>
    public static Problem CrossSite => Problems.CrossSite("https://example.org");

    /// <summary>The topic does not exist. A POST gets this only if `AutoCreateTopics` is off.</summary>
    public static Problem UnknownTopic => Problems.UnknownTopic(Topic);

    /// <summary>The topic has fewer partitions.</summary>
    public static Problem UnknownPartition => Problems.UnknownPartition(7, 3);

    /// <summary>The place has no record of its own.</summary>
    [ResponseHeaders(ResponseHeadersAttribute.Offsets)]
    public static Problem NoRecord => Problems.NoRecord(LogPlace.At(1000));

    /// <summary>No byte of the body came for `BodyTimeout`. Nothing was appended.</summary>
    public static Problem BodyTimeout => Problems.BodyTimeout(TimeSpan.FromSeconds(30));

    /// <summary>The body lately came more slowly than `MinBodyBytesPerSecond`. Nothing was appended.</summary>
    public static Problem SlowBody => Problems.Of(new BadHttpRequestException("", StatusCodes.Status408RequestTimeout));

    /// <summary>The topic exists with another configuration.</summary>
    public static Problem ConfigurationDiffers =>
        Problems.ConfigurationDiffers(
            "Topic \"orders\" exists, with partitions 3, not 5. PATCH changes what can be changed."
        );

    /// <summary>The number of partitions can only rise.</summary>
    public static Problem PartitionsCannotShrink => Problems.PartitionsCannotShrink("orders", 3, 2);

    /// <summary>The place is before the earliest record, which is at `earliestOffset`.</summary>
    [ResponseHeaders(ResponseHeadersAttribute.Offsets)]
    public static Problem OffsetGone =>
        Problems.Of(
            new FetchResult(
                FetchStatus.BelowEarliest,
                EarliestOffset: 100,
                EndOffset: 131,
                FirstOffset: 42,
                NextOffset: 42
            )
        );

    /// <summary>`v` is the id of an earlier topic of that name.</summary>
    [ResponseHeaders("Log-Topic-Id")]
    public static Problem TopicReplaced =>
        new Problem(
            StatusCodes.Status410Gone,
            "topic_replaced",
            "Topic \"orders\" was deleted and created again. Its id is now 8f1d4c0a52b7e693. Start at its earliest "
                + "record."
        );

    /// <summary>The place is beyond the end, which is `endOffset`.</summary>
    [ResponseHeaders(ResponseHeadersAttribute.Offsets)]
    public static Problem OffsetBeyondEnd =>
        Problems.Of(
            new FetchResult(
                FetchStatus.BeyondEnd,
                EarliestOffset: 0,
                EndOffset: 131,
                FirstOffset: 1000,
                NextOffset: 1000
            )
        );

    /// <summary>The `ETag` in `If-Match` is not the response's.</summary>
    [ResponseHeaders(ResponseHeadersAttribute.Offsets)]
    [ResponseHeaders("Link ETag Cross-Origin-Resource-Policy")]
    public static Problem PreconditionFailed =>
        Problems.PreconditionFailed("If-Match names other contents than there are.");

    /// <summary>
    /// `If-Match` or `If-None-Match` is not satisfied. `*` stands for a topic that exists. Topics have no tags.
    /// </summary>
    public static Problem TopicConditionFailed => Problems.TopicConditionFailed(Topic, exists: true);

    /// <summary>`If-Match` has a tag, but the response has none.</summary>
    public static Problem UntaggedConditionFailed => Problems.UntaggedConditionFailed();

    /// <summary>`Range` is beyond the end of the page or value.</summary>
    [ResponseHeaders(ResponseHeadersAttribute.Offsets)]
    [ResponseHeaders("Link ETag Accept-Ranges Content-Range Cross-Origin-Resource-Policy")]
    public static Problem RangeNotSatisfiable => Problems.RangeNotSatisfiable("bytes=5000-", 4096);

    /// <summary>A record is larger than `MaxRecordBytes`.</summary>
    public static Problem RecordTooLarge => Problems.RecordTooLarge(1_048_576);

    /// <summary>The records for one partition are larger than `MaxBatchBytes` together.</summary>
    public static Problem BatchTooLarge =>
        Of(RecordFaultCode.BatchTooLarge, "The records take more than 67108864 bytes (MaxBatchBytes).");

    /// <summary>The body is larger than `MaxBodyBytes`, or a topic's configuration larger than 16 KiB.</summary>
    public static Problem BodyTooLarge => Problems.BodyTooLarge();

    /// <summary>
    /// The charset is not UTF-8, the `Content-Encoding` is not gzip, br, zstd or deflate, or the `Content-Type` is not
    /// supported.
    /// </summary>
    [ResponseHeaders("Accept-Encoding")]
    public static Problem UnsupportedMediaType =>
        Problems.UnsupportedMediaType("The charset is latin1; text and JSON are taken as UTF-8 only.");

    /// <summary>The `Transfer-Encoding` is not `chunked`.</summary>
    public static Problem UnsupportedTransferCoding => Problems.UnsupportedTransferCoding("gzip, chunked");

    /// <summary>The client has sent more than `MaxClientRequestsPerSecond`. Off unless set.</summary>
    public static Problem TooManyRequests => Problems.TooManyRequests(100);

    /// <summary>
    /// The large heads and HTTP/2 requests under way fill `MaxHeldHeadBytes`, or this client's fill
    /// `MaxClientHeldHeadBytes`.
    /// </summary>
    public static Problem TooManyHeads => Problems.TooManyHeads();

    /// <summary>The server has `MaxTopics` topics, or `MaxPartitions` partitions in all.</summary>
    public static Problem TooManyTopics =>
        Problems.Of(new TooManyTopicsException("There are 10000 topics, the most there may be (MaxTopics)."));

    /// <summary>The log is damaged at that place. It continues at `nextOffset`, if that is known.</summary>
    public static Problem CorruptBlock =>
        Problems.Of(
            new CorruptionException(
                "00000000000000000042.ndjson",
                8192,
                "the block is not what was written; the block's CRC is 89abcdef, and the index has 01234567"
            )
            {
                NextOffset = 97,
            }
        );

    /// <summary>Another verification runs.</summary>
    public static Problem VerificationRuns => Problems.VerificationRuns();

    /// <summary>The disk could not be read or written.</summary>
    public static Problem StorageError => Problems.Of(new IOException());

    /// <summary>The server failed.</summary>
    public static Problem InternalError => Problems.Of(new InvalidOperationException());

    /// <summary>
    /// The bodies being read fill `MaxReadingBytes`, or this client's fill `MaxClientReadingBytes`. Or the appends fill
    /// `MaxQueuedBytes` of the partition, or `MaxAppendingBytes`. Nothing was appended.
    /// </summary>
    public static Problem Overloaded => Problems.ReadingBudgetExhausted();

    /// <summary>A write failed. Nothing was appended.</summary>
    public static Problem WriteFailed => Of(AppendStatus.WriteFailed, "The disk refused a write: Input/output error");

    /// <summary>
    /// The partition accepts no writes, after a failed sync or because of damage. The outcome of appends under way is
    /// unknown. Send them again after the server was restarted.
    /// </summary>
    public static Problem PartitionStopped =>
        Of(
            AppendStatus.PartitionStopped,
            "A sync failed (Input/output error), so the partition takes no more writes until the server is restarted "
                + "on a healthy disk; what was durable is served."
        );

    /// <summary>The topic was created with another number of partitions meanwhile. Nothing was appended.</summary>
    public static Problem TopicChanged => Problems.TopicChanged();

    /// <summary>The topic could not be opened when the server started.</summary>
    public static Problem TopicDamaged =>
        Problems.Of(new TopicDamagedException(Topic, "topic.json, position 0: it holds no object"));

    /// <summary>Too many requests wait for records (`MaxWaiting`).</summary>
    public static Problem TooManyWaiting => new WaitingRequests(50_000).Problem;

    /// <summary>The topic is being deleted, or the server is stopping.</summary>
    public static Problem LogClosed => Problems.Of(new LogClosedException());

    /// <summary>The disk is full. Nothing was kept.</summary>
    public static Problem DiskFull =>
        Of(
            AppendStatus.DiskFull,
            "The disk is full. What is in the log can be read, trimmed and deleted; appends succeed again when there "
                + "is room."
        );

    /// <summary>All of them, by name. A code that comes with several statuses or causes has several names.</summary>
    public static IReadOnlyDictionary<string, ProblemExample> ByName { get; } =
        typeof(ProblemExamples)
            .GetProperties()
            .Where(static property => property.PropertyType == typeof(Problem))
            .Select(static property => new ProblemExample(
                JsonNamingPolicy.SnakeCaseLower.ConvertName(property.Name),
                (Problem)property.GetValue(null)!,
                XmlComments.SummaryOf(property),
                property.GetCustomAttributes<ResponseHeadersAttribute>().SelectMany(static headers => headers.Names)
            ))
            .ToDictionary(static example => example.Name);

    static Problem Of(RecordFaultCode code, string message) => Problems.Of(new RecordFault(code, message));

    static Problem Of(AppendStatus status, string reason) =>
        Problems.Of(new AppendResult(status, NextOffset: 45, Reason: reason) { ExpectedSequence = 7, Epoch = 3 });
}

/// <summary>An example of a problem. All problems of the kind have its status and code.</summary>
/// <param name="Name">Its name in the description.</param>
/// <param name="Problem">The problem.</param>
/// <param name="Cause">Its cause, in Markdown.</param>
/// <param name="Headers">The headers of the response besides those of every problem.</param>
internal sealed record ProblemExample(string Name, Problem Problem, string Cause, IEnumerable<string> Headers);
