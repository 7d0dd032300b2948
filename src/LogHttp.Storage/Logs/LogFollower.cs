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

    /// <summary>
    /// Takes new records while this follower waits for them at the end of the log. Null if each wait is to end with
    /// them. Set by the thread that reads. Waits for several followers do not use it.
    /// </summary>
    public ILiveReader? LiveReader { get; set; }

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
        (var page, _seen) =
            TryReadToOthers(pageSize)
            ?? log.ReadView(
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
        if (LivePlace.List is not null)
            log.Waiters.Live.Remove(this);
        else
            log.Waiters.Remove(this);
    }

    internal override void Subscribe(LogWaiter waiter, long growthBytes)
    {
        _waiter = waiter;
        var seen = _seen ?? throw new InvalidOperationException("Nothing was read yet.");
        // A listener that a round has advanced meanwhile is among the live ones already.
        if (
            LivePlace.List is not null
            || (LiveReader is not null && _segment == seen.Active && _position == seen.End.Position)
        )
        {
            log.Waiters.Live.Add(this, seen);
            // A growth of the topic before this was told only to those that waited by then.
            if (log.Waiters.TopicGrowths != _seenTopicGrowths)
                Wake(LogWake.Grown);
        }
        else
            log.Waiters.Add(this, seen, Math.Min(growthBytes, _growthToPageEnd), _seenTopicGrowths);
    }

    internal override void Wake(LogWake wake) => _waiter?.Complete(wake);

    internal override IDisposable? ReadShared(LogView from, LogView to)
    {
        var lengthBytes = to.End.Position - from.End.Position;
        if (to.Repaired is not null || lengthBytes > SharedPage.MaxBytes)
            return null;
        try
        {
            var lease = to.Active.Acquire(isSealed: false, mayWait: false);
            var region = new LogRegion(to.Active, lease, from.End.Position, lengthBytes);
            return new SharedPage(
                new(FetchStatus.Page, to.EarliestOffset, to.EndOffset, from.EndOffset, to.EndOffset, region)
                {
                    IsDurable = to.IsDurable,
                }
            );
        }
        catch (Exception exception) when (exception is WouldWaitException or LogClosedException or IOException)
        {
            // Each follower meets the reason in its own read.
            return null;
        }
    }

    internal override void Deliver(IDisposable? shared, LogView from, LogView to)
    {
        // The wait can't end during the claim, so the reader's own thread does not run.
        if (_waiter is not { } waiter || !waiter.TryClaim())
            return;
        try
        {
            // Meanwhile the reader has left and waits with another follower.
            if (_waiter != waiter)
            {
                waiter.EndClaim(null);
                return;
            }
            // It has joined after the round began, and has read up to the round's end.
            var outcome = IsAt(to) ? LiveOutcome.Taken : LiveOutcome.Declined;
            if (IsAt(from) && shared is SharedPage page)
                outcome = LiveReader!.Take(page);
            if (outcome != LiveOutcome.Declined)
                (_seen, _place, _position) = (to, LogPlace.At(to.EndOffset), to.End.Position);
            waiter.EndClaim(outcome == LiveOutcome.Taken ? null : LogWake.Grown);
        }
        catch (Exception exception)
        {
            waiter.FailClaim(exception);
        }
    }

    bool IsAt(LogView view) => _seen!.GrownBytes == view.GrownBytes && _seen.Active == view.Active;

    /// <summary>
    /// Reads up to where the live followers of the partition stand, so that this one can join them. Returns null if it
    /// is not behind them, or not in the same segment.
    /// </summary>
    (FetchResult, LogView)? TryReadToOthers(PageSize pageSize)
    {
        var view = log.View;
        // A view that is held for a repair, or was cut back, decides by itself.
        if (
            LiveReader is null
            || log.Waiters.LiveEnd is not { } end
            || view.Repaired is not null
            || end.GrownBytes > view.GrownBytes
            || end.EarliestOffset != view.EarliestOffset
        )
            return null;
        try
        {
            return TryReadTail(end, pageSize) is { } page ? (page, end) : null;
        }
        // A trim or roll meanwhile. The current view tells.
        catch (LogClosedException) when (end != log.View)
        {
            return null;
        }
    }

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
