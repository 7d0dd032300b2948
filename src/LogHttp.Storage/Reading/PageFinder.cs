using System.Runtime.CompilerServices;
using LogHttp.Storage.Files;
using LogHttp.Storage.Partitions;
using LogHttp.Storage.Records;
using LogHttp.Storage.Segments;

namespace LogHttp.Storage.Reading;

/// <summary>
/// Turns a place and a page size into one region of one segment file. Of the records, it reads only the heads of the
/// lines in the first record's block.
/// </summary>
internal static class PageFinder
{
    /// <summary>Finds the page that begins at a place in a view, and ends at the bounds if there are any.</summary>
    /// <exception cref="WouldWaitException">
    /// <paramref name="mayWait"/> is false, and the thread would have to wait for the disk.
    /// </exception>
    public static FetchResult Fetch(LogPlace place, PageSize pageSize, ReadBounds? bounds, LogView view, bool mayWait)
    {
        WaitForRepair(view, mayWait);
        var offset = OffsetOf(place, view, mayWait);
        if (offset < view.EarliestOffset)
            return NoPage(FetchStatus.BelowEarliest, view, offset);
        if (offset > view.EndOffset)
            return NoPage(FetchStatus.BeyondEnd, view, offset);
        if (bounds is not null && offset >= bounds.EndOffset)
            return NoPageBefore(bounds, view, offset);
        for (
            var number = view.SegmentNumberOf(offset);
            offset < view.EndOffset && number < view.Segments.Length;
            number++
        )
        {
            var segment = view.Segments[number];
            var isSealed = number < view.Segments.Length - 1;
            var lease = segment.Acquire(isSealed, mayWait);
            try
            {
                var end = isSealed ? segment.End! : view.End;
                // For an offset in the gap between two segments, the next one has the first record after it.
                if (offset < end.NextOffset && end.Position > 0)
                    return Page(view, segment, lease, end, isSealed, offset, pageSize, bounds, mayWait);
            }
            catch
            {
                lease.Dispose();
                throw;
            }
            lease.Dispose();
        }
        return NoPage(FetchStatus.AtEnd, view, offset);
    }

    /// <summary>After a failed sync, waits until the bytes that the disk may lack were written again.</summary>
    static void WaitForRepair(LogView view, bool mayWait)
    {
        if (view.Repaired is not { IsCompleted: false } repaired)
            return;
        if (!mayWait)
            throw new WouldWaitException();
        repaired.Wait();
    }

    /// <summary>Returns the offset of a place in a view. A number may lie beyond the end.</summary>
    public static long OffsetOf(LogPlace place, LogView view, bool mayWait) =>
        place.TimeMs is { } timestampMs
            ? OffsetAt(timestampMs, view, mayWait)
            : place.Resolve(view.EarliestOffset, view.EndOffset);

    static FetchResult NoPage(FetchStatus status, LogView view, long offset) =>
        new(status, view.EarliestOffset, view.EndOffset, offset, offset);

    /// <summary>The result where no record lies between a place and the bounds' end.</summary>
    static FetchResult NoPageBefore(ReadBounds bounds, LogView view, long offset) =>
        NoPage(FetchStatus.AtEnd, view, offset) with
        {
            NextOffset = Math.Max(offset, bounds.EndOffset),
            IsComplete = true,
        };

    static FetchResult Page(
        LogView view,
        Segment segment,
        SegmentLease lease,
        SegmentEnd end,
        bool isSealed,
        long offset,
        PageSize pageSize,
        ReadBounds? bounds,
        bool mayWait
    )
    {
        var known = bounds is null ? KnownPage(segment, lease.Files, end, offset, pageSize) : null;
        var page = known ?? FindPage(segment, lease.Files, end, isSealed, offset, pageSize, bounds, mayWait);
        if (bounds is not null && page.FirstOffset >= bounds.EndOffset)
        {
            lease.Dispose();
            return NoPageBefore(bounds, view, offset);
        }
        return new(
            FetchStatus.Page,
            view.EarliestOffset,
            view.EndOffset,
            page.FirstOffset,
            page.NextOffset,
            new LogRegion(segment, lease, page.Position, page.EndPosition - page.Position)
        )
        {
            // Only pages that are read again keep a companion.
            FixedPage = known is { IsFixed: true } ? known : null,
            IsDurable = isSealed || view.IsDurable,
            IsComplete = bounds is not null && page.NextOffset >= bounds.EndOfPageAt(page.FirstOffset),
            // A repair changes the ends of a damaged segment's pages.
            IsFinal =
                segment.Damage.Count == 0
                && (
                    isSealed
                        ? page.IsFixed || view.IsPermanentlySealed(segment)
                        : page.IsFixed && view is { IsDurable: true, IsIndexWhole: true }
                ),
        };
    }

    /// <summary>
    /// Returns the page from an earlier lookup, or null if it must be looked up. A failed sync cuts the view back, so a
    /// page may have been found beyond the end.
    /// </summary>
    static FoundPage? KnownPage(Segment segment, SegmentFiles files, SegmentEnd end, long offset, PageSize pageSize) =>
        segment.Damage.Count > 0
        || files.FoundPages.Find(offset, pageSize.MaxBytes) is not { } known
        || known.EndPosition > end.Position
            ? null
        : known.IsFixed ? known
        : ReachesEnd(known.Position, end, pageSize)
            ? known with
            {
                EndPosition = end.Position,
                NextOffset = end.NextOffset,
            }
        : null;

    // Does not clear the stretch, 3 KiB of stack: the search fills it before it reads it.
    [SkipLocalsInit]
    static FoundPage FindPage(
        Segment segment,
        SegmentFiles files,
        SegmentEnd end,
        bool isSealed,
        long offset,
        PageSize pageSize,
        ReadBounds? bounds,
        bool mayWait
    )
    {
        var (data, indexFile) = FilesFor(mayWait, files);
        for (var isIndexNew = false; ; )
        {
            var rebuildCount = segment.IndexRebuildCount;
            try
            {
                var index = new IndexSearch(indexFile, end.IndexEntries, stackalloc byte[IndexSearch.StretchBytes]);
                var (position, firstOffset) = FindRecord(ref index, segment, data, end, offset);
                var (endPosition, nextOffset, isFixed) = bounds is null
                    ? FindPageEnd(ref index, segment, data, end, position, pageSize)
                    : FindBoundedEnd(
                        ref index,
                        segment,
                        data,
                        end,
                        (position, firstOffset),
                        pageSize,
                        bounds.EndOfPageAt(firstOffset)
                    );
                if (segment.DamageWithin(position, endPosition) is { } damage)
                    ((endPosition, nextOffset), isFixed) = (EndBefore(damage, ref index, segment, end), false);
                var page = new FoundPage(
                    offset,
                    pageSize.MaxBytes,
                    position,
                    firstOffset,
                    endPosition,
                    nextOffset,
                    isFixed
                );
                if (bounds is null)
                    files.FoundPages.Add(page);
                return page;
            }
            catch (CorruptIndexException)
            {
                ThrowIfNotRebuildable(segment, isIndexNew, mayWait);
                isIndexNew = segment.RebuildIndex(files, end.Position, isSealed, rebuildCount);
            }
        }
    }

    /// <summary>
    /// Returns the first offset at which the largest time so far reaches this one, or the end if no record's does. A
    /// record before the earliest counts as long as its segment is there. Then all records from the earliest on come
    /// after it.
    /// </summary>
    static long OffsetAt(long timestampMs, LogView view, bool mayWait)
    {
        for (var number = 0; number < view.Segments.Length; number++)
        {
            var segment = view.Segments[number];
            var isSealed = number < view.Segments.Length - 1;
            // Known without opening the files, once they were open.
            if (segment.MissingUntilOffset is not null || (isSealed && segment.End?.MaxTimestampMs < timestampMs))
                continue;
            using var lease = segment.Acquire(isSealed, mayWait);
            var end = isSealed ? segment.End! : view.End;
            if (end.Position > 0 && end.MaxTimestampMs >= timestampMs)
                return Math.Max(
                    view.EarliestOffset,
                    FirstAt(timestampMs, segment, lease.Files, end, isSealed, mayWait)
                );
        }
        return view.EndOffset;
    }

    /// <summary>Returns the offset of a segment's first record at a time or later. There must be one.</summary>
    static long FirstAt(
        long timestampMs,
        Segment segment,
        SegmentFiles files,
        SegmentEnd end,
        bool isSealed,
        bool mayWait
    )
    {
        var (data, index) = FilesFor(mayWait, files);
        for (var isIndexNew = false; ; )
        {
            var rebuildCount = segment.IndexRebuildCount;
            try
            {
                var block = new IndexSearch(index, end.IndexEntries, stackalloc byte[IndexSearch.StretchBytes]).Floor(
                    timestampMs - 1,
                    end.MaxTimestampMs,
                    static entry => entry.MaxTimestampMs
                );
                ThrowIfDamaged(segment, block.Position, end);
                return ReadLines(
                    segment,
                    data,
                    block.Position,
                    end.Position,
                    (Offset: 0, timestampMs),
                    stopPosition: long.MaxValue
                ).Offset;
            }
            catch (CorruptIndexException)
            {
                ThrowIfNotRebuildable(segment, isIndexNew, mayWait);
                isIndexNew = segment.RebuildIndex(files, end.Position, isSealed, rebuildCount);
            }
        }
    }

    static (IFile Data, IFile Index) FilesFor(bool mayWait, SegmentFiles files) =>
        mayWait
            ? (files.Data, files.Index)
            : (files.Data.Cached, files.OpenIndex?.Cached ?? throw new WouldWaitException());

    /// <summary>
    /// The index is a function of the segment. A wrong one is rebuilt once. If the new one is wrong too, the segment is
    /// damaged.
    /// </summary>
    static void ThrowIfNotRebuildable(Segment segment, bool isIndexNew, bool mayWait)
    {
        if (!mayWait)
            throw new WouldWaitException();
        if (isIndexNew)
            throw new CorruptionException(
                segment.DataPath,
                0,
                "a record is not at the position that the rebuilt index has"
            );
    }

    /// <summary>
    /// Finds the first line whose offset is not smaller than the wanted one: the index gives its block, and the block
    /// is read.
    /// </summary>
    static (long Position, long Offset) FindRecord(
        ref IndexSearch index,
        Segment segment,
        IFile data,
        SegmentEnd end,
        long offset
    )
    {
        var block = BlockOf(ref index, segment, end, offset);
        ThrowIfDamaged(segment, block.Position, end);
        // Links lead to pages that begin with a block. So its first record is mostly the wanted one.
        if (
            segment.BaseOffset + block.RelativeOffset == offset
            && OffsetAtLine(data, block.Position, end.Position) == offset
        )
            return (block.Position, offset);
        var found = ReadLines(
            segment,
            data,
            block.Position,
            end.Position,
            (offset, TimestampMs: 0),
            stopPosition: long.MaxValue
        );
        // The record may be the first of the next block, behind a gap.
        ThrowIfDamaged(segment, found.Position, end);
        return found;
    }

    /// <summary>Returns the block in which a record with an offset would be.</summary>
    static IndexEntry BlockOf(ref IndexSearch index, Segment segment, SegmentEnd end, long offset)
    {
        var block = index.Floor(
            // The offset is below the base offset if it lies in the gap before this segment.
            Math.Max(0, offset - segment.BaseOffset),
            end.NextOffset - segment.BaseOffset,
            static entry => entry.RelativeOffset
        );
        return block.Position < end.Position ? block : throw new CorruptIndexException();
    }

    /// <summary>
    /// Returns the offset of the record at a position, from its head alone, or null if no record begins there.
    /// </summary>
    static long? OffsetAtLine(IFile data, long position, long endPosition)
    {
        Span<byte> head = stackalloc byte[RecordFormat.MaxHeadBytes];
        head = head[..data.Read(head[..(int)Math.Min(head.Length, endPosition - position)], position)];
        return RecordFormat.TryReadHead(head, out var read) ? read.Offset : null;
    }

    /// <summary>Throws for a block that is known to be damaged. Such a block is neither sent nor read.</summary>
    static void ThrowIfDamaged(Segment segment, long position, SegmentEnd end)
    {
        if (segment.DamageWithin(position, position + 1) is { } damage)
            throw new CorruptionException(segment.DataPath, damage.Position, damage.Reason)
            {
                NextOffset = damage.NextOffset ?? end.NextOffset,
            };
    }

    /// <summary>Returns the end of a page before a damaged block. Readers get all records up to it.</summary>
    static (long Position, long NextOffset) EndBefore(
        DamagedRange damage,
        ref IndexSearch index,
        Segment segment,
        SegmentEnd end
    )
    {
        var boundary = LastBoundary(ref index, end, damage.Position);
        return (boundary.Position, segment.BaseOffset + boundary.RelativeOffset);
    }

    /// <summary>
    /// Returns the end of the page, the offset after it, and whether it ends there for ever, however the log grows.
    /// </summary>
    static (long Position, long NextOffset, bool IsFixed) FindPageEnd(
        ref IndexSearch index,
        Segment segment,
        IFile data,
        SegmentEnd end,
        long position,
        PageSize pageSize
    )
    {
        if (ReachesEnd(position, end, pageSize))
            return (end.Position, end.NextOffset, false);
        var boundary = LastBoundary(ref index, end, position + pageSize.MaxBytes);
        if (boundary.Position <= position)
        {
            // Less than a block fits. The page has as many whole lines as fit, but at least one.
            if (end.Position - position <= pageSize.MaxBytes)
                return (end.Position, end.NextOffset, false);
            var (lineEnd, nextOffset) = ReadLines(
                segment,
                data,
                position,
                end.Position,
                (Offset: long.MaxValue, TimestampMs: 0),
                stopPosition: position + pageSize.MaxBytes
            );
            return (lineEnd, nextOffset, true);
        }
        // The first page end after the record, unless the page would be too large.
        var grid = (position / pageSize.GridBytes + 1) * pageSize.GridBytes;
        while (grid < end.Position)
        {
            var pageEnd = LastBoundary(ref index, end, grid);
            if (pageEnd.Position > position)
                return pageEnd.Position < boundary.Position ? BoundaryAt(pageEnd) : BoundaryAt(boundary);
            grid += pageSize.GridBytes;
        }
        return end.Position - position <= pageSize.MaxBytes
            ? (end.Position, end.NextOffset, false)
            : BoundaryAt(boundary);

        // All boundaries up to there are known, because the log extends beyond the bound of the page.
        (long Position, long NextOffset, bool IsFixed) BoundaryAt(IndexEntry entry) =>
            (entry.Position, segment.BaseOffset + entry.RelativeOffset, true);
    }

    /// <summary>
    /// Returns the end of a page with bounds, as <see cref="FindPageEnd"/> does. The page has all records before
    /// <paramref name="stopOffset"/> that fit, up to the end of the segment, and at least one. So its end depends on no
    /// boundary, and stays where it is when the log grows.
    /// </summary>
    static (long Position, long NextOffset, bool IsFixed) FindBoundedEnd(
        ref IndexSearch index,
        Segment segment,
        IFile data,
        SegmentEnd end,
        (long Position, long Offset) first,
        PageSize pageSize,
        long stopOffset
    )
    {
        if (stopOffset <= first.Offset)
            return (first.Position, stopOffset, true);
        // The end of the records that can be sent.
        var (lastPosition, lastOffset) = segment.DamageWithin(first.Position, end.Position) is { } damage
            ? EndBefore(damage, ref index, segment, end)
            : (end.Position, end.NextOffset);
        var maxPosition = first.Position + pageSize.MaxBytes;
        if (lastPosition <= maxPosition && stopOffset >= lastOffset)
            return (lastPosition, lastOffset, stopOffset == lastOffset);
        // The block in which the page ends.
        var block = LastBoundary(ref index, end, Math.Min(maxPosition, lastPosition - 1));
        if (segment.BaseOffset + block.RelativeOffset > stopOffset)
            block = BlockOf(ref index, segment, end, stopOffset);
        var from = Math.Max(block.Position, first.Position);
        var (position, nextOffset) = ReadLines(
            segment,
            data,
            from,
            lastPosition,
            (stopOffset, TimestampMs: 0),
            stopPosition: Math.Min(maxPosition, lastPosition)
        );
        // The first line of the block does not fit. So the page ends before it.
        if (position > maxPosition && from > first.Position)
            return (from, segment.BaseOffset + block.RelativeOffset, true);
        // A record that is larger than a page ends the log. The next one need not follow without a gap.
        if (position >= lastPosition && stopOffset > lastOffset)
            return (lastPosition, lastOffset, false);
        return (position, Math.Min(nextOffset, stopOffset), true);
    }

    /// <summary>
    /// Whether a page reaches the end of the log because no boundary ends it before. Then no boundary need be known.
    /// </summary>
    static bool ReachesEnd(long position, SegmentEnd end, PageSize pageSize) =>
        end.Position - position <= pageSize.MaxBytes
        && (position / pageSize.GridBytes + 1) * pageSize.GridBytes >= end.Position;

    static IndexEntry LastBoundary(ref IndexSearch index, SegmentEnd end, long position) =>
        index.Floor(position, end.Position, static entry => entry.Position);

    /// <summary>
    /// Reads line heads from a boundary on, and returns the position and offset of the line at which it ends. It ends
    /// at the first line with at least the wanted offset and time. Or it ends at the last line start at or before
    /// <paramref name="stopPosition"/>, but not at the first line.
    /// </summary>
    static (long Position, long Offset) ReadLines(
        Segment segment,
        IFile data,
        long position,
        long endPosition,
        (long Offset, long TimestampMs) wanted,
        long stopPosition
    )
    {
        using var lines = new LineReader(data, position, endPosition, chunkBytes: 2 * SegmentLayout.BlockBytes);
        var nextOffset = segment.BaseOffset;
        while (lines.TryRead(out var line))
        {
            if (!RecordFormat.TryReadHead(line, out var head))
                throw new CorruptionException(
                    segment.DataPath,
                    lines.LinePosition,
                    "no record begins at this position"
                );
            if (head.Offset >= wanted.Offset && head.TimestampMs >= wanted.TimestampMs)
                return (lines.LinePosition, head.Offset);
            if (lines.NextPosition > stopPosition && lines.LinePosition > position)
                return (lines.LinePosition, nextOffset);
            nextOffset = head.Offset + 1;
        }
        return stopPosition < long.MaxValue ? (lines.NextPosition, nextOffset) : throw new CorruptIndexException();
    }
}
