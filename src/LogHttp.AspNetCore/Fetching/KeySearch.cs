using LogHttp.AspNetCore.Contract;
using LogHttp.AspNetCore.Limits;
using LogHttp.Storage.Logs;
using LogHttp.Storage.Reading;
using LogHttp.Storage.Waiting;

namespace LogHttp.AspNetCore.Fetching;

/// <summary>
/// Searches all partitions of a topic for the records of a key, from one partition on in the order of their numbers,
/// and then those before it. A response has the records of one partition. For one request.
/// </summary>
/// <remarks>
/// A key can be in any partition. Other clients hash it differently, and a topic that grows moves it.
/// </remarks>
internal sealed class KeySearch
{
    readonly HttpContext _context;
    readonly LogAddress _address;
    readonly FetchQuery _query;
    readonly FollowBudget _budget;

    // One for each partition, at the offset where the search continues.
    readonly List<LogFollower> _followers = [];

    KeySearch(HttpContext context, LogAddress address, FetchQuery query, FollowBudget budget) =>
        (_context, _address, _query, _budget) = (context, address, query, budget);

    /// <summary>Begins a search, or continues the one whose offsets the query has.</summary>
    public static async ValueTask<KeySearch> BeginAsync(
        HttpContext context,
        LogAddress address,
        FetchQuery query,
        FollowBudget budget
    )
    {
        var search = new KeySearch(context, address, query, budget);
        foreach (var log in address.Topic.Partitions)
            search._followers.Add(new(log, await search.StartAsync(log)));
        return search;
    }

    /// <summary>
    /// Returns the next page with a record of the key. With <c>wait</c>, waits for one. Without one, returns the last
    /// page that this request may search, or nothing when all partitions were searched to their ends.
    /// </summary>
    public async ValueTask<(FoundRecords? Found, Problem? Problem)> RunAsync(
        WaitingRequests waiting,
        Deadlines deadlines,
        TimeProvider time
    )
    {
        var result = await SearchAsync();
        if (result.Found is not null || result.Problem is not null || _query.Wait is not { } wait)
            return result;
        if (!waiting.TryEnter())
            return (null, waiting.Problem);
        var waiter = new LogWaiter();
        var started = time.GetTimestamp();
        using var gone = _context.RequestAborted.UnsafeRegister(static waiter => ((LogWaiter)waiter!).Cancel(), waiter);
        try
        {
            while (true)
            {
                deadlines.Set(waiter, wait - time.GetElapsedTime(started));
                // A partition that was added while the others were read wakes nobody.
                var wake =
                    _followers.Count < _address.Topic.Partitions.Length
                        ? LogWake.Grown
                        : await waiter.WaitAsync(_followers);
                result = await SearchAsync();
                if (wake != LogWake.Grown || result.Found is not null || result.Problem is not null)
                    return result;
            }
        }
        finally
        {
            deadlines.Clear(waiter);
            foreach (var follower in _followers)
                follower.Unsubscribe();
            waiting.Leave();
        }
    }

    /// <summary>Returns the partition to continue with, its offset, and the offsets of all partitions.</summary>
    /// <param name="page">The page of the response, or null if all partitions were searched to their ends.</param>
    public (LogAddress Address, FetchQuery Query, long Offset) After(FoundRecords? page)
    {
        var number = page?.Log.Number ?? 0;
        if (page is { Page: var found } && found.NextOffset >= found.EndOffset)
            number = (number + 1) % _followers.Count;
        var offsets = new long[_followers.Count];
        for (var i = 0; i < offsets.Length; i++)
            offsets[i] = page?.Log == _followers[i].Log ? page.Page.NextOffset : OffsetOf(_followers[i]);
        return (
            _address with
            {
                Partition = _followers[number].Log,
            },
            _query with
            {
                Search = offsets,
            },
            offsets[number]
        );
    }

    /// <summary>The offset at which the search of a partition begins.</summary>
    async ValueTask<LogPlace> StartAsync(PartitionLog log)
    {
        if (_query.Search is { } offsets)
            return log == _address.Partition ? _address.Place
                // Added by a growth since.
                : log.Number >= offsets.Count ? LogPlace.Earliest
                : LogPlace.At(offsets[log.Number]);
        // A partition may end before an offset that another one has.
        var offset = await log.ResolveAsync(_address.Place, _context.RequestAborted);
        return LogPlace.At(Math.Min(Math.Max(offset, log.EarliestOffset), log.EndOffset));
    }

    async ValueTask<(FoundRecords? Found, Problem? Problem)> SearchAsync()
    {
        // A growth may have added some.
        foreach (var log in _address.Topic.Partitions.Skip(_followers.Count))
            _followers.Add(new(log, LogPlace.Earliest));
        var leftBytes = (long)_query.PageSize.MaxBytes;
        for (var step = 0; step < _followers.Count; step++)
        {
            var follower = _followers[(_address.Partition.Number + step) % _followers.Count];
            while (true)
            {
                var page = await follower.ReadAsync(PageSize.AtMost(leftBytes), _context.RequestAborted);
                if (page.Status is FetchStatus.BelowEarliest or FetchStatus.BeyondEnd)
                    return (null, Problems.Of(page).Of(_address.Topic, follower.Log));
                if (page.Region is not { } region)
                    break;
                FoundRecords? found = null;
                try
                {
                    var position = await FindFirstAsync(follower.Log, region);
                    leftBytes -= region.LengthBytes;
                    if (position is not null || leftBytes < PageSize.SmallestBytes)
                    {
                        var part = await BoundAsync(page, follower.Log);
                        found = new(follower.Log, part, position ?? region.Position + region.LengthBytes);
                        return (found, null);
                    }
                }
                finally
                {
                    if (found is null)
                        page.Dispose();
                }
            }
        }
        return (null, null);
    }

    /// <summary>Returns the page, or its part with as many records of the key as <c>limit</c> says.</summary>
    ValueTask<FetchResult> BoundAsync(FetchResult page, PartitionLog log) =>
        _query is { Key: { } key, Bounds.Limit: { } limit }
            ? MatchLimit.EndAfterAsync(page, key, limit, log, _budget, _context.RequestAborted)
            : new(page);

    /// <summary>Returns the position of the first record of the key, or null if the page has none.</summary>
    async ValueTask<long?> FindFirstAsync(PartitionLog log, LogRegion region)
    {
        var shareBytes = await _budget.TakeAsync(_context.RequestAborted);
        try
        {
            using var reader = new RecordReader(region, _query.Key, region.Position, FollowBudget.ShareBytes);
            return await reader.ReadAsync(
                log,
                0,
                static (reader, _) =>
                    reader.TryRead(out var record) ? reader.NextPosition - record.Line.Length : (long?)null,
                _context.RequestAborted
            );
        }
        finally
        {
            _budget.Release(shareBytes);
        }
    }

    /// <summary>
    /// Followers that have read stand at an offset. Others stand where <see cref="StartAsync"/> put them.
    /// </summary>
    static long OffsetOf(LogFollower follower) => follower.Place.Offset ?? follower.Log.EarliestOffset;
}

/// <summary>A page with records of a key. Dispose of the page once it is sent.</summary>
/// <param name="Log">The partition of the page.</param>
/// <param name="Page">The page.</param>
/// <param name="Position">The position of its first record of the key, or its end.</param>
internal sealed record FoundRecords(PartitionLog Log, FetchResult Page, long Position);
