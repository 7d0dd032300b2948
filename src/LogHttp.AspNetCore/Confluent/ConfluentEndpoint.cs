using LogHttp.AspNetCore.Contract;
using LogHttp.AspNetCore.Producing;
using LogHttp.AspNetCore.Settings;
using LogHttp.Storage;
using LogHttp.Storage.Topics;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Extensions.Options;

namespace LogHttp.AspNetCore.Confluent;

/// <summary>
/// <c>POST /topics/{topic}</c> with a body of the REST Proxy's, and <c>POST /topics/{topic}/partitions/{partition}</c>.
/// Each record is appended or rejected by itself (api/PROTOCOL.md §13).
/// </summary>
internal static class ConfluentEndpoint
{
    /// <summary>Append records to a partition, as the REST Proxy does</summary>
    /// <remarks>
    /// The same as `POST /topics/{topic}?partition=…` with a body of Confluent's REST Proxy, at the URL that its
    /// clients use. Other bodies get 415.
    /// </remarks>
    /// <response code="200">The position of each record.</response>
    /// <response code="422">
    /// For a body of the REST Proxy's types: the JSON has no `records`, or a record has an unknown field or invalid
    /// Base64.
    /// </response>
    [Operation("produceToPartition"), Tags("Records")]
    [Parameters(typeof(ITopicPath), typeof(IPartitionPath), typeof(IAppendHeaders))]
    [RequestBody(typeof(ConfluentJsonRequest), ConfluentType.Json, IsRequired = true, Description = "The records.")]
    [RequestBody(typeof(ConfluentBinaryRequest), ConfluentType.Binary)]
    [ProducesResponseType<ConfluentOffsets>(200, ConfluentType.Response)]
    [ProducesResponseType<ConfluentError>(422, ConfluentType.Response)]
    [ResponseHeaders("No-Store", 422)]
    [FailsWith(FailsWithAttribute.Appends)]
    public static Task<IResult> HandlePartitionAsync(
        HttpContext context,
        string topic,
        int partition,
        TopicCatalog catalog,
        StorageOptions options,
        BodyBudget budget,
        TimeProvider time,
        IOptions<LogHttpSettings> settings
    ) => HandleAsync(context, topic, partition, catalog, options, budget, time, settings.Value);

    public static async Task<IResult> HandleAsync(
        HttpContext context,
        string topic,
        int? partition,
        TopicCatalog catalog,
        StorageOptions options,
        BodyBudget budget,
        TimeProvider time,
        LogHttpSettings settings
    )
    {
        if (TopicName.Check(topic) is { } fault)
            return Problems.InvalidRequest("invalid_topic", fault);
        var request = new ProduceRequest(time);
        if (!request.TryRead(context.Request, out var problem))
            return problem;
        if (request.Kind is not (BodyKind.ConfluentJson or BodyKind.ConfluentBinary))
            return Problems.UnsupportedMediaType(
                $"This path takes {ConfluentType.Json} and {ConfluentType.Binary}; POST "
                    + $"/topics/{topic}?partition={partition} takes other types."
            );
        if (partition is not null && request.Partition is not null)
            return Problems.InvalidRequest("invalid_parameter", "The path names the partition. Omit ?partition=.");
        var found = catalog.Find(topic);
        if (found is null && TopicAppend.CheckCreation(topic, settings) is { } creationProblem)
            return creationProblem;
        var configuration = found?.Configuration ?? options.TopicDefaults;
        var partitions = configuration.Partitions;
        partition ??= request.Partition;
        if (partition >= partitions)
            return Problems.UnknownPartition(partition, partitions);

        // The body is read first, so that a rejected request creates no topic.
        using var batch = new PartitionedBatch(
            configuration,
            options.Records,
            partition,
            request.Producer,
            () => found?.ChoosePartition() ?? 0,
            idempotencyKey: request.IdempotencyKey,
            routedPartitions: TopicAppend.RoutedPartitions(found, request)
        );
        // A batch with a sequence, a key or an expected offset is all or nothing. If a part of it were appended, it
        // could not be sent again.
        var isAllOrNothing =
            request.Producer is not null
            || request.IdempotencyKey is not null
            || request.ExpectedNextOffset is not null;
        var outcomes = new ConfluentOutcomes(budget, context);
        context.Response.RegisterForDispose(outcomes);
        var records = new ConfluentBody(
            request.Kind,
            batch,
            outcomes,
            partition,
            isAllOrNothing,
            options.Records.MaxBatchBytes,
            ProduceRequest.LatestTimestampMs(time),
            context.RequestAborted
        );
        using (
            var body = new BodyReader(request.OpenBody(budget, settings.MaxBodyBytes), budget, context)
            {
                Batch = batch,
            }
        )
        {
            if (
                await body.ReadWholeAsync((int)settings.MaxBodyBytes, records.Read, Problems.BodyTooLarge()) is
                { } bodyProblem
            )
                return bodyProblem;
        }
        if (isAllOrNothing && TopicAppend.CheckConditions(request, partition, batch, found) is { } conditionProblem)
            return conditionProblem;
        if (batch.IsEmpty)
            return new ConfluentResponse(outcomes, [], []);
        var wasFound = found is not null;
        found ??= (await catalog.GetOrCreateAsync(topic)).Topic;
        if (!batch.IsFor(found.Configuration, isOfTopic: wasFound))
            return Problems.TopicChanged();
        using var keyed = request.IdempotencyKey is { } key
            ? await KeyedRequest.EnterAsync(context, found, key, batch, budget)
            : null;
        if (keyed?.Problem is { } keyProblem)
            return keyProblem;
        var batches = batch.Batches;
        PartitionResult[]? results;
        if (batch.Route is null)
            results = await TopicAppend.AppendAsync(found, batch.Take(), request.ExpectedNextOffset);
        else
            (results, problem) = await TopicAppend.AppendRoutedAsync(
                context,
                budget,
                found,
                batch,
                batch.Route,
                request.ExpectedNextOffset
            );
        if (results is null)
            return problem!;
        if (isAllOrNothing && Array.TrueForAll(results, static result => !result.IsIn))
            return TopicAppend.Refused(context, Problems.Of(results[0].Append));
        return new ConfluentResponse(outcomes, batches, results);
    }
}
