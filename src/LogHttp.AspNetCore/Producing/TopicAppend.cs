using System.Globalization;
using LogHttp.AspNetCore.Contract;
using LogHttp.AspNetCore.Settings;
using LogHttp.Storage;
using LogHttp.Storage.Appending;
using LogHttp.Storage.Logs;
using LogHttp.Storage.Records;

namespace LogHttp.AspNetCore.Producing;

/// <summary>
/// Appends a request's batches to the partitions of a topic, after the checks that all forms of a body share.
/// </summary>
internal static class TopicAppend
{
    /// <summary>Returns why a topic can't be created with its first records, or null if it can.</summary>
    public static Problem? CheckCreation(string topic, LogHttpSettings settings) =>
        TopicName.CheckForCreation(topic) is { } fault ? Problems.InvalidRequest("invalid_topic", fault)
        : settings.AutoCreateTopics ? null
        : Problems.UnknownTopic(topic);

    /// <summary>
    /// Returns the number of partitions by which the first request with the same idempotency key was routed. The topic
    /// may have more by now. Null for a new key, or none.
    /// </summary>
    public static int? RoutedPartitions(Topic? topic, ProduceRequest request) =>
        request.IdempotencyKey is { } key ? topic?.KeyedAppends.FindPartitions(key) : null;

    /// <summary>
    /// A batch with a sequence or an expected offset must go to one partition, because each partition counts its own.
    /// </summary>
    /// <param name="request">The request.</param>
    /// <param name="partition">The partition that it names.</param>
    /// <param name="batch">Its records.</param>
    /// <param name="topic">The topic, or null if it is still to be created.</param>
    public static Problem? CheckConditions(ProduceRequest request, int? partition, PartitionedBatch batch, Topic? topic)
    {
        if (request.Producer is null && request.ExpectedNextOffset is null)
            return null;
        // A producer that began with one partition need not name it. AppendRoutedAsync decides.
        var mayHaveBegunWithOne = batch.Route is not null && topic is { FormerCounts: [1, ..] };
        if (
            request.ExpectedNextOffset is not null
            && partition is null
            && batch.RoutedPartitions > 1
            && !mayHaveBegunWithOne
        )
            return PartitionRequired(batch.Partitions);
        // If the topic has grown, the former numbers of partitions count too, and AppendRoutedAsync decides.
        if (batch.Route is not null && topic is { FormerCounts.IsEmpty: false })
            return null;
        if (batch.PartitionsUsed == 1)
            return null;
        if (request.Producer is not null)
            return SeveralPartitions(batch.PartitionsUsed);
        return Problems.InvalidRequest(
            "invalid_header",
            $"If-Match applies to one partition, and these records go to {batch.PartitionsUsed}."
        );
    }

    static Problem PartitionRequired(int partitions) =>
        Problems.InvalidRequest(
            "partition_required",
            $"If-Match applies to one partition, and the topic has {partitions}. Choose one with ?partition=0 to "
                + $"{partitions - 1}."
        );

    static Problem SeveralPartitions(int count) =>
        Problems.InvalidRequest(
            "invalid_producer",
            $"{ProducerHeaders.Sequence} numbers the records of one partition, and these records go to "
                + $"{count}. Send the records of each partition, or key, by themselves."
        );

    /// <summary>
    /// Appends a producer's batch to the partition that its route chooses. Otherwise as <see cref="AppendAsync"/>.
    /// After a growth, waits for earlier appends that chose among fewer partitions. Meanwhile the batch counts as being
    /// read.
    /// </summary>
    /// <exception cref="OperationCanceledException">The client disconnected during that wait.</exception>
    public static async ValueTask<(PartitionResult[]? Results, Problem? Problem)> AppendRoutedAsync(
        HttpContext context,
        BodyBudget budget,
        Topic topic,
        PartitionedBatch batch,
        ProducerRoute route,
        long? expectedNextOffset
    )
    {
        var set = topic.EnterPartitions();
        var heldBytes = 0L;
        try
        {
            if (!set.Settled.IsCompleted)
            {
                if (!budget.TryHold(context, ref heldBytes, batch.HeldBytes))
                    return (null, Problems.ReadingBudgetExhausted());
                await set.Settled.WaitAsync(context.RequestAborted);
                budget.Release(context, ref heldBytes);
            }
            // With an expected offset and no partition, the topic had one when the request or its producer began.
            var expectsOffset = expectedNextOffset is not null;
            if (expectsOffset && batch.Partitions > 1 && !route.MayBeKnownTo(set.Partitions[0]))
                return (null, PartitionRequired(set.Partitions.Length));
            if ((expectsOffset ? route.Among(1) : route.Choose(set, batch.Routed)) is not { } partition)
                return (null, SeveralPartitions(route.CountAmong(expectsOffset ? 1 : set.Partitions.Length)));
            return (await AppendAsync(topic, [new(partition, batch.Take()[0].Value)], expectedNextOffset), null);
        }
        finally
        {
            budget.Release(context, ref heldBytes);
            set.Leave();
        }
    }

    /// <summary>
    /// Appends to all partitions at once. The log owns the batches, and commits them even if this request ends. The
    /// code behind the await must not block.
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
                topic.Partitions[batches[i].Key].AppendInlineAsync(batches[i].Value, expectedNextOffset).AsTask()
            );
        var results = new PartitionResult[appends.Length];
        for (var i = 0; i < results.Length; i++)
            results[i] = new(batches[i].Key, appends[i].Count, await appends[i].Result);
        return results;
    }

    /// <summary>Adds the headers that tell a producer where to continue after a refused append.</summary>
    public static Problem Refused(HttpContext context, Problem problem)
    {
        var headers = context.Response.Headers;
        Set(ProducerHeaders.ExpectedSequence, problem.ExpectedSequence);
        Set(ProducerHeaders.Epoch, problem.Epoch);
        Set(LogHeaders.NextOffset, problem.EndOffset);
        return problem;

        void Set(string name, long? number)
        {
            if (number is { } given)
                headers[name] = given.ToString(CultureInfo.InvariantCulture);
        }
    }
}

/// <summary>The outcome of one partition's records.</summary>
internal sealed record PartitionResult(int Partition, int Count, AppendResult Append)
{
    /// <summary>Whether the batch is in the log, appended now or before.</summary>
    public bool IsIn => Append.Status is AppendStatus.Appended or AppendStatus.Repeated;

    /// <summary>Whether the batch was in the log before.</summary>
    public bool IsRepeat => Append.Status == AppendStatus.Repeated;
}
