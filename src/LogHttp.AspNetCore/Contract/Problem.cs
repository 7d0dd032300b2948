using LogHttp.AspNetCore.Settings;
using LogHttp.Storage.Logs;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Extensions.Options;

namespace LogHttp.AspNetCore.Contract;

/// <summary>
/// Something went wrong, in the form of RFC 9457: a status, a stable code for programs, a text for people, and whether
/// the same request may succeed later (api/PROTOCOL.md §9).
/// </summary>
internal sealed record Problem(int Status, string Code, string Detail, bool IsRetryable = false) : IResult
{
    const string RetryAfterSeconds = "1";

    /// <summary>The line of the body that is meant, from 1 on.</summary>
    public long? Line { get; init; }

    /// <summary>The first offset there is, for who asked for an earlier one.</summary>
    public long? EarliestOffset { get; init; }

    /// <summary>The next offset to come, for who asked for a later one.</summary>
    public long? EndOffset { get; init; }

    /// <summary>Where to go on, for who asked for what is damaged.</summary>
    public long? NextOffset { get; init; }

    /// <summary>The sequence of a producer's next record, for a request that has another.</summary>
    public long? ExpectedSequence { get; init; }

    /// <summary>The epoch that a producer has gone on with, for who sent an older one.</summary>
    public long? Epoch { get; init; }

    /// <summary>
    /// Whether the URL can never be answered with anything else, for the topic that it names by its id is no more.
    /// </summary>
    public bool IsForGood { get; init; }

    /// <summary>The same, said of a line of the body.</summary>
    public Problem AtLine(long number) => this with { Detail = $"Line {number}: {Detail}", Line = number };

    /// <summary>The same, said of one of several partitions.</summary>
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
            EarliestOffset,
            EndOffset,
            NextOffset,
            ExpectedSequence,
            Epoch
        );

    public Task ExecuteAsync(HttpContext httpContext)
    {
        // All who followed a topic that goes ask at the same time: a cache that collapses them can answer all at once
        // only with what it may keep.
        var isShared =
            IsForGood
            && CachePolicy.IsShared(
                httpContext,
                httpContext.RequestServices.GetRequiredService<IOptions<LogHttpSettings>>().Value
            );
        httpContext.Response.Headers.CacheControl = isShared ? CachePolicy.Shared : CachePolicy.NoStore;
        if (IsRetryable)
            httpContext.Response.Headers.RetryAfter = RetryAfterSeconds;
        // Without a body there is no other form. A request's services would cost it a scope.
        if (
            httpContext.Request.ContentType is not null
            && httpContext.RequestServices?.GetService<IProblemForm>()?.Of(this, httpContext.Request) is { } otherForm
        )
            return otherForm.ExecuteAsync(httpContext);
        return new Answer<ProblemJson>(
            Status,
            ToJson(),
            ProblemJsonContext.Readable.ProblemJson,
            "application/problem+json"
        ).ExecuteAsync(httpContext);
    }
}
