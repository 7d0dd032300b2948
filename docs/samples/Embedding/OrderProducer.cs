using System.Text.Json;
using LogHttp.Storage;
using LogHttp.Storage.Appending;
using LogHttp.Storage.Records;
using LogHttp.Storage.Topics;

namespace Embedding;

/// <summary>Appends orders within the process, without HTTP. Any thread.</summary>
sealed class OrderProducer(TopicCatalog catalog, StorageOptions options)
{
    public const string TopicName = "orders";

    /// <summary>Appends an order and returns its offset. By default the order is durable then.</summary>
    public async Task<long> AppendAsync(Order order)
    {
        var topic = (await catalog.GetOrCreateAsync(TopicName)).Topic;
        var batch = new RecordBatch(topic.Configuration.LimitsWithin(options.Records));
        var json = JsonSerializer.SerializeToUtf8Bytes(order, JsonSerializerOptions.Web);
        if (batch.AddJson(json, new RecordMetadata { Key = order.Customer }) is { } fault)
        {
            batch.Dispose();
            throw new ArgumentException(fault.Message, nameof(order));
        }
        // The key decides the partition, so that the orders of a customer stay in order.
        var partition = topic.Partitions[KeyPartitioner.PartitionOf(order.Customer, topic.Partitions.Length)];
        // The log disposes of the batch.
        var result = await partition.AppendAsync(batch);
        return result.Status == AppendStatus.Appended
            ? result.FirstOffset
            : throw new IOException($"The order was not appended: {result.Status}. {result.Reason}");
    }
}
