using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using LogHttp.AspNetCore.Contract;
using LogHttp.Storage.Logs;
using LogHttp.Storage.Reading;

namespace LogHttp.AspNetCore.Fetching;

/// <summary>
/// Where a request ends its read: after <c>limit</c> records, or before <c>until</c> (api/PROTOCOL.md §3).
/// </summary>
/// <param name="Limit">The most records.</param>
/// <param name="Until">The place before which the read ends.</param>
internal sealed record FetchBounds(long? Limit, LogPlace? Until)
{
    /// <summary>The offset of <see cref="Until"/>, once it is resolved.</summary>
    public long EndOffset { get; private init; } = long.MaxValue;

    /// <summary>Whether the bounds always mean the same records.</summary>
    public bool IsPermanent => Until is null or { IsNumeric: true };

    /// <summary>The bounds of a page of records.</summary>
    public ReadBounds OfPage => OfSearch with { MaxRecords = Limit ?? long.MaxValue };

    /// <summary>The bounds of the records that are searched for a key. The matches are counted later.</summary>
    public ReadBounds OfSearch => new() { EndOffset = EndOffset };

    /// <summary>Reads the parameters. Returns null bounds without them.</summary>
    public static bool TryRead(
        QueryParameters query,
        TimeProvider clock,
        out FetchBounds? read,
        [NotNullWhen(false)] out Problem? problem
    )
    {
        read = null;
        if (
            !query.TryReadNumber(QueryNames.Limit, 1, long.MaxValue, out var limit, out problem)
            || !query.TryReadText(QueryNames.Until, out var text, out problem)
        )
            return false;
        var place = default(LogPlace);
        if (text is not null && !LogPlace.TryParse(text, clock, out place))
            problem = Problems.InvalidPlace(text);
        else if (limit is not null || text is not null)
            read = new(limit, text is null ? null : place);
        return problem is null;
    }

    /// <summary>Resolves the place to an offset, which later requests of the same read keep.</summary>
    public async ValueTask<FetchBounds> ResolveAsync(PartitionLog partition, CancellationToken aborted) =>
        Until is { } until ? this with { EndOffset = await partition.ResolveAsync(until, aborted) } : this;

    /// <summary>The parameters of the next page, each after an ampersand.</summary>
    public string NextParameters =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"{(Limit is null ? "" : "&limit=")}{Limit}{(Until is null ? "" : $"&until={EndOffset}")}"
        );
}
