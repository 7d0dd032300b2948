using LogHttp.Storage.Files;
using LogHttp.Storage.Partitions;
using LogHttp.Storage.Reading;
using LogHttp.Storage.Segments;
using LogHttp.Storage.Waiting;

namespace LogHttp.Storage.Logs;

/// <summary>
/// Reads a partition continuously. While it is behind, it returns the pages of a fetch. Once it has reached the end, it
/// returns all new records, and finds them without a lookup. It holds an offset and no file. For one thread at a time.
/// </summary>
public sealed class LogFollower(PartitionLog log, LogPlace place) : LogListener
{
    LogPlace _place = place;
    LogView? _seen;
    int _seenTopicGrowths;
    LogWaiter? _waiter;

    // The position of the next record, as long as this is the active segment.
    Segment? _segment;
    long _position;

    // The growth at which the page of the last read ends. A wait ends there, even if it asks for more.
    long _growthToPageEnd = 1;

    /// <summary>The partition.</summary>
    public PartitionLog Log => log;

    /// <summary>The place of the next read.</summary>
    public LogPlace Place => _place;

    /// <summary>The bounds of each page, or null.</summary>
    public ReadBounds? Bounds { get; init; }

    /// <summary>
    /// Returns the next page, or the status that there is none yet, or no more. The caller disposes of the page.
    /// Without a lookup, its first offset is that of the place, and the first record may come behind a gap.
    /// </summary>
    /// <exception cref="CorruptionException">A segment or index is damaged at the place.</exception>
    /// <exception cref="IOException">The disk can't be read.</exception>
    /// <exception cref="LogClosedException">The topic was deleted, or the log closed.</exception>
    public FetchResult Read(PageSize pageSize) => Read(pageSize, mayWait: true);

    /// <summary>Does the same as <see cref="Read(PageSize)"/>, but waits for the disk on another thread.</summary>
    /// <exception cref="OperationCanceledException">
    /// The caller cancelled it before its turn to wait for the disk.
    /// </exception>
    public ValueTask<FetchResult> ReadAsync(PageSize pageSize, CancellationToken cancellationToken)
    {
        try
        {
            return new(Read(pageSize, mayWait: false));
        }
        catch (WouldWaitException)
        {
            return ReadColdAsync(pageSize, cancellationToken);
        }
    }

    // A method of its own: captured variables are allocated at the start of their method, so every read would allocate.
    ValueTask<FetchResult> ReadColdAsync(PageSize pageSize, CancellationToken cancellationToken) =>
        log.RunOnColdThreadAsync(() => Read(pageSize), cancellationToken);

    FetchResult Read(PageSize pageSize, bool mayWait)
    {
        Unsubscribe();
        _seenTopicGrowths = log.Waiters.TopicGrowths;
        (var page, _seen) = log.ReadView(
            (Follower: this, pageSize, mayWait),
            static (view, query) =>
                (
                    query.Follower.TryReadTail(view, query.pageSize)
                        ?? PageFinder.Fetch(
                            query.Follower._place,
                            query.pageSize,
                            query.Follower.Bounds,
                            view,
                            query.mayWait
                        ),
                    view
                )
        );
        if (page.Status is FetchStatus.Page or FetchStatus.AtEnd)
            _place = LogPlace.At(page.NextOffset);
        (_segment, _position) = page switch
        {
            { Region: { } region } => (region.Segment, region.Position + region.LengthBytes),
            { Status: FetchStatus.AtEnd, IsComplete: false } => (_seen.Active, _seen.End.Position),
            _ => (null, 0),
        };
        // A page in a sealed segment does not grow. New records come behind it.
        _growthToPageEnd =
            _segment == _seen.Active
                ? pageSize.GrowthToPageEnd(page.Region?.Position ?? _position, _seen.End.Position)
                : 1;
        return page;
    }

    /// <summary>Takes the last page back. The next read returns it again, with the records after it.</summary>
    public void UnreadPage(FetchResult page)
    {
        ArgumentNullException.ThrowIfNull(page);
        (_place, _segment) = (LogPlace.At(page.FirstOffset), null);
    }

    /// <summary>Stops waiting. Called for a follower that reads no more.</summary>
    public void Unsubscribe()
    {
        if (_waiter is null)
            return;
        _waiter = null;
        log.Waiters.Remove(this);
    }

    internal override void Subscribe(LogWaiter waiter, long growthBytes)
    {
        _waiter = waiter;
        log.Waiters.Add(
            this,
            _seen ?? throw new InvalidOperationException("Nothing was read yet."),
            Math.Min(growthBytes, _growthToPageEnd),
            _seenTopicGrowths
        );
    }

    internal override void Wake(LogWake wake) => _waiter?.Complete(wake);

    FetchResult? TryReadTail(LogView view, PageSize pageSize)
    {
        var lengthBytes = view.End.Position - _position;
        if (
            _segment is null
            || view.Repaired is not null
            || _segment != view.Active
            || lengthBytes <= 0
            || lengthBytes > pageSize.MaxBytes
        )
            return null;
        var offset = _place.Resolve(view.EarliestOffset, view.EndOffset);
        if (offset < view.EarliestOffset)
            return null;
        // A lookup finds the record at which the page ends.
        if (Bounds is not null && (Bounds.MaxRecords < long.MaxValue || Bounds.EndOffset < view.EndOffset))
            return null;
        var region = new LogRegion(_segment, _segment.Acquire(isSealed: false), _position, lengthBytes);
        return new(FetchStatus.Page, view.EarliestOffset, view.EndOffset, offset, view.EndOffset, region)
        {
            IsDurable = view.IsDurable,
            IsComplete = view.EndOffset == Bounds?.EndOffset,
        };
    }
}
