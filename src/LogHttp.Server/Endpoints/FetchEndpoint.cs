using System.Globalization;
using LogHttp.Kestrel;
using LogHttp.Storage;
using Microsoft.AspNetCore.Http.Features;

namespace LogHttp.Server.Endpoints;

/// <summary><c>GET /topics/{topic}/{place}</c>: a page of records, sent from the segment file as it is (api/PROTOCOL.md §3).</summary>
internal static class FetchEndpoint
{
    const string LinesType = "application/x-ndjson";

    public static async Task<IResult> HandleAsync(HttpContext context, string topic, string place, TopicCatalog catalog)
    {
        if (TopicName.Check(topic) is { } fault)
            return Problems.InvalidRequest("invalid_topic", fault);
        if (!LogPlace.TryParse(place, out var parsed))
            return Problems.InvalidRequest("invalid_place", $"\"{place}\" is no place in a log; use an offset such as 42, or earliest, latest, or -10 for the last ten.");
        if (!FetchQuery.TryRead(context.Request.Query, out var query, out var problem))
            return problem;
        if (catalog.Find(topic) is not { } found)
            return Problems.UnknownTopic(topic);
        if (query.Partition is null && found.Partitions.Length > 1)
            return Problems.InvalidRequest("partition_required", $"Topic \"{topic}\" has {found.Partitions.Length} partitions; say which with ?partition=0 to {found.Partitions.Length - 1}.");
        var partition = query.Partition ?? 0;
        if (partition >= found.Partitions.Length)
            return Problems.UnknownPartition(partition, found.Partitions.Length);

        using var page = found.Partitions[partition].Fetch(parsed, query.PageSize);
        WriteOffsets(context.Response.Headers, page);
        if (page.Status is FetchStatus.BelowEarliest or FetchStatus.BeyondEnd)
            return Problems.Of(page);
        // What a place holds can grow until its page is full, so whoever keeps an answer has to ask again.
        context.Response.Headers.CacheControl = parsed.IsNumeric ? "no-cache" : "no-store";
        context.Response.Headers.Link = NextLink(topic, partition, page.NextOffset, query);
        if (page.Region is null)
            return TypedResults.NoContent();
        await SendAsync(context, page.Region);
        return TypedResults.Empty;
    }

    static void WriteOffsets(IHeaderDictionary headers, FetchResult page)
    {
        headers["Log-First-Offset"] = Text(page.FirstOffset);
        headers["Log-Next-Offset"] = Text(page.NextOffset);
        headers["Log-End-Offset"] = Text(page.EndOffset);
        headers["Log-Earliest-Offset"] = Text(page.EarliestOffset);
    }

    static string NextLink(string topic, int partition, long offset, FetchQuery query)
    {
        var maxBytes = query.MaxBytes is { } given ? string.Create(CultureInfo.InvariantCulture, $"&maxBytes={given}") : "";
        return string.Create(CultureInfo.InvariantCulture, $"</topics/{topic}/{offset}?partition={partition}{maxBytes}>; rel=\"next\"");
    }

    static async Task SendAsync(HttpContext context, LogRegion region)
    {
        var response = context.Response;
        response.ContentType = PrefersLines(context.Request) ? LinesType : RecordsType.Name;
        response.Headers.Vary = "Accept";
        response.ContentLength = region.LengthBytes;
        if (HttpMethods.IsHead(context.Request.Method))
            return;
        var stream = region.File.Stream ?? throw new InvalidOperationException("The segment lies in no file.");
        await context.Features.GetRequiredFeature<IHttpSendFileFeature>().SendFileAsync(stream, region.Position, region.LengthBytes, context.RequestAborted);
    }

    /// <summary>The same bytes, under the name that more programs know.</summary>
    static bool PrefersLines(HttpRequest request)
    {
        foreach (var accepted in request.GetTypedHeaders().Accept)
        {
            if (accepted.MediaType.Equals(RecordsType.Name, StringComparison.OrdinalIgnoreCase))
                return false;
            if (accepted.MediaType.Equals(LinesType, StringComparison.OrdinalIgnoreCase))
                return true;
        }
        return false;
    }

    static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
}

/// <summary>The media type of record lines (api/FORMAT.md §1).</summary>
internal static class RecordsType
{
    public const string Name = "application/vnd.loghttp.records+ndjson";
}
