namespace LogHttp.Storage.Appending;

/// <summary>How an append ended.</summary>
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

    /// <summary>Nothing was appended: an offset given from outside is not after the last one.</summary>
    OffsetNotAfterLast,

    /// <summary>Nothing was appended: the batch was, before; the answer is what it was answered then.</summary>
    Repeated,

    /// <summary>
    /// Nothing was appended: records of the producer's before this batch are missing, see <see
    /// cref="AppendResult.ExpectedSequence"/>.
    /// </summary>
    SequenceGap,

    /// <summary>Nothing was appended: the batch was, so long before that it is not known where.</summary>
    SequenceForgotten,

    /// <summary>Nothing was appended: the log has other records of the producer under these sequences.</summary>
    BatchDiffers,

    /// <summary>Nothing was appended: the producer has gone on with <see cref="AppendResult.Epoch"/>.</summary>
    EpochEnded,

    /// <summary>Nothing was appended: the log's next offset is not the one that the append was to have.</summary>
    NotNext,

    /// <summary>
    /// The partition takes no writes, for the reason given; what was in flight is neither sure to be in nor to be out.
    /// </summary>
    PartitionStopped,

    /// <summary>Nothing was appended: the log is being closed.</summary>
    Closed,
}

/// <summary>What became of an append.</summary>
/// <param name="Status">How it ended; the other fields speak of an appended batch.</param>
/// <param name="FirstOffset">The first record's offset.</param>
/// <param name="NextOffset">
/// The offset after the last record's; for <see cref="AppendStatus.OffsetNotAfterLast"/> the least that can be given,
/// for <see cref="AppendStatus.NotNext"/> the log's.
/// </param>
/// <param name="TimestampMs">The time the server stamped it with, Unix milliseconds.</param>
/// <param name="Reason">Why it was refused, for people.</param>
public readonly record struct AppendResult(
    AppendStatus Status,
    long FirstOffset = 0,
    long NextOffset = 0,
    long TimestampMs = 0,
    string? Reason = null
)
{
    /// <summary>
    /// The sequence of the producer's next record; for <see cref="AppendStatus.SequenceGap"/>,
    /// <see cref="AppendStatus.SequenceForgotten"/> and <see cref="AppendStatus.BatchDiffers"/>.
    /// </summary>
    public long ExpectedSequence { get; init; }

    /// <summary>
    /// For <see cref="AppendStatus.Appended"/>: how many of the batch's first records were dropped, because they are in
    /// the log already.
    /// </summary>
    public int RepeatedCount { get; init; }

    /// <summary>The producer's epoch, for <see cref="AppendStatus.EpochEnded"/>.</summary>
    public long Epoch { get; init; }
}
