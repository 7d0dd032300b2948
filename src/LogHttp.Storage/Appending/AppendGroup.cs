using System.Buffers;
using System.Globalization;
using LogHttp.Storage.Bytes;
using LogHttp.Storage.Producers;
using LogHttp.Storage.Records;
using LogHttp.Storage.Segments;

namespace LogHttp.Storage.Appending;

/// <summary>
/// The batches that one turn writes: framed into one buffer and written with one call where they fit, in slices where
/// they do not. Used by the one thread whose turn it is.
/// </summary>
internal sealed class AppendGroup(
    List<AppendRequest> requests,
    SegmentCursor start,
    long startStampMs,
    ProducerTable producers
)
{
    /// <summary>
    /// One write(2) at the most. The largest line has room too. So much that the calls do not count, and so little
    /// that what was framed is in the processor's cache yet when the kernel copies it.
    /// </summary>
    const int BufferBytes = 256 << 10;

    int _request;
    int _record;
    int _tailPosition;

    // The producer's, of the batch that is written now.
    BatchStamp? _stamp;

    public List<AppendRequest> Requests { get; } = requests;

    /// <summary>Where the partition stood before: a whole batch's end, and where a failed write goes back to.</summary>
    public SegmentCursor Start { get; } = start;

    /// <summary>The last stamp before the group.</summary>
    public long StartStampMs { get; } = startStampMs;

    /// <summary>The producers before the group.</summary>
    public ProducerTable StartProducers { get; } = producers;

    /// <summary>Where the next line goes.</summary>
    public SegmentCursor Cursor { get; private set; } = start;

    public long LastStampMs { get; private set; } = startStampMs;

    /// <summary>The producers, with what of the group is written.</summary>
    public ProducerTable Producers { get; private set; } = producers;

    public bool IsWritten => _request == Requests.Count;

    /// <summary>The most bytes that all its batches can take in a segment.</summary>
    public long MaxFramedBytes { get; } = requests.Sum(static request => request.MaxFramedBytes);

    /// <summary>How many records were written.</summary>
    public int RecordCount { get; private set; }

    /// <summary>The bytes of a group as its segment has them, in a buffer of the shared pool.</summary>
    internal readonly record struct Frame(byte[] Bytes, int SizeBytes);

    /// <summary>Answers every request of a group of which nothing is written.</summary>
    public void RefuseAll(long nowMs)
    {
        LastStampMs = Math.Max(nowMs, LastStampMs);
        for (; _request < Requests.Count; _request++)
            Requests[_request].Written(Refuse(Requests[_request], Cursor.NextOffset, LastStampMs, out _)!.Value);
    }

    /// <summary>The first batch that will be written, when nothing was yet. Null where all are refused.</summary>
    public AppendRequest? FirstToWrite(long nowMs) =>
        Requests.Find(request => Refuse(request, Cursor.NextOffset, Math.Max(nowMs, StartStampMs), out _) is null);

    /// <summary>
    /// Writes on from where the last slice ended, up to about <paramref name="sliceBytes"/>: the lines, then the index
    /// entries of the blocks they completed.
    /// </summary>
    /// <param name="files">The segment's.</param>
    /// <param name="sliceBytes">Where the slice ends, about.</param>
    /// <param name="nowMs">The time.</param>
    /// <param name="keepsFrame">Whether to return the bytes written, of all the group.</param>
    /// <exception cref="IOException">Any part of it may have been written.</exception>
    public Frame WriteSlice(SegmentFiles files, int sliceBytes, long nowMs, bool keepsFrame)
    {
        // A batch that goes on in this slice keeps the stamp that it began with, and that its producer is told.
        if (_record == 0)
            LastStampMs = Math.Max(nowMs, LastStampMs);
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
                if (!WriteRecords(Requests[_request], ref writer, sliceEnd))
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

    /// <summary>Frames a batch's records. False when the slice ended before the batch did.</summary>
    bool WriteRecords(AppendRequest request, ref SliceWriter writer, long sliceEnd)
    {
        var batch = request.Batch;
        var tailBytes = batch.TailBytes;
        var tails = batch.Tails;
        var firstRecord = -1;
        if (_record == 0)
        {
            if (Refuse(request, writer.Cursor.NextOffset, LastStampMs, out var repeatedCount) is { } refusal)
            {
                request.Written(refusal);
                return true;
            }
            (firstRecord, _record, _tailPosition) = (repeatedCount, repeatedCount, batch.TailPosition(repeatedCount));
            var firstGiven = batch.GivenTo(firstRecord).Offset;
            var firstOffset = firstGiven >= 0 ? firstGiven : writer.Cursor.NextOffset;
            request.Written(
                new(AppendStatus.Appended, firstOffset, TimestampMs: LastStampMs) { RepeatedCount = repeatedCount }
            );
            if (batch.Producer is { } producer)
            {
                var crc = batch.CrcOf(repeatedCount, batch.Count - repeatedCount);
                _stamp = new(producer with { Sequence = producer.Sequence + repeatedCount }, crc);
            }
        }
        for (; _record < tailBytes.Length; _record++)
        {
            if (writer.Cursor.Position >= sliceEnd)
                return false;
            var given = batch.GivenTo(_record);
            writer.Add(
                given.Offset >= 0 ? given.Offset : writer.Cursor.NextOffset,
                given.TimestampMs >= 0 ? given.TimestampMs : LastStampMs,
                batchCount: _record == firstRecord ? tailBytes.Length - firstRecord : 0,
                _record == firstRecord ? _stamp : null,
                tails.Slice(_tailPosition, tailBytes[_record])
            );
            _tailPosition += tailBytes[_record];
            RecordCount++;
        }
        var written = request.WrittenUpTo(writer.Cursor.NextOffset);
        if (_stamp is { } stamp)
        {
            var count = batch.Count - written.RepeatedCount;
            var produced = new ProducedBatch(
                stamp.Producer.Sequence,
                count,
                stamp.Crc,
                written.FirstOffset,
                written.NextOffset,
                written.TimestampMs
            );
            Producers = Producers.With(stamp.Producer, produced, LastStampMs);
        }
        _stamp = null;
        return true;
    }

    /// <summary>
    /// Why a batch can't be appended here, or null. A repeat is a repeat before it is anything else: what it asked for
    /// has happened.
    /// </summary>
    AppendResult? Refuse(AppendRequest request, long nextOffset, long stampMs, out int repeatedCount)
    {
        repeatedCount = 0;
        if (
            request.Batch.Producer is not null
            && ProducerCheck.Check(Producers, request.Batch, request.MayOverlap, stampMs, out repeatedCount)
                is { } refusal
        )
            return refusal;
        if (request.ExpectedNextOffset is { } expected && expected != nextOffset)
            return new(
                AppendStatus.NotNext,
                NextOffset: nextOffset,
                Reason: string.Create(CultureInfo.InvariantCulture, $"The next offset is {nextOffset}, not {expected}.")
            );
        var given = request.Batch.GivenTo(repeatedCount).Offset;
        return given >= 0 && given < nextOffset
            ? new(
                AppendStatus.OffsetNotAfterLast,
                NextOffset: nextOffset,
                Reason: string.Create(
                    CultureInfo.InvariantCulture,
                    $"Offset {given} is not after the last one; the next can be {nextOffset} or more."
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
