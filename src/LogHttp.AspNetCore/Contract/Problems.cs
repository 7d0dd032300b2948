using LogHttp.Storage;
using LogHttp.Storage.Appending;
using LogHttp.Storage.Files;
using LogHttp.Storage.Logs;
using LogHttp.Storage.Reading;
using LogHttp.Storage.Records;
using LogHttp.Storage.Text;
using LogHttp.Storage.Topics;
using Microsoft.AspNetCore.WebUtilities;

namespace LogHttp.AspNetCore.Contract;

/// <summary>Maps all outcomes to statuses and codes.</summary>
internal static class Problems
{
    // The problem of the last limit that was asked for.
    static volatile TooLargeRecord? LastRecordTooLarge;

    sealed record TooLargeRecord(int MaxRecordBytes, Problem Problem);

    public const string InternalError = "internal_error";
    const string BodyTimeoutCode = "body_timeout";
    const string TopicChangedCode = "topic_changed";

    /// <summary>The longest wait that a response asks for. A client may give up before a longer one ends.</summary>
    const long MaxRetryAfterSeconds = 60;

    public const string InvalidJson = "invalid_json";
    public const string UnknownTopicCode = "unknown_topic";
    public const string UnknownPartitionCode = "unknown_partition";
    public const string LogClosed = "log_closed";
    const string PartitionStopped = "partition_stopped";
    public const string StorageError = "storage_error";

    public static Problem InvalidRequest(string code, string detail) =>
        new(StatusCodes.Status400BadRequest, code, detail);

    public static Problem PartialPut() =>
        InvalidRequest(
            "invalid_header",
            "PUT does not support Content-Range. Send the whole configuration, or change fields with PATCH."
        );

    public static Problem UnknownTopic(string topic) =>
        new(StatusCodes.Status404NotFound, UnknownTopicCode, $"There is no topic \"{topic}\".");

    /// <param name="partition">The requested partition, or null for several.</param>
    /// <param name="partitions">The number of partitions.</param>
    public static Problem UnknownPartition(int? partition, int partitions) =>
        new(
            StatusCodes.Status404NotFound,
            UnknownPartitionCode,
            $"The topic has no {(partition is null ? "such partition" : $"partition {partition}")}; it has "
                + $"{partitions}, from 0 on."
        );

    public static Problem PartitionRequired(Topic topic) =>
        InvalidRequest(
            "partition_required",
            $"Topic \"{topic.Name}\" has {topic.Partitions.Length} partitions. Choose one with ?partition=0 to "
                + $"{topic.Partitions.Length - 1}."
        );

    public static Problem OffsetBeyondEnd(long offset, long endOffset) =>
        new(
            StatusCodes.Status416RangeNotSatisfiable,
            "offset_beyond_end",
            $"Offset {offset} is beyond the end of the log. The next record gets offset {endOffset}."
        )
        {
            EndOffset = endOffset,
        };

    public static Problem InvalidPlace(string place) =>
        InvalidRequest(
            "invalid_place",
            $"Invalid position \"{Excerpt.Of(place)}\". Use an offset such as 42, earliest, latest, "
                + "-10 for the last ten, "
                + "or a time such as @2026-11-22T10:00:00Z, @1795341600000 (Unix milliseconds) or @-1h."
        );

    public static Problem NoRecord(LogPlace place) =>
        new(StatusCodes.Status404NotFound, "no_record", $"There is no record at {place}.");

    /// <summary>The URL names a topic that was deleted and created again under its name.</summary>
    public static Problem TopicReplaced(Topic topic) =>
        new(
            StatusCodes.Status410Gone,
            "topic_replaced",
            $"Topic \"{topic.Name}\" was deleted and created again. Its id is now {topic.Id}. Start at its "
                + "earliest record."
        );

    public static Problem ConfigurationDiffers(string detail) =>
        new(StatusCodes.Status409Conflict, "configuration_differs", detail);

    public static Problem PartitionsCannotShrink(string topic, int partitions, int requested) =>
        new(
            StatusCodes.Status409Conflict,
            "partitions_cannot_shrink",
            $"partitions is {requested}, and topic \"{topic}\" has {partitions}. The number can only rise. "
                + $"Allowed: {partitions} to {TopicConfiguration.MaxPartitions}."
        );

    /// <param name="host">The name in <c>Host</c>.</param>
    /// <param name="accepted">The names that are accepted.</param>
    public static Problem InvalidHost(HostString host, string accepted) =>
        InvalidRequest(
            "invalid_host",
            $"This server does not answer to the Host \"{Excerpt.Of(host.Value)}\". Accepted: {accepted}. "
                + "AllowedHosts adds more."
        );

    /// <param name="origin">The page's origin, or the header that told of it.</param>
    public static Problem CrossSite(string origin) =>
        new(
            StatusCodes.Status403Forbidden,
            "cross_site",
            $"Pages of another site ({Excerpt.Of(origin)}) may not write here. AllowedWriteOrigins lets sites write."
        );

    public static Problem PreconditionFailed(string detail) =>
        new(StatusCodes.Status412PreconditionFailed, "precondition_failed", detail);

    /// <summary>A condition on a topic, which has no entity tags.</summary>
    public static Problem TopicConditionFailed(string topic, bool exists) =>
        PreconditionFailed(
            $"Topic \"{topic}\" {(exists ? "exists" : "does not exist")}, and If-Match or If-None-Match asks "
                + "otherwise. A topic has no ETag: only * can match."
        );

    /// <summary>A condition on a response without an entity tag.</summary>
    public static Problem UntaggedConditionFailed() =>
        PreconditionFailed("If-Match names a tag, and this response has no ETag: only * can match.");

    public static Problem RangeNotSatisfiable(string range, long lengthBytes) =>
        new(
            StatusCodes.Status416RangeNotSatisfiable,
            "range_not_satisfiable",
            $"The Range \"{Excerpt.Of(range)}\" lies beyond the {lengthBytes} bytes of the response."
        );

    public static Problem UnsupportedMediaType(string detail) =>
        new(StatusCodes.Status415UnsupportedMediaType, "unsupported_media_type", detail);

    public static Problem UnsupportedTransferCoding(string transferEncoding) =>
        new(
            StatusCodes.Status501NotImplemented,
            "unsupported_transfer_coding",
            $"The Transfer-Encoding is \"{Excerpt.Of(transferEncoding)}\". Supported: chunked."
        );

    public static Problem BodyTimeout(TimeSpan timeout) =>
        new(
            StatusCodes.Status408RequestTimeout,
            BodyTimeoutCode,
            $"No byte of the body arrived for {DurationText.Format(timeout)} (BodyTimeout). Nothing was appended.",
            IsRetryable: true
        );

    /// <summary>A stream that brought no byte for the time of <paramref name="setting"/>.</summary>
    public static Problem StreamTimeout(TimeSpan timeout, string setting) =>
        new(
            StatusCodes.Status408RequestTimeout,
            BodyTimeoutCode,
            $"No byte of the body arrived for {DurationText.Format(timeout)} ({setting}).",
            IsRetryable: true
        );

    /// <summary>No partition of the topic knows the producer, or none knows it any more.</summary>
    public static Problem ProducerUnknown(string topic, string id) =>
        new(
            StatusCodes.Status404NotFound,
            "producer_unknown",
            $"No partition of topic \"{topic}\" knows producer \"{Excerpt.Of(id)}\". "
                + "It has sent nothing there, or was silent for so long that it was forgotten."
        );

    public static Problem TopicChanged() =>
        new(
            StatusCodes.Status503ServiceUnavailable,
            TopicChangedCode,
            "The topic was made with another number of partitions while this request was read.",
            IsRetryable: true
        );

    public static Problem Stopping() =>
        new(StatusCodes.Status503ServiceUnavailable, LogClosed, "The server is stopping.", IsRetryable: true);

    public static Problem BodyTooLarge() => Of(new BadHttpRequestException("", StatusCodes.Status413PayloadTooLarge));

    public static Problem RecordTooLarge(int maxRecordBytes)
    {
        // Every body is read with this problem at hand, and the limit is the same for all.
        if (LastRecordTooLarge is { } made && made.MaxRecordBytes == maxRecordBytes)
            return made.Problem;
        var problem = Of(
            new RecordFault(
                RecordFaultCode.RecordTooLarge,
                $"The record is larger than {maxRecordBytes} bytes (MaxRecordBytes)."
            )
        );
        LastRecordTooLarge = new(maxRecordBytes, problem);
        return problem;
    }

    /// <summary>A key that is rejected before it is decoded.</summary>
    public static Problem KeyTooLarge(int maxKeyBytes) =>
        Of(new RecordFault(RecordFaultCode.InvalidKey, $"The key is larger than {maxKeyBytes} bytes (MaxKeyBytes)."));

    /// <summary>Headers of a record that are rejected before they are decoded.</summary>
    public static Problem HeadersTooLarge(int maxHeadersBytes) =>
        Of(
            new RecordFault(
                RecordFaultCode.InvalidHeader,
                $"The headers take more than {maxHeadersBytes} bytes (MaxHeadersBytes)."
            )
        );

    public static Problem ReadingBudgetExhausted() =>
        new(
            StatusCodes.Status503ServiceUnavailable,
            "overloaded",
            "The request bodies being read fill MaxReadingBytes, or this client's fill MaxClientReadingBytes. "
                + "Nothing was appended.",
            IsRetryable: true
        );

    public static Problem TooManyHeads() =>
        new(
            StatusCodes.Status503ServiceUnavailable,
            "overloaded",
            "The large request heads (request line and headers) and HTTP/2 requests under way fill MaxHeldHeadBytes, "
                + "or this client's fill MaxClientHeldHeadBytes. Nothing was done.",
            IsRetryable: true
        );

    public static Problem TooManyRequests(int perSecond) =>
        new(
            StatusCodes.Status429TooManyRequests,
            "too_many_requests",
            $"A client may send {perSecond} requests per second (MaxClientRequestsPerSecond). Nothing was done.",
            IsRetryable: true
        );

    public static Problem VerificationRuns() =>
        new(
            StatusCodes.Status503ServiceUnavailable,
            "overloaded",
            "Another verification is running. One runs at a time.",
            IsRetryable: true
        );

    /// <summary>A rejected record.</summary>
    public static Problem Of(RecordFault fault)
    {
        var (status, code) = fault.Code switch
        {
            RecordFaultCode.InvalidUtf8 => (StatusCodes.Status400BadRequest, "invalid_utf8"),
            RecordFaultCode.InvalidJson => (StatusCodes.Status400BadRequest, InvalidJson),
            RecordFaultCode.InvalidKey => (StatusCodes.Status400BadRequest, "invalid_key"),
            RecordFaultCode.InvalidHeader => (StatusCodes.Status400BadRequest, "invalid_header"),
            RecordFaultCode.InvalidValue => (StatusCodes.Status400BadRequest, "invalid_value"),
            RecordFaultCode.InvalidProducer => (StatusCodes.Status400BadRequest, "invalid_producer"),
            RecordFaultCode.RecordTooLarge => (StatusCodes.Status413PayloadTooLarge, "record_too_large"),
            RecordFaultCode.BatchTooLarge => (StatusCodes.Status413PayloadTooLarge, "batch_too_large"),
            _ => throw new InvalidOperationException($"No answer for {fault.Code}."),
        };
        return new(status, code, fault.Message);
    }

    /// <summary>A rejected append.</summary>
    public static Problem Of(AppendResult result)
    {
        var (status, code, isRetryable) = result.Status switch
        {
            AppendStatus.DiskFull => (StatusCodes.Status507InsufficientStorage, "disk_full", true),
            AppendStatus.WriteFailed => (StatusCodes.Status503ServiceUnavailable, "write_failed", true),
            AppendStatus.Overloaded => (StatusCodes.Status503ServiceUnavailable, "overloaded", true),
            AppendStatus.Closed => (StatusCodes.Status503ServiceUnavailable, LogClosed, true),
            AppendStatus.SequenceGap => (StatusCodes.Status409Conflict, "sequence_gap", false),
            AppendStatus.SequenceForgotten => (StatusCodes.Status409Conflict, "sequence_forgotten", false),
            AppendStatus.BatchDiffers => (StatusCodes.Status409Conflict, "batch_differs", false),
            AppendStatus.EpochEnded => (StatusCodes.Status403Forbidden, "epoch_ended", false),
            AppendStatus.KeyReused => (StatusCodes.Status422UnprocessableEntity, "idempotency_key_reused", false),
            AppendStatus.RoutedOtherwise => (StatusCodes.Status503ServiceUnavailable, TopicChangedCode, true),
            AppendStatus.KeysFull => (StatusCodes.Status503ServiceUnavailable, "idempotency_table_full", true),
            AppendStatus.NotNext => (StatusCodes.Status412PreconditionFailed, "offset_not_next", false),
            AppendStatus.PartitionStopped => (StatusCodes.Status503ServiceUnavailable, PartitionStopped, false),
            _ => throw new InvalidOperationException($"No answer for {result.Status}."),
        };
        return new(status, code, result.Reason ?? "", isRetryable)
        {
            ExpectedSequence = result.Status
                is AppendStatus.SequenceGap
                    or AppendStatus.SequenceForgotten
                    or AppendStatus.BatchDiffers
                ? result.ExpectedSequence
                : null,
            Epoch = result.Status == AppendStatus.EpochEnded ? result.Epoch : null,
            EndOffset = result.Status == AppendStatus.NotNext ? result.NextOffset : null,
            RetryAfterSeconds = Math.Clamp((result.RetryAfterMs + 999) / 1000, 1, MaxRetryAfterSeconds),
        };
    }

    /// <summary>A position whose records were deleted, or do not exist yet.</summary>
    public static Problem Of(FetchResult result) =>
        result.Status switch
        {
            FetchStatus.BelowEarliest => new(
                StatusCodes.Status410Gone,
                "offset_gone",
                $"Offset {result.FirstOffset} was deleted. The earliest available offset is {result.EarliestOffset}."
            )
            {
                EarliestOffset = result.EarliestOffset,
            },
            FetchStatus.BeyondEnd => OffsetBeyondEnd(result.FirstOffset, result.EndOffset),
            _ => throw new InvalidOperationException($"{result.Status} is no problem."),
        };

    /// <summary>An exception that was thrown while a request was handled.</summary>
    public static Problem Of(Exception exception) =>
        exception switch
        {
            BadHttpRequestException { StatusCode: StatusCodes.Status413PayloadTooLarge } => new(
                StatusCodes.Status413PayloadTooLarge,
                "body_too_large",
                "The body is larger than MaxBodyBytes allows. Send it in parts, or lines of any number with "
                    + "?stream=true."
            ),
            BadHttpRequestException { StatusCode: StatusCodes.Status408RequestTimeout } => new(
                StatusCodes.Status408RequestTimeout,
                BodyTimeoutCode,
                "The body arrived too slowly (MinBodyBytesPerSecond). Nothing was appended.",
                IsRetryable: true
            ),
            BadHttpRequestException bad => new(bad.StatusCode, "bad_request", bad.Message),
            IProblemSource source => source.Problem,
            TooManyTopicsException => new(StatusCodes.Status429TooManyRequests, "too_many_topics", exception.Message),
            TopicDamagedException => new(StatusCodes.Status503ServiceUnavailable, "topic_damaged", exception.Message),
            PartitionStoppedException => new(
                StatusCodes.Status503ServiceUnavailable,
                PartitionStopped,
                exception.Message
            ),
            LogClosedException => new(
                StatusCodes.Status503ServiceUnavailable,
                LogClosed,
                "The topic is being deleted, or the server is stopping.",
                IsRetryable: true
            ),
            DiskFullException => new(
                StatusCodes.Status507InsufficientStorage,
                "disk_full",
                "The disk is full.",
                IsRetryable: true
            ),
            CorruptionException corruption => new(
                StatusCodes.Status500InternalServerError,
                "corrupt_block",
                $"The log is damaged at {Path.GetFileName(corruption.Path)}, position {corruption.Position}: "
                    + $"{corruption.Reason}"
                    + $".{(corruption.NextOffset is { } next ? $" Readers can continue at offset {next}." : "")}"
            )
            {
                NextOffset = corruption.NextOffset,
            },
            OutOfMemoryException => new(
                StatusCodes.Status503ServiceUnavailable,
                "overloaded",
                "The server has no memory for this request now.",
                IsRetryable: true
            ),
            IOException => new(
                StatusCodes.Status500InternalServerError,
                StorageError,
                "The disk could not be read or written. The server's log has the details.",
                IsRetryable: true
            ),
            _ => new(
                StatusCodes.Status500InternalServerError,
                InternalError,
                "The server failed. Its log has the details."
            ),
        };

    /// <summary>A status that the framework set without a body.</summary>
    public static Problem Of(HttpResponse response) =>
        response.StatusCode switch
        {
            StatusCodes.Status404NotFound => new(
                response.StatusCode,
                "unknown_path",
                "There is nothing at this path. Records are at /topics/{topic}/{place}, one value at "
                    + "/topics/{topic}/{place}/value, topics at /topics."
            ),
            StatusCodes.Status405MethodNotAllowed => new(
                response.StatusCode,
                "method_not_allowed",
                $"This path does not support {Excerpt.Of(response.HttpContext.Request.Method)}. "
                    + $"Supported: {response.Headers.Allow} (upper-case). "
                    + "Records are appended with POST to /topics/{topic}."
            ),
            var status => new(status, "http_error", ReasonPhrases.GetReasonPhrase(status)),
        };
}
