using System.Buffers;
using System.Globalization;
using LogHttp.Storage.Bytes;
using LogHttp.Storage.Producers;
using LogHttp.Storage.Records;
using LogHttp.Storage.Segments;

namespace LogHttp.Storage.Appending;

/// <summary>
/// The batches that one turn writes. They are framed into one buffer and written with one call if they fit, and in
/// slices otherwise. Used only by the thread that has the turn.
/// </summary>
internal sealed class AppendGroup(
    List<AppendRequest> requests,
    SegmentCursor start,
    long startStampMs,
    ProducerTable producers
)
{
    /// <summary>
    /// The most bytes of one write(2). A larger line still fits, because the buffer grows to the largest line. At this
    /// size the cost of the calls is negligible, and the framed bytes are still in the processor's cache when the
    /// kernel copies them.
    /// </summary>
    const int BufferBytes = 256 << 10;

    int _request;
    int _record;
    int _tailPosition;

    // The stamp of the batch that is being written, if it has a producer or an idempotency key.
    BatchStamp? _stamp;

    public List<AppendRequest> Requests { get; } = requests;

    /// <summary>
    /// The partition's position before the group: the end of a whole batch. A failed write rolls back to it.
    /// </summary>
    public SegmentCursor Start { get; } = start;

    /// <summary>The server's last timestamp before the group, Unix milliseconds.</summary>
    public long StartStampMs { get; } = startStampMs;

    /// <summary>The producer table before the group.</summary>
    public ProducerTable StartProducers { get; } = producers;

    /// <summary>The position of the next line.</summary>
    public SegmentCursor Cursor { get; private set; } = start;

    public long LastStampMs { get; private set; } = startStampMs;

    /// <summary>The producer table, with the group's written batches.</summary>
    public ProducerTable Producers { get; private set; } = producers;

    public bool IsWritten => _request == Requests.Count;

    /// <summary>The most bytes that the group's batches can take in a segment.</summary>
    public long MaxFramedBytes { get; } = requests.Sum(static request => request.MaxFramedBytes);

    /// <summary>The number of records written.</summary>
    public int RecordCount { get; private set; }

    /// <summary>The bytes of a group as they are in its segment, in a buffer of the shared pool.</summary>
    internal readonly record struct Frame(byte[] Bytes, int SizeBytes);

    /// <summary>Sets the result of every request of a group that writes nothing.</summary>
    public void RefuseAll(long nowMs)
    {
        LastStampMs = Math.Max(nowMs, LastStampMs);
        for (; _request < Requests.Count; _request++)
            Requests[_request].SetResult(Refuse(Requests[_request], Cursor.NextOffset, nowMs, out _)!.Value);
    }

    /// <summary>
    /// Returns the first batch that will be written, or null if all are rejected. Call before anything is written.
    /// </summary>
    public AppendRequest? FirstToWrite(long nowMs)
    {
        foreach (var request in Requests)
        {
            if (Refuse(request, Cursor.NextOffset, nowMs, out _) is null)
                return request;
        }
        return null;
    }

    /// <summary>
    /// Continues from the end of the last slice, up to about <paramref name="sliceBytes"/>. Writes the lines, then the
    /// index entries of the blocks that they complete.
    /// </summary>
    /// <param name="files">The segment's files.</param>
    /// <param name="sliceBytes">The approximate size of the slice.</param>
    /// <param name="nowMs">The time, Unix milliseconds.</param>
    /// <param name="keepsFrame">Whether to return the written bytes of the whole group.</param>
    /// <exception cref="IOException">Any part of the slice may have been written.</exception>
    public Frame WriteSlice(SegmentFiles files, int sliceBytes, long nowMs, bool keepsFrame)
    {
        // A batch that continues in this slice keeps its first timestamp, which the response returns.
        if (_record == 0)
            LastStampMs = Math.Max(nowMs, LastStampMs);
        Producers = Producers.WithoutExpiredKeys(nowMs);
        var sliceEnd = Cursor.Position + sliceBytes;
        var buffer = ArrayPool<byte>.Shared.Rent(keepsFrame ? (int)MaxFramedBytes : BufferSize());
        var isKept = false;
        try
        {
            var writer = new SliceWriter(files, Cursor, buffer);
            for (
                ;
                _request < Requests.Count && writer.Cursor.Position < sliceEnd;
                _request++, _record = 0, _tailPosition = 0
            )
            {
                if (!WriteRecords(Requests[_request], ref writer, sliceEnd, nowMs))
                    break;
            }
            writer.Finish();
            Cursor = writer.Cursor;
            isKept = keepsFrame;
            return isKept ? new(buffer, (int)(Cursor.Position - Start.Position)) : default;
        }
        finally
        {
            if (!isKept)
                PooledArray.Return(buffer);
        }
    }

    /// <summary>Frames a batch's records. Returns false if the slice ended before the batch did.</summary>
    bool WriteRecords(AppendRequest request, ref SliceWriter writer, long sliceEnd, long nowMs)
    {
        var batch = request.Batch;
        var tailBytes = batch.TailBytes;
        var tails = batch.Tails;
        var firstRecord = -1;
        if (_record == 0)
        {
            if (Refuse(request, writer.Cursor.NextOffset, nowMs, out var repeatedCount) is { } refusal)
            {
                request.SetResult(refusal);
                return true;
            }
            (firstRecord, _record, _tailPosition) = (repeatedCount, repeatedCount, batch.TailPosition(repeatedCount));
            var firstGiven = batch.ExplicitStampOf(firstRecord).Offset;
            var firstOffset = firstGiven >= 0 ? firstGiven : writer.Cursor.NextOffset;
            request.SetResult(
                new(AppendStatus.Appended, firstOffset, TimestampMs: LastStampMs) { RepeatedCount = repeatedCount }
            );
            if (batch.Producer is { } producer)
            {
                var crc = batch.CrcOf(repeatedCount, batch.Count - repeatedCount);
                _stamp = new(producer with { Sequence = producer.Sequence + repeatedCount }, crc);
            }
            else if (batch.Idempotency is { } key)
            {
                var hasOwnTimestamp = batch.ExplicitStampOf(0).TimestampMs >= 0;
                _stamp = new(Producer: null, Crc: null)
                {
                    Idempotency = key,
                    TimestampMs = hasOwnTimestamp ? LastStampMs : null,
                };
            }
        }
        while (_record < tailBytes.Length)
        {
            if (writer.Cursor.Position >= sliceEnd)
                return false;
            var tailsLeft = tails[_tailPosition..];
            var count = 1;
            // The fields of a batch are on its first line.
            if (_record == firstRecord || batch.HasExplicitStamps)
            {
                var given = batch.ExplicitStampOf(_record);
                writer.Add(
                    given.Offset >= 0 ? given.Offset : writer.Cursor.NextOffset,
                    given.TimestampMs >= 0 ? given.TimestampMs : LastStampMs,
                    batchCount: _record == firstRecord ? tailBytes.Length - firstRecord : 0,
                    _record == firstRecord ? _stamp : null,
                    tailsLeft[..tailBytes[_record]]
                );
            }
            else
            {
                count = writer.AddRun(LastStampMs, tailsLeft, tailBytes[_record..], sliceEnd);
            }
            for (var end = _record + count; _record < end; _record++)
                _tailPosition += tailBytes[_record];
            RecordCount += count;
        }
        var written = request.SetNextOffset(writer.Cursor.NextOffset);
        if (_stamp is { Producer: { } stamp })
        {
            var count = batch.Count - written.RepeatedCount;
            var produced = new ProducedBatch(
                stamp.Sequence,
                count,
                _stamp.Crc,
                written.FirstOffset,
                written.NextOffset,
                written.TimestampMs
            );
            Producers = Producers.With(stamp, produced, LastStampMs);
        }
        else if (_stamp is { Idempotency: { } key })
        {
            var remembered = new RememberedKey(key, written.FirstOffset, written.NextOffset, written.TimestampMs);
            Producers = Producers.With(remembered, nowMs);
        }
        _stamp = null;
        return true;
    }

    /// <summary>
    /// Returns why a batch can't be appended here, or null. The check for a repeat comes first: a retry succeeds even
    /// if the expected offset no longer matches.
    /// </summary>
    AppendResult? Refuse(AppendRequest request, long nextOffset, long nowMs, out int repeatedCount)
    {
        repeatedCount = 0;
        if (
            request.Batch.Producer is not null
            && ProducerCheck.Check(
                Producers,
                request.Batch,
                request.MayOverlap,
                Math.Max(nowMs, LastStampMs),
                out repeatedCount
            )
                is { } refusal
        )
            return refusal;
        // The clock decides here, and not the log's time. If the clock was ahead, the log's time stands still.
        if (
            request.Batch.Idempotency is { } key
            && IdempotencyCheck.Check(Producers.Keys, key, nowMs) is { } keyRefusal
        )
            return keyRefusal;
        if (request.ExpectedNextOffset is { } expected && expected != nextOffset)
            return new(
                AppendStatus.NotNext,
                NextOffset: nextOffset,
                Reason: string.Create(CultureInfo.InvariantCulture, $"The next offset is {nextOffset}, not {expected}.")
            );
        var given = request.Batch.ExplicitStampOf(repeatedCount).Offset;
        return given >= 0 && given < nextOffset
            ? new(
                AppendStatus.OffsetNotAfterLast,
                NextOffset: nextOffset,
                Reason: string.Create(
                    CultureInfo.InvariantCulture,
                    $"Offset {given} is not after the last one. Allowed: {nextOffset} or more."
                )
            )
            : null;
    }

    int BufferSize()
    {
        var (waitingBytes, largestLineBytes) = (0L, 0);
        for (var i = _request; i < Requests.Count; i++)
        {
            waitingBytes += Requests[i].MaxFramedBytes;
            largestLineBytes = Math.Max(
                largestLineBytes,
                Requests[i].Batch.LargestTailBytes + RecordFormat.MaxHeadBytes
            );
        }
        return Math.Max(largestLineBytes, (int)Math.Min(waitingBytes, BufferBytes));
    }
}
