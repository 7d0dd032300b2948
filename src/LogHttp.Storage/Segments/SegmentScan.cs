using LogHttp.Storage.Files;
using LogHttp.Storage.Producers;
using LogHttp.Storage.Records;

namespace LogHttp.Storage.Segments;

/// <summary>
/// Reads a segment's lines from a known position to the end of the file, and finds how far they are whole records in
/// whole batches. Recovery, index rebuilds and verification all use it.
/// </summary>
internal sealed class SegmentScan
{
    /// <summary>
    /// The smallest unit that a disk writes as a whole. Linux writes files back in pages, but after a power cut any of
    /// a page's sectors may be on the disk.
    /// </summary>
    const int SectorBytes = 512;

    SegmentScan(SegmentCursor end, List<IndexEntry> entries, ProducerTable? producers, BadLine? bad) =>
        (End, Entries, Producers, Bad) = (end, entries, producers, bad);

    /// <summary>The position after the last whole batch.</summary>
    public SegmentCursor End { get; }

    /// <summary>The boundaries between the start of the scan and <see cref="End"/>.</summary>
    public List<IndexEntry> Entries { get; }

    /// <summary>The producers at <see cref="End"/>, if those at the start of the scan were given.</summary>
    public ProducerTable? Producers { get; }

    /// <summary>The first line that can't follow, or null if all is whole up to the end of the file.</summary>
    public BadLine? Bad { get; }

    /// <summary>A line that can't be read as the log's next record.</summary>
    /// <param name="Position">The position of the line.</param>
    /// <param name="Reason">The fault of the line.</param>
    /// <param name="LacksSector">
    /// Whether it has NUL bytes, which no record has, over whole sectors. Those sectors never reached the disk.
    /// </param>
    /// <param name="IsEndOfFile">Every line is whole, but the last batch is not: the file ends inside it.</param>
    public sealed record BadLine(long Position, string Reason, bool LacksSector = false, bool IsEndOfFile = false);

    /// <param name="file">The segment.</param>
    /// <param name="from">The position to start at, with its state.</param>
    /// <param name="endPosition">The end of the file, or of the part to read.</param>
    /// <param name="producers">The producers there, or null if the caller needs none.</param>
    /// <param name="nowMs">The time at which the producers in the scan count as heard from.</param>
    public static SegmentScan Run(
        IFile file,
        SegmentCursor from,
        long endPosition,
        ProducerTable? producers = null,
        long nowMs = 0
    )
    {
        using var lines = new LineReader(file, from.Position, endPosition);
        var entries = new List<IndexEntry>();
        var (cursor, end) = (from, from);
        var batchRest = 0;
        BatchStamp? stamp = null;
        var (batchCount, batchOffset, batchStampMs) = (0, 0L, 0L);
        while (lines.TryRead(out var line))
        {
            var reason =
                RecordFormat.Check(line, out var head, out var batch) ?? CheckSequence(cursor, head, batch, batchRest);
            if (reason is not null)
                return Ended(new(lines.LinePosition, reason, LacksSector(line, lines.LinePosition, endPosition)));
            if (batchRest == 0)
                (stamp, batchCount, batchOffset, batchStampMs) = (
                    batch.Stamp,
                    head.BatchCount,
                    head.Offset,
                    head.TimestampMs
                );
            batchRest = (batchRest == 0 ? head.BatchCount : batchRest) - 1;
            if (cursor.Advance(line, head.Offset, head.TimestampMs))
                entries.Add(cursor.CloseBlock());
            if (batchRest > 0)
                continue;
            end = cursor;
            if (stamp is { Producer: { } producer })
                producers = producers?.With(
                    producer,
                    new(producer.Sequence, batchCount, stamp.Crc, batchOffset, cursor.NextOffset, batchStampMs),
                    nowMs
                );
            if (stamp is { Idempotency: { } key })
                producers = producers?.With(
                    new RememberedKey(key, batchOffset, cursor.NextOffset, stamp.TimestampMs ?? batchStampMs),
                    nowMs
                );
        }
        return Ended(
            batchRest == 0
                ? null
                : new(end.Position, $"the batch that begins here lacks its last {batchRest} records", IsEndOfFile: true)
        );

        SegmentScan Ended(BadLine? bad)
        {
            entries.RemoveRange(end.IndexEntries - from.IndexEntries, cursor.IndexEntries - end.IndexEntries);
            return new(end, entries, producers, bad);
        }
    }

    internal static string? CheckSequence(in SegmentCursor cursor, RecordHead head, BatchFields batch, int batchRest)
    {
        if (head.Offset < cursor.NextOffset)
            return $"offset {head.Offset} stands where at least {cursor.NextOffset} should";
        if (head.Offset - cursor.BaseOffset >= uint.MaxValue)
            return $"offset {head.Offset} is too far from the segment's base offset";
        if (batchRest > 0 && head.BatchCount > 1)
            return "a batch begins inside of another";
        if (batchRest > 0 && batch.Any)
            return "a field of a batch's first line stands inside of a batch";
        return null;
    }

    /// <summary>
    /// Whether a line has the NULs of a missing write-back. They begin at a sector or at the line's start, which is the
    /// end of the write before. They end at the end of a sector, of the file, or of the read part of an overlong line.
    /// A lone NUL is damage.
    /// </summary>
    static bool LacksSector(ReadOnlySpan<byte> line, long linePosition, long endPosition)
    {
        for (var start = line.IndexOf((byte)0); start >= 0; )
        {
            var length = line[start..].IndexOfAnyExcept((byte)0);
            var end = length < 0 ? line.Length : start + length;
            var beginsAsSector = start == 0 || IsSectorBoundary(linePosition + start);
            var endsAsSector =
                end == line.Length || IsSectorBoundary(linePosition + end) || linePosition + end == endPosition;
            if (beginsAsSector && endsAsSector)
                return true;
            var next = line[end..].IndexOf((byte)0);
            start = next < 0 ? -1 : end + next;
        }
        return false;
    }

    static bool IsSectorBoundary(long position) => position % SectorBytes == 0;

    /// <summary>
    /// Whether any whole record follows a bad line. Then the bad line is not merely the point where writing stopped.
    /// </summary>
    public static bool AnyRecordAfter(IFile file, long position, long endPosition)
    {
        using var lines = new LineReader(file, position, endPosition);
        lines.TryRead(out _);
        while (lines.TryRead(out var line))
        {
            if (RecordFormat.Check(line, out _, out _) is null)
                return true;
        }
        return false;
    }
}
