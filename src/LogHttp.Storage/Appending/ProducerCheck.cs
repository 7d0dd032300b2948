using System.Collections.Immutable;
using System.Globalization;
using LogHttp.Storage.Producers;
using LogHttp.Storage.Records;

namespace LogHttp.Storage.Appending;

/// <summary>Compares a producer's batch with the batches of that producer in the log.</summary>
internal static class ProducerCheck
{
    /// <summary>
    /// Returns null if the batch, or the rest of it, is to be appended. Otherwise returns its outcome, and none of it
    /// is appended.
    /// </summary>
    /// <param name="producers">The producers up to the position of the batch.</param>
    /// <param name="batch">A batch that has a producer.</param>
    /// <param name="mayOverlap">Whether records that are in the log already are dropped from the batch.</param>
    /// <param name="nowMs">
    /// Unix milliseconds. A producer that was silent for too long by then counts as unknown.
    /// </param>
    /// <param name="repeatedCount">
    /// The number of the batch's first records that are in the log, and so are dropped.
    /// </param>
    public static AppendResult? Check(
        ProducerTable producers,
        RecordBatch batch,
        bool mayOverlap,
        long nowMs,
        out int repeatedCount
    )
    {
        repeatedCount = 0;
        var stamp = batch.Producer!;
        var known = producers.Find(stamp.Id, nowMs);
        if (known is not null && stamp.Epoch < known.Epoch)
            return new(
                AppendStatus.EpochEnded,
                Reason: string.Create(
                    CultureInfo.InvariantCulture,
                    $"Producer \"{stamp.Id}\" continues with epoch {known.Epoch}; epoch {stamp.Epoch} can no "
                        + $"longer append."
                )
            )
            {
                Epoch = known.Epoch,
            };
        var expected = known is not null && stamp.Epoch == known.Epoch ? known.NextSequence : 0;
        if (stamp.Sequence == expected)
            return null;
        if (stamp.Sequence > expected)
            return new(AppendStatus.SequenceGap, Reason: Gap(stamp, known, expected)) { ExpectedSequence = expected };
        // Only a known producer of this epoch has a sequence above 0.
        var batches = known!.Batches;
        foreach (var remembered in batches)
        {
            if (remembered.Sequence == stamp.Sequence && remembered.Count == batch.Count)
                return remembered.Crc is null || remembered.Crc == batch.Crc
                    ? Repeated(remembered)
                    : Differs(batch, remembered, expected);
        }
        if (FirstWithin(batches, stamp.Sequence, batch.Count) is not { } overlapped)
            return Forgotten(batch, expected);
        // Before format 3 a sequence counted batches, so the repeated part of a batch can't be known.
        if (!mayOverlap || overlapped.Crc is null)
            return Differs(batch, overlapped, expected);
        foreach (var remembered in batches)
        {
            var first = remembered.Sequence - stamp.Sequence;
            if (
                first >= 0
                && first + remembered.Count <= batch.Count
                && remembered.Crc != batch.CrcOf((int)first, remembered.Count)
            )
                return Differs(batch, remembered, expected);
        }
        if (stamp.Sequence + batch.Count <= expected)
            return RepeatedWithin(stamp.Sequence, batch.Count, batches) ?? Forgotten(batch, expected);
        repeatedCount = (int)(expected - stamp.Sequence);
        return null;
    }

    /// <summary>Says how a producer's batch relates to the batches of that producer in the log.</summary>
    /// <param name="producers">The producers of the log.</param>
    /// <param name="batch">A batch that has a producer.</param>
    /// <param name="nowMs">The time, as in <see cref="Check"/>.</param>
    public static ProducerMatch Match(ProducerTable producers, RecordBatch batch, long nowMs)
    {
        var stamp = batch.Producer!;
        if (producers.Find(stamp.Id, nowMs) is not { } known)
            return ProducerMatch.Unknown;
        if (known.Epoch != stamp.Epoch)
            return ProducerMatch.Known;
        foreach (var remembered in known.Batches)
        {
            if (
                remembered.Sequence == stamp.Sequence
                && remembered.Count == batch.Count
                && (remembered.Crc is null || remembered.Crc == batch.Crc)
            )
                return ProducerMatch.Repeat;
        }
        return stamp.Sequence == known.NextSequence ? ProducerMatch.Next : ProducerMatch.Known;
    }

    /// <summary>Returns the first remembered batch that has any of the given sequences.</summary>
    static ProducedBatch? FirstWithin(ImmutableArray<ProducedBatch> batches, long sequence, int count)
    {
        foreach (var batch in batches)
        {
            if (batch.Sequence < sequence + count && sequence < batch.NextSequence)
                return batch;
        }
        return null;
    }

    static AppendResult Repeated(in ProducedBatch batch) =>
        new(AppendStatus.Repeated, batch.FirstOffset, batch.NextOffset, batch.TimestampMs);

    /// <summary>
    /// Returns the offsets of records that lie within remembered batches, or null if the first batch is not remembered.
    /// </summary>
    static AppendResult? RepeatedWithin(long sequence, int count, ImmutableArray<ProducedBatch> batches)
    {
        var lastSequence = sequence + count - 1;
        // Offsets given by the client may have gaps within a batch.
        if (
            FirstWithin(batches, sequence, count: 1) is not { HasGaps: false } first
            || FirstWithin(batches, lastSequence, count: 1) is not { HasGaps: false } last
        )
            return null;
        return new(
            AppendStatus.Repeated,
            first.FirstOffset + sequence - first.Sequence,
            last.FirstOffset + lastSequence - last.Sequence + 1,
            first.TimestampMs
        );
    }

    static AppendResult Differs(RecordBatch batch, in ProducedBatch remembered, long expected)
    {
        var (id, _, sequence) = batch.Producer!;
        var sent = string.Create(
            CultureInfo.InvariantCulture,
            $"Producer \"{id}\" sent {batch.Count} records from sequence {sequence}."
        );
        var isSameStretch = remembered.Sequence == sequence && remembered.Count == batch.Count;
        var inLog = remembered.Crc is null
            ? string.Create(
                CultureInfo.InvariantCulture,
                $"Batch {remembered.Sequence} with {remembered.Count} records was appended before format 3, when "
                    + $"sequences counted batches. It can only be sent again unchanged."
            )
            : string.Create(
                CultureInfo.InvariantCulture,
                $"The log has {remembered.Count} records from sequence {remembered.Sequence}, "
                    + $"{(isSameStretch ? "with other content" : "in a batch that overlaps")}."
            );
        return new(
            AppendStatus.BatchDiffers,
            Reason: string.Create(
                CultureInfo.InvariantCulture,
                $"{sent} {inLog} Nothing was appended; the next sequence is {expected}."
            )
        )
        {
            ExpectedSequence = expected,
        };
    }

    static AppendResult Forgotten(RecordBatch batch, long expected)
    {
        var (id, _, sequence) = batch.Producer!;
        var reason = string.Create(
            CultureInfo.InvariantCulture,
            $"Sequence {sequence} of producer \"{id}\" was appended too long ago to say where; the next one is "
                + $"{expected}. A producer that starts again takes a higher epoch."
        );
        return new(AppendStatus.SequenceForgotten, Reason: reason) { ExpectedSequence = expected };
    }

    static string Gap(ProducerStamp stamp, ProducerState? known, long expected) =>
        known is null
            ? string.Create(
                CultureInfo.InvariantCulture,
                $"Producer \"{stamp.Id}\" is not known here, or no more; it begins with sequence 0, not "
                    + $"{stamp.Sequence}. One that was forgotten takes a higher epoch."
            )
        : known.Epoch < stamp.Epoch
            ? string.Create(
                CultureInfo.InvariantCulture,
                $"Epoch {stamp.Epoch} of producer \"{stamp.Id}\" is new; it begins with sequence 0, not "
                    + $"{stamp.Sequence}."
            )
        : string.Create(
            CultureInfo.InvariantCulture,
            $"Producer \"{stamp.Id}\" sent sequence {stamp.Sequence}; the next one is {expected}. Records in "
                + $"between were not appended."
        );
}

/// <summary>How a producer's batch relates to a partition.</summary>
internal enum ProducerMatch
{
    /// <summary>The partition does not know the producer, or no more.</summary>
    Unknown,

    /// <summary>The partition knows the producer, and the batch neither continues there nor is a repeat.</summary>
    Known,

    /// <summary>The batch has the producer's next sequence.</summary>
    Next,

    /// <summary>The partition remembers the batch.</summary>
    Repeat,
}
