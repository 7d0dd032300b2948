using System.Globalization;
using LogHttp.AspNetCore.Settings;
using LogHttp.Storage.Logs;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Extensions.Options;

namespace LogHttp.AspNetCore.Contract;

/// <summary>
/// An error response in the form of RFC 9457. It has a status, a stable code for programs, a text for people, and
/// whether the same request may succeed later (api/PROTOCOL.md §9).
/// </summary>
internal sealed record Problem(int Status, string Code, string Detail, bool IsRetryable = false) : IResult
{
    /// <summary>The line of the body that is wrong, from 1 on.</summary>
    public long? Line { get; init; }

    /// <summary>The element of the body's array that is wrong, from 1 on.</summary>
    public long? Element { get; init; }

    /// <summary>The earliest available offset, if the requested one was deleted.</summary>
    public long? EarliestOffset { get; init; }

    /// <summary>The offset of the next record, if the requested offset lies beyond it.</summary>
    public long? EndOffset { get; init; }

    /// <summary>The offset to continue at, if the requested records are damaged.</summary>
    public long? NextOffset { get; init; }

    /// <summary>The sequence of a producer's next record, if the request has another.</summary>
    public long? ExpectedSequence { get; init; }

    /// <summary>The current epoch of a producer, if the request has an older one.</summary>
    public long? Epoch { get; init; }

    /// <summary>
    /// Whether the URL always gets this problem, because the topic with the id that it names was deleted.
    /// </summary>
    public bool IsPermanent { get; init; }

    /// <summary>The number of seconds to wait before the same request may succeed.</summary>
    public long RetryAfterSeconds { get; init; } = 1;

    /// <summary>The same problem at a line of the body.</summary>
    public Problem AtLine(long number) => this with { Detail = $"Line {number}: {Detail}", Line = number };

    /// <summary>The same problem at an element of the body's array.</summary>
    public Problem AtElement(long number) => this with { Detail = $"Element {number}: {Detail}", Element = number };

    /// <summary>The same problem in one of several partitions.</summary>
    public Problem Of(Topic topic, PartitionLog partition) =>
        this with
        {
            Detail = $"Partition {partition.Number} of topic \"{topic.Name}\": {Detail}",
        };

    public ProblemJson ToJson() =>
        new(
            ReasonPhrases.GetReasonPhrase(Status),
            Status,
            Detail,
            Code,
            IsRetryable,
            Line,
            Element,
            EarliestOffset,
            EndOffset,
            NextOffset,
            ExpectedSequence,
            Epoch
        );

    public Task ExecuteAsync(HttpContext httpContext)
    {
        // All followers of a deleted topic ask at the same time. A cache that collapses their requests can serve them
        // all at once only with a response that it may keep.
        var isShared =
            IsPermanent
            && CachePolicy.IsShared(
                httpContext,
                httpContext.RequestServices.GetRequiredService<IOptions<LogHttpSettings>>().Value
            );
        httpContext.Response.Headers.CacheControl = isShared ? CachePolicy.Shared : CachePolicy.NoStore;
        if (IsRetryable)
            httpContext.Response.Headers.RetryAfter = RetryAfterSeconds.ToString(CultureInfo.InvariantCulture);
        // A request without a body gets our own form. A request's services would cost it a scope.
        if (
            httpContext.Request.ContentType is not null
            && httpContext.RequestServices?.GetService<IProblemForm>()?.Of(this, httpContext.Request) is { } otherForm
        )
            return otherForm.ExecuteAsync(httpContext);
        return new JsonResponse<ProblemJson>(
            Status,
            ToJson(),
            ProblemJsonContext.Readable.ProblemJson,
            "application/problem+json"
        ).ExecuteAsync(httpContext);
    }
}
