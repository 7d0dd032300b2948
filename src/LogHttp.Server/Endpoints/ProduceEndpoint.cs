using System.Globalization;
using LogHttp.Server.Confluent;
using LogHttp.Server.Hosting;
using LogHttp.Server.Producing;
using LogHttp.Storage;
using LogHttp.Storage.Appending;
using LogHttp.Storage.Logs;
using LogHttp.Storage.Records;
using LogHttp.Storage.Topics;
using Microsoft.Extensions.Options;

namespace LogHttp.Server.Endpoints;

/// <summary>
/// <c>POST /topics/{topic}</c>: appends what the body holds, one batch for each partition, all of it or nothing in each
/// (api/PROTOCOL.md §2).
/// </summary>
internal static class ProduceEndpoint
{
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
        if (found is null && CheckCreation(topic, settings.Value) is { } creationProblem)
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
            return await stream.RunAsync() is { } streamProblem ? Refused(context, streamProblem) : Results.Empty;
        }

        // One that is refused in any case need not be read; Kestrel throws away what comes of it.
        if (found is not null && CheckRoom(found, request) is { } overloaded)
            return Problems.Of(overloaded);

        // The body comes first: a topic is not made for a request that is refused.
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
        if (CheckConditions(request, request.Partition, batch) is { } conditionProblem)
            return conditionProblem;
        found ??= (await catalog.GetOrCreateAsync(topic)).Topic;
        if (!batch.IsFor(found.Configuration))
            return Problems.TopicChanged();
        var results = await AppendAsync(found, batch.Take(), request.ExpectedNextOffset);
        return Answer(context, topic, results);
    }

    /// <summary>Why a topic that does not exist can't be made with its first records; null where it can.</summary>
    public static Problem? CheckCreation(string topic, LogHttpSettings settings) =>
        TopicName.CheckForCreation(topic) is { } fault ? Problems.InvalidRequest("invalid_topic", fault)
        : settings.AutoCreateTopics ? null
        : Problems.UnknownTopic(topic);

    /// <summary>Whether there is no room even for as much as was announced, where the partition is known.</summary>
    static AppendResult? CheckRoom(Topic topic, ProduceRequest request) =>
        (topic.Partitions.Length == 1 ? 0 : request.Partition) is { } partition && partition < topic.Partitions.Length
            ? topic.Partitions[partition].CheckRoom(request.AnnouncedBytes)
            : null;

    /// <summary>
    /// A batch takes a quarter more than it expects, in powers of two: no more than it may have in the end.
    /// </summary>
    static long ExpectedBytes(ProduceRequest request, StorageOptions options) =>
        Math.Min(request.AnnouncedBytes, options.Records.MaxBatchBytes / 5L * 4);

    /// <summary>
    /// What is numbered, or is to stand at an offset, goes to one partition: batches and offsets are counted in each.
    /// </summary>
    public static Problem? CheckConditions(ProduceRequest request, int? partition, PartitionedBatch batch)
    {
        if (request.Producer is null && request.ExpectedNextOffset is null)
            return null;
        if (request.ExpectedNextOffset is not null && partition is null && batch.Partitions > 1)
            return Problems.InvalidRequest(
                "partition_required",
                $"If-Match speaks of one partition, and the topic has {batch.Partitions}; say which with "
                    + $"?partition=0 to {batch.Partitions - 1}."
            );
        if (batch.PartitionsUsed == 1)
            return null;
        if (request.Producer is not null)
            return Problems.InvalidRequest(
                "invalid_producer",
                $"{ProducerHeaders.Sequence} numbers the records of one partition, and these records go to "
                    + $"{batch.PartitionsUsed}; send those of each partition, or key, by themselves."
            );
        return Problems.InvalidRequest(
            "invalid_header",
            $"If-Match speaks of one partition, and these records go to {batch.PartitionsUsed}."
        );
    }

    /// <summary>
    /// Appends to all partitions at once. The batches are the log's: they are committed whatever becomes of this
    /// request.
    /// </summary>
    public static async Task<PartitionResult[]> AppendAsync(
        Topic topic,
        List<KeyValuePair<int, RecordBatch>> batches,
        long? expectedNextOffset
    )
    {
        var appends = new (int Count, Task<AppendResult> Result)[batches.Count];
        for (var i = 0; i < appends.Length; i++)
            appends[i] = (
                batches[i].Value.Count,
                topic.Partitions[batches[i].Key].AppendAsync(batches[i].Value, expectedNextOffset)
            );
        var results = new PartitionResult[appends.Length];
        for (var i = 0; i < results.Length; i++)
            results[i] = new(batches[i].Key, appends[i].Count, await appends[i].Result);
        return results;
    }

    static IResult Answer(HttpContext context, string topic, PartitionResult[] results)
    {
        if (Array.TrueForAll(results, result => !result.IsIn))
            return Refused(context, Problems.Of(results[0].Append));
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
                [.. results.Select(result => result.ToJson())]
            ),
            ResponseJson.Readable.ProducedToMany
        );
    }

    public static Problem Refused(HttpContext context, Problem problem)
    {
        var headers = context.Response.Headers;
        Set(ProducerHeaders.ExpectedSequence, problem.ExpectedSequence);
        Set(ProducerHeaders.Epoch, problem.Epoch);
        Set("Log-Next-Offset", problem.EndOffset);
        return problem;

        void Set(string name, long? number)
        {
            if (number is { } given)
                headers[name] = given.ToString(CultureInfo.InvariantCulture);
        }
    }

    /// <summary>What became of one partition's records.</summary>
    public sealed record PartitionResult(int Partition, int Count, AppendResult Append)
    {
        /// <summary>Whether the batch is in the log, by now or from before.</summary>
        public bool IsIn => Append.Status is AppendStatus.Appended or AppendStatus.Repeated;

        public ProducedPart ToJson()
        {
            if (Append.Status == AppendStatus.Appended)
                return new ProducedPart(Partition, StatusCodes.Status201Created)
                {
                    Offset = Append.FirstOffset,
                    Count = Count,
                    Timestamp = Append.TimestampMs,
                };
            var problem = Problems.Of(Append);
            return new ProducedPart(Partition, problem.Status)
            {
                Code = problem.Code,
                Retryable = problem.IsRetryable,
                Detail = problem.Detail,
            };
        }
    }
}

/// <summary>The answer to an append: where its records are.</summary>
internal sealed record Produced(string Topic, int Partition, long Offset, int Count, long Timestamp);

/// <summary>The answer to an append to several partitions.</summary>
internal sealed record ProducedToMany(string Topic, int Count, ProducedPart[] Results);

/// <summary>What became of one partition's records.</summary>
internal sealed record ProducedPart(int Partition, int Status)
{
    public long? Offset { get; init; }
    public int? Count { get; init; }
    public long? Timestamp { get; init; }
    public string? Code { get; init; }
    public bool? Retryable { get; init; }
    public string? Detail { get; init; }
}
