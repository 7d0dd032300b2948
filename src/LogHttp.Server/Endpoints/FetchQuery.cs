using System.Diagnostics.CodeAnalysis;
using LogHttp.Storage;

namespace LogHttp.Server.Endpoints;

/// <summary>What a fetch's query says.</summary>
/// <param name="Partition">The partition asked for.</param>
/// <param name="MaxBytes">The page size asked for.</param>
internal sealed record FetchQuery(int? Partition, long? MaxBytes)
{
    public PageSize PageSize => MaxBytes is { } maxBytes ? PageSize.AtMost(maxBytes) : PageSize.Default;

    public static bool TryRead(IQueryCollection query, [NotNullWhen(true)] out FetchQuery? read, [NotNullWhen(false)] out Problem? problem)
    {
        read = null;
        if (!query.TryReadNumber("partition", 0, int.MaxValue, out var partition, out problem)
            || !query.TryReadNumber("maxBytes", 1, long.MaxValue, out var maxBytes, out problem))
            return false;
        read = new((int?)partition, maxBytes);
        return true;
    }
}
