using LogHttp.Storage.Files;
using LogHttp.Storage.Partitions;
using LogHttp.Storage.Reading;
using LogHttp.Storage.Segments;
using LogHttp.Storage.Waiting;

namespace LogHttp.Storage.Logs;

/// <summary>
/// Reads a partition on and on: pages as a fetch gives them while it is behind, and whatever is new once it has reached
/// the end, which it finds without looking anything up. Holds a place, not a file. For one thread at a time.
/// </summary>
public sealed class LogFollower(PartitionLog log, LogPlace place) : LogListener
{
    LogPlace _place = place;
    LogView? _seen;
    LogWaiter? _waiter;

    // Where the next record will be, as long as this is the active segment.
    Segment? _segment;
    long _position;

    // By how much the log has to grow for the page that was read last to end, however much more was asked for.
    long _growthToPageEnd = 1;

    /// <summary>The partition.</summary>
    public PartitionLog Log => log;

    /// <summary>Where the next read begins.</summary>
    public LogPlace Place => _place;

    /// <summary>
    /// The next page, or that there is none yet, or no more. Whoever gets a page disposes of it. Its first offset is
    /// the place's where nothing had to be looked up, and the first record may come behind a gap.
    /// </summary>
    /// <exception cref="CorruptionException">A segment or index is damaged at the place.</exception>
    /// <exception cref="IOException">The disk can't be read.</exception>
    /// <exception cref="LogClosedException">The topic was deleted, or the log closed.</exception>
    public FetchResult Read(PageSize pageSize) => Read(pageSize, mayWait: true);

    /// <summary>As <see cref="Read(PageSize)"/>; waits for the disk on another thread where it has to.</summary>
    /// <exception cref="OperationCanceledException">
    /// It was called off before its turn to wait for the disk came.
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

    // By itself: what a lambda captures is allocated where its method begins, which would be with every read.
    ValueTask<FetchResult> ReadColdAsync(PageSize pageSize, CancellationToken cancellationToken) =>
        log.OnColdThreadAsync(() => Read(pageSize), cancellationToken);

    FetchResult Read(PageSize pageSize, bool mayWait)
    {
        StopExpecting();
        (var page, _seen) = log.OnView(
            (Follower: this, pageSize, mayWait),
            static (view, asked) =>
                (
                    asked.Follower.TryReadTail(view, asked.pageSize)
                        ?? PageFinder.Fetch(asked.Follower._place, asked.pageSize, view, asked.mayWait),
                    view
                )
        );
        if (page.Status is FetchStatus.Page or FetchStatus.AtEnd)
            _place = LogPlace.At(page.NextOffset);
        (_segment, _position) = page switch
        {
            { Region: { } region } => (region.Segment, region.Position + region.LengthBytes),
            { Status: FetchStatus.AtEnd } => (_seen.Active, _seen.End.Position),
            _ => (null, 0),
        };
        // What comes to a page in a sealed segment comes behind it.
        _growthToPageEnd =
            _segment == _seen.Active
                ? pageSize.GrowthToPageEnd(page.Region?.Position ?? _position, _seen.End.Position)
                : 1;
        return page;
    }

    /// <summary>Takes the last page back: the next read gives it again, and what came after it.</summary>
    public void PutBack(FetchResult page)
    {
        ArgumentNullException.ThrowIfNull(page);
        (_place, _segment) = (LogPlace.At(page.FirstOffset), null);
    }

    /// <summary>Stops waiting; for a follower that reads no more.</summary>
    public void StopExpecting()
    {
        if (_waiter is null)
            return;
        _waiter = null;
        log.Waiters.Remove(this);
    }

    internal override void Expect(LogWaiter waiter, long growthBytes)
    {
        _waiter = waiter;
        log.Waiters.Add(
            this,
            _seen ?? throw new InvalidOperationException("Nothing was read yet."),
            Math.Min(growthBytes, _growthToPageEnd)
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
        var region = new LogRegion(_segment, _segment.Acquire(isSealed: false), _position, lengthBytes);
        return new(FetchStatus.Page, view.EarliestOffset, view.EndOffset, offset, view.EndOffset, region)
        {
            IsDurable = view.IsDurable,
        };
    }
}
