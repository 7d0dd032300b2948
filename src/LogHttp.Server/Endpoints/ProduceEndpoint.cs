using System.Globalization;
using LogHttp.Server.Hosting;
using LogHttp.Server.Producing;
using LogHttp.Storage;
using LogHttp.Storage.Records;
using Microsoft.Extensions.Options;

namespace LogHttp.Server.Endpoints;

/// <summary><c>POST /topics/{topic}</c>: appends what the body holds, all of it or nothing (api/PROTOCOL.md §2).</summary>
internal static class ProduceEndpoint
{
    public static async Task<IResult> HandleAsync(HttpContext context, string topic, TopicCatalog catalog, StorageOptions options, IOptions<LogHttpSettings> settings)
    {
        if (TopicName.Check(topic) is { } fault)
            return Problems.InvalidRequest("invalid_topic", fault);
        if (!ProduceRequest.TryRead(context.Request, out var request, out var problem))
            return problem;
        if (catalog.Find(topic) is null && !settings.Value.AutoCreateTopics)
            return Problems.UnknownTopic(topic);

        var batch = new RecordBatch(options.Records);
        try
        {
            // The body comes first: a topic is not made for a request that is refused.
            if (await request.ReadIntoAsync(batch, context.RequestAborted) is { } bodyProblem)
                return bodyProblem;
            var found = await catalog.GetOrCreateAsync(topic);
            var partition = request.Partition ?? found.ChoosePartition(request.Key);
            if (partition >= found.Partitions.Length)
                return Problems.UnknownPartition(found, partition);
            var count = batch.Count;
            // From here on the batch is the log's; it is committed whatever becomes of this request.
            var appending = found.Partitions[partition].AppendAsync(batch);
            batch = null;
            var result = await appending;
            if (result.Status != AppendStatus.Appended)
                return Problems.Of(result);
            context.Response.Headers.Location = string.Create(CultureInfo.InvariantCulture, $"/topics/{topic}/{result.FirstOffset}?partition={partition}");
            var produced = new Produced(topic, partition, result.FirstOffset, count, result.TimestampMs);
            return new Answer<Produced>(StatusCodes.Status201Created, produced, ResponseJson.Readable.Produced);
        }
        finally
        {
            batch?.Dispose();
        }
    }
}

/// <summary>The answer to an append: where its records are.</summary>
internal sealed record Produced(string Topic, int Partition, long Offset, int Count, long Timestamp);
