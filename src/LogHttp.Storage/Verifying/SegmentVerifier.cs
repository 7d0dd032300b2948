using LogHttp.Storage.Files;
using LogHttp.Storage.Records;
using LogHttp.Storage.Segments;

namespace LogHttp.Storage.Verifying;

/// <summary>
/// Reads one segment and its index from end to end, and reports all damage in either. It resumes behind each damaged
/// block. Both files tell where blocks end: the index by entries with a CRC of their own, the segment by its lines. So
/// where they differ, the verifier can tell which is wrong. The longest line bounds the memory. For one thread.
/// </summary>
/// <param name="paths">The paths of the two files.</param>
/// <param name="data">The segment.</param>
/// <param name="index">The index, or null if it is missing.</param>
/// <param name="extent">The part to verify.</param>
/// <param name="report">Takes each finding.</param>
internal sealed class SegmentVerifier(
    SegmentPaths paths,
    IFile data,
    IFile? index,
    VerifiedExtent extent,
    Action<Finding> report
) : IDisposable
{
    const string ContentDiffers = "is not what was written";

    SegmentCursor _cursor = new(paths.BaseOffset);
    LineReader _lines = new(data, 0, extent.EndPosition);

    // The last boundary that the index confirms. Behind it, only the lines tell where blocks end.
    long _confirmedBoundary;

    // How many records the batch still lacks. Null, unknown, behind a damaged block.
    int? _batchRest = 0;

    /// <summary>The offset after the last record that was read.</summary>
    public long NextOffset => _cursor.NextOffset;

    /// <summary>Whether some of the segment's own bytes are damaged.</summary>
    public bool HasDamage { get; private set; }

    /// <summary>Whether the index must be rebuilt.</summary>
    public bool IsIndexWrong { get; private set; }

    /// <summary>
    /// Verifies block by block, and yields the bytes that it read for each, so that the caller can set the pace.
    /// </summary>
    public IEnumerable<long> Run()
    {
        var all = CheckIndexFile();
        var end = ReadShortEnd(all);
        var entries = end is null ? all : EntriesWithin(all);
        var number = 0;
        for (; number < entries && _cursor.Position < extent.EndPosition; number++)
        {
            var start = _cursor.Position;
            CheckBlock(number, entries);
            yield return _cursor.Position - start;
        }
        if (end is { } missed)
        {
            ReportData(
                _cursor.Position,
                missed.Position,
                $"the segment ends at position {extent.EndPosition}, but was sealed at position {missed.Position}",
                paths.BaseOffset + missed.RelativeOffset
            );
            _cursor.NextOffset = paths.BaseOffset + missed.RelativeOffset;
            yield break;
        }
        if (number < entries)
            ReportIndex(
                IndexFile.PositionOf(number),
                IndexFile.PositionOf(entries) - IndexFile.PositionOf(number),
                "entries follow the entry of the segment's end"
            );
        CheckTail();
        var restStart = _cursor.Position;
        while (_cursor.Position < extent.EndPosition)
        {
            var start = _cursor.Position;
            CheckRest(restStart);
            yield return _cursor.Position - start;
        }
        CheckEnd(restStart, entries);
    }

    /// <summary>Returns the buffer to its pool.</summary>
    public void Dispose() => _lines.Dispose();

    int CheckIndexFile()
    {
        if (index is null)
        {
            ReportIndex(0, 0, "there is no index");
            return 0;
        }
        if (!IndexFile.HasHeader(index, paths.BaseOffset))
            ReportIndex(0, IndexFile.HeaderBytes, "the header is not that of this segment's index");
        var entries = (int)Math.Max(0, (index.LengthBytes - IndexFile.HeaderBytes) / IndexEntry.SizeBytes);
        if (extent.IndexEntries is { } known)
        {
            if (entries < known)
                ReportIndex(
                    IndexFile.PositionOf(entries),
                    0,
                    $"the index ends here, with {entries} entries of {known}"
                );
            return Math.Min(entries, known);
        }
        if (index.LengthBytes > IndexFile.PositionOf(entries))
            ReportIndex(
                IndexFile.PositionOf(entries),
                index.LengthBytes - IndexFile.PositionOf(entries),
                "bytes follow the last entry"
            );
        return entries;
    }

    /// <summary>Returns the entry of the segment's end if the segment is shorter than that, else null.</summary>
    IndexEntry? ReadShortEnd(int entries) =>
        entries > 0 && IndexFile.TryRead(index!, entries - 1) is { } last && last.Position > extent.EndPosition
            ? last
            : null;

    /// <summary>Returns how many whole blocks a shortened segment still has.</summary>
    int EntriesWithin(int entries)
    {
        while (
            entries > 0
            && !(IndexFile.TryRead(index!, entries - 1) is { } entry && entry.Position <= extent.EndPosition)
        )
            entries--;
        return entries;
    }

    void CheckBlock(int number, int entries)
    {
        var entry = IndexFile.TryRead(index!, number);
        if (entry is null)
            ReportIndex(IndexFile.PositionOf(number), IndexEntry.SizeBytes, "the entry's CRC is wrong");
        else if (entry.Value.Position <= _cursor.Position || entry.Value.Position > extent.EndPosition)
        {
            ReportIndex(
                IndexFile.PositionOf(number),
                IndexEntry.SizeBytes,
                $"the entry says position {entry.Value.Position}, where a block that begins at {_cursor.Position} "
                    + "can't end"
            );
            entry = null;
        }
        var badLine = ReadBlock(entry?.Position);
        if (entry is { } end)
            CompareWith(end, number, entries, badLine);
        else if (badLine is { } bad)
            SkipTo(NextCredibleEntry(number + 1, entries), bad);
        else
            _cursor.CloseBlock();
    }

    void CompareWith(IndexEntry end, int number, int entries, BadLine? badLine)
    {
        var isWritten = _cursor.BlockCrc == end.BlockCrc;
        if (!isWritten || badLine is { IsBeyondIndex: false })
        {
            var reason = badLine is { } bad
                ? $"position {bad.Position}: {bad.Reason}"
                : $"the block's CRC is {_cursor.BlockCrc:x8}, and the index has {end.BlockCrc:x8}";
            ReportData(
                _confirmedBoundary,
                end.Position,
                isWritten ? reason : $"the block {ContentDiffers}; {reason}",
                paths.BaseOffset + end.RelativeOffset
            );
            ResumeAt(end);
            return;
        }
        // The CRC of the bytes is right. So if they differ from the entry, the entry is wrong.
        if (
            badLine is not null
            || _cursor.NextOffset != paths.BaseOffset + end.RelativeOffset
            || _cursor.MaxTimestampMs != end.MaxTimestampMs
        )
            ReportIndex(
                IndexFile.PositionOf(number),
                IndexEntry.SizeBytes,
                "the entry is not that of the block which ends there"
            );
        else if (_cursor.Position - _cursor.BlockPosition < SegmentLayout.BlockBytes && number < entries - 1)
            ReportIndex(IndexFile.PositionOf(number), IndexEntry.SizeBytes, "the entry ends a block too early");
        _cursor.CloseBlock();
        _confirmedBoundary = _cursor.Position;
    }

    /// <summary>
    /// Reads a block's lines up to a position, or, if none is known, up to the end that the lines give. Returns the
    /// first bad line.
    /// </summary>
    BadLine? ReadBlock(long? endPosition)
    {
        BadLine? badLine = null;
        var end = endPosition ?? extent.EndPosition;
        while (_cursor.Position < end && _lines.TryRead(out var line))
        {
            if (_cursor.Position + line.Length > end)
            {
                badLine ??= new(_cursor.Position, "the line does not end with the block");
                line = line[..(int)(end - _cursor.Position)];
            }
            var position = _cursor.Position;
            if (
                badLine is null
                && endPosition is not null
                && position - _cursor.BlockPosition >= SegmentLayout.BlockBytes
            )
                badLine = new(position, "the block ends here, and the index says later", IsBeyondIndex: true);
            var reason = badLine is { IsBeyondIndex: false } ? null : Check(line);
            if (reason is not null)
                badLine = new(position, reason);
            // A line that can't be read still counts for the CRC and the position.
            var isRecord = RecordFormat.TryReadHead(line, out var head) && reason is null;
            var isBoundary = _cursor.Advance(
                line,
                isRecord ? head.Offset : _cursor.NextOffset - 1,
                isRecord ? head.TimestampMs : -1
            );
            if (isRecord)
                CountBatch(head);
            if (endPosition is null && (isBoundary || badLine is not null))
                break;
        }
        if (endPosition is not null && _lines.NextPosition != _cursor.Position)
            MoveTo(_cursor.Position);
        return badLine;
    }

    string? Check(ReadOnlySpan<byte> line) =>
        RecordFormat.Check(line, out var head, out var batch)
        ?? SegmentScan.CheckSequence(_cursor, head, batch, _batchRest ?? 0);

    void CountBatch(RecordHead head) =>
        _batchRest =
            _batchRest is null && head.BatchCount <= 1
                ? null
                : (_batchRest is null or 0 ? head.BatchCount : _batchRest) - 1;

    /// <summary>Checks the end of the active segment, up to the position whose CRC the checkpoint has.</summary>
    void CheckTail()
    {
        if (extent.Tail is not { } tail || tail.BlockPosition != _cursor.Position || tail.Position <= _cursor.Position)
            return;
        var start = _cursor.Position;
        var badLine = ReadBlock(tail.Position);
        if (_cursor.BlockCrc == tail.BlockCrc && badLine is null or { IsBeyondIndex: true })
            return;
        ReportData(
            start,
            tail.Position,
            badLine is { } bad
                ? $"position {bad.Position}: {bad.Reason}"
                : $"the end of the segment {ContentDiffers}, by the CRC in the checkpoint",
            tail.NextOffset
        );
        _cursor = tail with { BlockPosition = tail.Position };
        _batchRest = null;
        MoveTo(tail.Position);
    }

    /// <summary>
    /// Checks the lines behind the index: at the end of the active segment, or behind an index that is too short. Only
    /// the lines themselves can be checked there.
    /// </summary>
    void CheckRest(long restStart)
    {
        var start = _cursor.Position;
        var bad = ReadBlock(endPosition: null);
        if (bad is null && _cursor.Position == start)
            bad = new(start, "the file ends here");
        if (bad is { } found)
            ReportRest(restStart, found);
        _cursor.BlockPosition = _cursor.Position;
    }

    void CheckEnd(long restStart, int entries)
    {
        if (extent.IndexEntries is null && restStart < extent.EndPosition && index is not null && !IsIndexWrong)
            ReportIndex(
                IndexFile.PositionOf(entries),
                0,
                $"the index ends with position {restStart}, and the segment with {extent.EndPosition}"
            );
        if (_batchRest is not > 0 || HasDamage)
            return;
        if (extent.MayBeTorn)
            report(
                Of(
                    FindingKind.Note,
                    paths.Data,
                    extent.EndPosition,
                    0,
                    $"the last batch lacks {_batchRest} records: it was never acknowledged, and the next start "
                        + "takes it away"
                )
            );
        else
            ReportData(restStart, extent.EndPosition, $"the last batch lacks {_batchRest} records", nextOffset: null);
    }

    void ReportRest(long restStart, BadLine bad)
    {
        if (extent.MayBeTorn && !SegmentScan.AnyRecordAfter(data, bad.Position, extent.EndPosition))
            report(
                Of(
                    FindingKind.Note,
                    paths.Data,
                    bad.Position,
                    extent.EndPosition - bad.Position,
                    $"a torn tail ({bad.Reason}): it was never acknowledged, and the next start takes it away"
                )
            );
        else
            ReportData(
                Math.Min(_confirmedBoundary, restStart),
                extent.EndPosition,
                $"position {bad.Position}: {bad.Reason}",
                nextOffset: null
            );
        _cursor.Position = extent.EndPosition;
        _batchRest = null;
    }

    /// <summary>Returns the first credible entry from a number on.</summary>
    IndexEntry? NextCredibleEntry(int number, int entries)
    {
        for (; number < entries; number++)
        {
            if (
                IndexFile.TryRead(index!, number) is { } entry
                && entry.Position > _cursor.Position
                && entry.Position <= extent.EndPosition
            )
                return entry;
        }
        return null;
    }

    void SkipTo(IndexEntry? credible, BadLine bad)
    {
        ReportData(
            _confirmedBoundary,
            credible?.Position ?? extent.EndPosition,
            $"position {bad.Position}: {bad.Reason}",
            credible is { } entry ? paths.BaseOffset + entry.RelativeOffset : null
        );
        if (credible is { } end)
            ResumeAt(end);
        else
            _cursor.Position = extent.EndPosition;
    }

    void ResumeAt(IndexEntry end)
    {
        _cursor = new SegmentCursor(paths.BaseOffset)
        {
            Position = end.Position,
            BlockPosition = end.Position,
            NextOffset = paths.BaseOffset + end.RelativeOffset,
            MaxTimestampMs = end.MaxTimestampMs,
        };
        _confirmedBoundary = end.Position;
        _batchRest = null;
        MoveTo(end.Position);
    }

    void MoveTo(long position)
    {
        if (_lines.NextPosition == position)
            return;
        _lines.Dispose();
        _lines = new LineReader(data, position, extent.EndPosition);
    }

    void ReportIndex(long position, long lengthBytes, string reason)
    {
        IsIndexWrong = true;
        report(Of(FindingKind.Index, paths.Index, position, lengthBytes, reason));
    }

    void ReportData(long position, long endPosition, string reason, long? nextOffset)
    {
        HasDamage = true;
        report(
            Of(FindingKind.Data, paths.Data, position, endPosition - position, reason) with
            {
                NextOffset = nextOffset,
            }
        );
    }

    Finding Of(FindingKind kind, string path, long position, long lengthBytes, string reason) =>
        new(kind, path, position, lengthBytes, reason) { Segment = paths.BaseOffset };

    /// <summary>
    /// A line that can't stand at its position. If it is out of place, the line is sound but the index has no room for
    /// it.
    /// </summary>
    readonly record struct BadLine(long Position, string Reason, bool IsBeyondIndex = false);
}

/// <summary>The paths of a segment's two files.</summary>
internal sealed record SegmentPaths(long BaseOffset, string Data, string Index);

/// <summary>The part of a segment to verify.</summary>
/// <param name="EndPosition">The position after its last byte.</param>
/// <param name="IndexEntries">
/// The number of entries that count, or null for all, as in a sealed segment's index.
/// </param>
/// <param name="Tail">
/// For the active segment: a position up to which it was durable, with the CRC of the bytes behind the last boundary.
/// </param>
/// <param name="MayBeTorn">Whether the bytes behind that position may come from an interrupted write.</param>
internal sealed record VerifiedExtent(
    long EndPosition,
    int? IndexEntries = null,
    SegmentCursor? Tail = null,
    bool MayBeTorn = false
);
