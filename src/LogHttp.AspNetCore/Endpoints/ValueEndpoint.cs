using LogHttp.AspNetCore.Contract;
using LogHttp.AspNetCore.Fetching;
using LogHttp.AspNetCore.Limits;
using LogHttp.AspNetCore.Settings;
using LogHttp.Storage.Logs;
using LogHttp.Storage.Reading;
using LogHttp.Storage.Topics;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Extensions.Options;

namespace LogHttp.AspNetCore.Endpoints;

/// <summary>
/// <c>GET /topics/{topic}/{place}/value</c>: one record's value, as its producer sent it (api/PROTOCOL.md §4).
/// </summary>
internal static class ValueEndpoint
{
    /// <summary>Read one record's value</summary>
    /// <remarks>
    /// Returns one record's value as its producer sent it: text without quotes, bytes without Base64, in its original
    /// media type. If no record has exactly this offset, the response is 404 and not the next record.
    ///
    /// `HEAD` returns the same without the body.
    /// </remarks>
    /// <response code="200">
    /// The value. Its type is the record's header `content-type`. Without one it is `application/json`, `text/plain` or
    /// `application/octet-stream`.
    /// </response>
    /// <response code="206">The bytes of `Range`, of a value at an offset.</response>
    /// <response code="304">
    /// `If-None-Match` has the response's `ETag`: the client has the response already.
    /// </response>
    [Operation("fetchValue"), Tags("Records")]
    [Parameters(typeof(ITopicPath), typeof(IRecordParameters), typeof(ITopicIdParameter), typeof(IConditionHeaders))]
    [ProducesResponseType<object>(200)]
    [ProducesResponseType<string>(200, "text/plain")]
    [ProducesResponseType<Stream>(200, "application/octet-stream")]
    [ResponseHeaders(ResponseHeadersAttribute.Offsets, 200, 206, 304)]
    [ResponseHeaders("Cache-Control ETag Content-Security-Policy Cross-Origin-Resource-Policy", 200, 206, 304)]
    [ResponseHeaders("Accept-Ranges", 200, 206)]
    [ResponseHeaders("Content-Range", 206)]
    [ResponseHeaders(LogHeaders.TopicId, 400, 404)]
    [ResponseHeaders("Cache-Control", 404, 410)]
    [FailsWith("invalid_topic invalid_place invalid_parameter partition_required unknown_topic unknown_partition")]
    [FailsWith("no_record offset_gone topic_replaced offset_beyond_end precondition_failed range_not_satisfiable")]
    [FailsWith("corrupt_block storage_error internal_error topic_damaged log_closed")]
    public static async Task<IResult> HandleAsync(
        HttpContext context,
        string topic,
        string place,
        TopicCatalog catalog,
        FollowBudget budget,
        TimeProvider time,
        IOptions<LogHttpSettings> settings
    )
    {
        if (
            !context.Request.Parameters().HasOnly(["partition", "v"], out var problem)
            || !LogAddress.TryRead(context, topic, place, catalog, time, query: null, out var address, out problem)
        )
            return problem;
        var headers = context.Response.Headers;
        using var page = await address.Partition.FetchAsync(
            address.Place,
            PageSize.AtMost(PageSize.SmallestBytes),
            context.RequestAborted
        );
        FetchEndpoint.WriteOffsets(headers, page);
        if (page.Status is FetchStatus.BelowEarliest or FetchStatus.BeyondEnd)
            return Problems.Of(page);
        if (page.Region is null || (address.Place.IsNumeric && address.Place != LogPlace.At(page.FirstOffset)))
            return Problems.NoRecord(address.Place);

        // The page is not held while the client reads the response.
        var (content, contentType) = await ReadAsync(address.Partition, page.Region, context.RequestAborted);
        // This page of one record never changes.
        var only = page with
        {
            NextOffset = page.FirstOffset + 1,
            IsFinal = page.IsDurable,
        };
        FetchEndpoint.WriteOffsets(headers, only);
        SecurityHeaders.ApplySandbox(headers);
        var isKnown = Caching.WriteHeaders(
            context,
            address,
            only,
            PageHeaders.EntityTagOf(address, only, ".value"),
            waits: false,
            settings.Value
        );
        if (!Preconditions.Match(context.Request, headers.ETag))
            return Problems.PreconditionFailed("If-Match names other contents than there are.");
        if (isKnown)
            return TypedResults.StatusCode(StatusCodes.Status304NotModified);
        var range = new ByteRange(0, content.Length);
        if (
            only.IsFinal
            && address.IsPermanent
            && !ByteRange.TrySelect(context, content.Length, out range, out problem)
        )
            return problem;
        context.Response.ContentType = contentType;
        context.Response.ContentLength = range.LengthBytes;
        if (HttpMethods.IsHead(context.Request.Method))
            return TypedResults.Empty;
        // The value is held twice until it is sent: here, and in the response's blocks.
        var shareBytes = await budget.TakeAsync(content.Length + (int)range.LengthBytes, context.RequestAborted);
        context.Response.OnCompleted(() =>
        {
            budget.Release(shareBytes);
            return Task.CompletedTask;
        });
        await context.Response.BodyWriter.WriteAsync(
            content.Slice((int)range.First, (int)range.LengthBytes),
            context.RequestAborted
        );
        return TypedResults.Empty;
    }

    static async ValueTask<(ReadOnlyMemory<byte> Content, string ContentType)> ReadAsync(
        PartitionLog partition,
        LogRegion region,
        CancellationToken aborted
    )
    {
        using var reader = new RecordReader(region);
        return await reader.ReadAsync(partition, 0, static (reader, _) => Read(reader), aborted);
    }

    static (ReadOnlyMemory<byte> Content, string ContentType) Read(RecordReader reader) =>
        reader.TryRead(out var record)
            ? RecordValue.Decode(record)
            : throw new InvalidOperationException("A page has no record.");
}
