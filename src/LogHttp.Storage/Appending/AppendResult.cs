namespace LogHttp.Storage.Appending;

/// <summary>The outcome of an append.</summary>
public enum AppendStatus
{
    /// <summary>The records are in the log, as durable as the topic's flush policy says.</summary>
    Appended,

    /// <summary>Nothing was appended: the disk is full. Try again when there is room.</summary>
    DiskFull,

    /// <summary>Nothing was appended: a write failed. Try again.</summary>
    WriteFailed,

    /// <summary>Nothing was appended: too many bytes wait to be written already. Try again soon.</summary>
    Overloaded,

    /// <summary>Nothing was appended: an offset given by the client is not after the last one.</summary>
    OffsetNotAfterLast,

    /// <summary>Nothing was appended: the batch was appended before. The result is the original one.</summary>
    Repeated,

    /// <summary>
    /// Nothing was appended: records of the producer before this batch are missing, see
    /// <see cref="AppendResult.ExpectedSequence"/>.
    /// </summary>
    SequenceGap,

    /// <summary>Nothing was appended: the batch was appended so long ago that its offset is no longer known.</summary>
    SequenceForgotten,

    /// <summary>Nothing was appended: the log has other records of the producer under these sequences.</summary>
    BatchDiffers,

    /// <summary>
    /// Nothing was appended: the producer continues with a higher epoch, <see cref="AppendResult.Epoch"/>.
    /// </summary>
    EpochEnded,

    /// <summary>Nothing was appended: the idempotency key was used for other records.</summary>
    KeyReused,

    /// <summary>
    /// Nothing was appended: the records were routed by another number of partitions than the first time. Route them
    /// again.
    /// </summary>
    RoutedOtherwise,

    /// <summary>
    /// Nothing was appended: the partition remembers as many idempotency keys as it may, see
    /// <see cref="AppendResult.RetryAfterMs"/>.
    /// </summary>
    KeysFull,

    /// <summary>Nothing was appended: the log's next offset is not the expected one.</summary>
    NotNext,

    /// <summary>
    /// The partition takes no writes, for the reason given. A batch in flight may or may not be in the log.
    /// </summary>
    PartitionStopped,

    /// <summary>Nothing was appended: the log is being closed.</summary>
    Closed,
}

/// <summary>The result of an append.</summary>
/// <param name="Status">The outcome. The other fields describe an appended batch unless stated otherwise.</param>
/// <param name="FirstOffset">The first record's offset.</param>
/// <param name="NextOffset">
/// The offset after the last record's. For <see cref="AppendStatus.OffsetNotAfterLast"/> the least offset that can be
/// given. For <see cref="AppendStatus.NotNext"/> the log's next offset.
/// </param>
/// <param name="TimestampMs">The server's timestamp of the batch, Unix milliseconds.</param>
/// <param name="Reason">Why the batch was rejected, for people.</param>
public readonly record struct AppendResult(
    AppendStatus Status,
    long FirstOffset = 0,
    long NextOffset = 0,
    long TimestampMs = 0,
    string? Reason = null
)
{
    /// <summary>
    /// The sequence of the producer's next record, for <see cref="AppendStatus.SequenceGap"/>,
    /// <see cref="AppendStatus.SequenceForgotten"/> and <see cref="AppendStatus.BatchDiffers"/>.
    /// </summary>
    public long ExpectedSequence { get; init; }

    /// <summary>
    /// For <see cref="AppendStatus.Appended"/>: the number of the batch's first records that were dropped, because the
    /// log has them already.
    /// </summary>
    public int RepeatedCount { get; init; }

    /// <summary>The producer's epoch, for <see cref="AppendStatus.EpochEnded"/>.</summary>
    public long Epoch { get; init; }

    /// <summary>
    /// The milliseconds until the oldest idempotency key expires, for <see cref="AppendStatus.KeysFull"/>.
    /// </summary>
    public long RetryAfterMs { get; init; }
}
