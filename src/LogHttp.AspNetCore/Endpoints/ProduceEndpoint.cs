using System.Globalization;
using LogHttp.AspNetCore.Confluent;
using LogHttp.AspNetCore.Contract;
using LogHttp.AspNetCore.Producing;
using LogHttp.AspNetCore.Settings;
using LogHttp.AspNetCore.Threads;
using LogHttp.Storage;
using LogHttp.Storage.Appending;
using LogHttp.Storage.Logs;
using LogHttp.Storage.Topics;
using Microsoft.Extensions.Options;

namespace LogHttp.AspNetCore.Endpoints;

/// <summary>
/// <c>POST /topics/{topic}</c>: appends the records of the body, in one batch for each partition. Each batch is
/// appended whole or not at all (api/PROTOCOL.md §2).
/// </summary>
internal static class ProduceEndpoint
{
    /// <summary>The largest body that is read and checked on the thread that receives it.</summary>
    const int MaxInlineBytes = 64 << 10;

    /// <summary>Whether a request is short work, if its topic exists.</summary>
    public static bool MayRunInline(HttpRequest request) =>
        request.ContentLength <= MaxInlineBytes
        && request.Headers.ContentEncoding.Count == 0
        && !(request.QueryString.HasValue && request.Query.ContainsKey("stream"))
        && !ConfluentType.IsOf(request);

    public static async Task<IResult> HandleAsync(
        HttpContext context,
        string topic,
        TopicCatalog catalog,
        StorageOptions options,
        BodyBudget budget,
        TimeProvider time,
        IOptions<LogHttpSettings> settings,
        IHostApplicationLifetime lifetime
    )
    {
        if (ConfluentType.IsOf(context.Request))
            return await ConfluentEndpoint.HandleAsync(
                context,
                topic,
                partition: null,
                catalog,
                options,
                budget,
                time,
                settings.Value
            );
        if (TopicName.Check(topic) is { } fault)
            return Problems.InvalidRequest("invalid_topic", fault);
        if (!ProduceRequest.TryRead(context.Request, time, out var request, out var problem))
            return problem;
        var found = catalog.Find(topic);
        if (found is null && TopicAppend.CheckCreation(topic, settings.Value) is { } creationProblem)
            return creationProblem;

        if (found is not null && Preconditions.DemandsNone(context.Request))
            return Problems.TopicConditionFailed(topic, exists: true);

        if (request.IsStream)
        {
            await using var stream = new ProduceStream(
                context,
                topic,
                request,
                found,
                catalog,
                options,
                budget,
                settings.Value,
                time,
                lifetime.ApplicationStopping
            );
            return await stream.RunAsync() is { } streamProblem
                ? TopicAppend.Refused(context, streamProblem)
                : Results.Empty;
        }

        // The body of a request that will be rejected is not read. Kestrel discards it.
        if (found is not null && CheckRoom(found, request) is { } overloaded)
            return Problems.Of(overloaded);

        // The body is read first, so that a rejected request creates no topic.
        var configuration = found?.Configuration ?? options.TopicDefaults;
        using var batch = new PartitionedBatch(
            configuration,
            options.Records,
            request.Partition,
            request.Producer,
            () => found?.ChoosePartition() ?? 0,
            ExpectedBytes(request, options)
        );
        using (
            var body = new BodyReader(
                request.OpenBody(budget, settings.Value.MaxBodyBytes, _ => settings.Value.MaxBodyBytes),
                budget,
                context
            )
            {
                Batch = batch,
            }
        )
        {
            if (await request.ReadIntoAsync(batch, body) is { } bodyProblem)
                return bodyProblem;
        }
        // From here on the batch counts as being appended (MaxAppendingBytes), and not as being read.
        if (TopicAppend.CheckConditions(request, request.Partition, batch) is { } conditionProblem)
            return conditionProblem;
        if (found is null)
        {
            await ReceivingThread.LeaveAsync();
            found = (await catalog.GetOrCreateAsync(topic)).Topic;
        }
        if (!batch.IsFor(found.Configuration))
            return Problems.TopicChanged();
        var results = await TopicAppend.AppendAsync(found, batch.Take(), request.ExpectedNextOffset);
        return Answer(context, topic, results);
    }

    /// <summary>Checks whether the partition, if it is known, has room for the announced bytes.</summary>
    static AppendResult? CheckRoom(Topic topic, ProduceRequest request) =>
        (topic.Partitions.Length == 1 ? 0 : request.Partition) is { } partition && partition < topic.Partitions.Length
            ? topic.Partitions[partition].CheckRoom(request.AnnouncedBytes)
            : null;

    /// <summary>
    /// A batch takes a quarter more than it expects, in powers of two. So at most four fifths of the allowed size are
    /// expected.
    /// </summary>
    static long ExpectedBytes(ProduceRequest request, StorageOptions options) =>
        Math.Min(request.AnnouncedBytes, options.Records.MaxBatchBytes / 5L * 4);

    static IResult Answer(HttpContext context, string topic, PartitionResult[] results)
    {
        if (Array.TrueForAll(results, result => !result.IsIn))
            return TopicAppend.Refused(context, Problems.Of(results[0].Append));
        if (results is [var only])
        {
            context.Response.Headers.Location = string.Create(
                CultureInfo.InvariantCulture,
                $"{RelativeReference.PrefixOf(context.Request)}{topic}/{only.Append.FirstOffset}"
                    + $"?partition={only.Partition}"
            );
            var isRepeat = only.Append.Status == AppendStatus.Repeated;
            var produced = new Produced(
                topic,
                only.Partition,
                only.Append.FirstOffset,
                only.Count,
                only.Append.TimestampMs
            );
            return new Answer<Produced>(
                isRepeat ? StatusCodes.Status200OK : StatusCodes.Status201Created,
                produced,
                ResponseJson.Readable.Produced
            );
        }
        var isWhole = Array.TrueForAll(results, result => result.Append.Status == AppendStatus.Appended);
        return new Answer<ProducedToMany>(
            isWhole ? StatusCodes.Status201Created : StatusCodes.Status207MultiStatus,
            new ProducedToMany(
                topic,
                results.Sum(result => result.Append.Status == AppendStatus.Appended ? result.Count : 0),
                [.. results.Select(PartOf)]
            ),
            ResponseJson.Readable.ProducedToMany
        );
    }

    static ProducedPart PartOf(PartitionResult result)
    {
        var append = result.Append;
        if (append.Status == AppendStatus.Appended)
            return new ProducedPart(result.Partition, StatusCodes.Status201Created)
            {
                Offset = append.FirstOffset,
                Count = result.Count,
                Timestamp = append.TimestampMs,
            };
        var problem = Problems.Of(append);
        return new ProducedPart(result.Partition, problem.Status)
        {
            Code = problem.Code,
            Retryable = problem.IsRetryable,
            Detail = problem.Detail,
        };
    }
}

/// <summary>The response to an append, with the position of its records.</summary>
internal sealed record Produced(string Topic, int Partition, long Offset, int Count, long Timestamp);

/// <summary>The response to an append to several partitions.</summary>
internal sealed record ProducedToMany(string Topic, int Count, ProducedPart[] Results);

/// <summary>The outcome of one partition's records.</summary>
internal sealed record ProducedPart(int Partition, int Status)
{
    public long? Offset { get; init; }
    public int? Count { get; init; }
    public long? Timestamp { get; init; }
    public string? Code { get; init; }
    public bool? Retryable { get; init; }
    public string? Detail { get; init; }
}
