using System.Text.Json;
using LogHttp.Storage.Logs;
using LogHttp.Storage.Reading;
using LogHttp.Storage.Topics;
using LogHttp.Storage.Waiting;

namespace Embedding;

/// <summary>Follows the topic from its earliest record on, and adds up the orders of each customer.</summary>
sealed class OrderConsumer(TopicCatalog catalog, OrderTotals totals) : BackgroundService
{
    Topic? _topic;

    /// <summary>Creates the topic. The server begins to listen after all hosted services have started.</summary>
    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        _topic = (await catalog.GetOrCreateAsync(OrderProducer.TopicName)).Topic;
        await base.StartAsync(cancellationToken);
    }

    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        Task.WhenAll(_topic!.Partitions.Select(partition => FollowAsync(partition, stoppingToken)));

    async Task FollowAsync(PartitionLog partition, CancellationToken stoppingToken)
    {
        // The totals live in memory, so every start reads the log again. A consumer with a database would begin at
        // LogPlace.At(offset), with the offset that it stored in the transaction of its last record.
        var follower = new LogFollower(partition, LogPlace.Earliest);
        // A waiter takes no thread and no timer while it waits.
        var waiter = new LogWaiter();
        await using var stopping = stoppingToken.Register(waiter.Cancel);
        while (!stoppingToken.IsCancellationRequested)
        {
            // A page holds its segment file open. Dispose of it before you wait.
            using (var page = await follower.ReadAsync(PageSize.Default, stoppingToken))
            {
                if (page.Region is { } region)
                {
                    using var records = new RecordReader(region);
                    await records.ReadAsync(partition, totals, AddAll, stoppingToken);
                    continue;
                }
                if (page.Status == FetchStatus.BelowEarliest)
                {
                    // Retention has removed records that were not read yet.
                    follower = new LogFollower(partition, LogPlace.Earliest);
                    continue;
                }
            }
            if (await waiter.WaitAsync(follower) is LogWake.Cancelled or LogWake.Closed)
                return;
        }
    }

    /// <summary>
    /// Takes the records of a page. If a record is not in the page cache, the caller calls it again for the rest.
    /// </summary>
    static bool AddAll(RecordReader records, OrderTotals totals)
    {
        while (records.TryRead(out var record))
        {
            if (ReadOrder(record.Value) is { } order)
                totals.Add(order);
        }
        return true;
    }

    /// <summary>Reads an order, or returns null. Clients over HTTP can append any value.</summary>
    static Order? ReadOrder(ReadOnlySpan<byte> json)
    {
        try
        {
            return JsonSerializer.Deserialize<Order>(json, JsonSerializerOptions.Web) is { Customer: not null } order
                ? order
                : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
