using LogHttp.Storage.Appending;
using LogHttp.Storage.Logs;
using LogHttp.Storage.Records;
using Microsoft.Extensions.ObjectPool;

namespace LogHttp.AspNetCore.Producing;

/// <summary>
/// The objects that one POST of records needs until its response. A later request uses them again, so that most
/// requests allocate none of them. They belong to requests and not to connections: an idle connection holds none, and
/// an HTTP/2 connection has many requests at once.
/// </summary>
internal sealed class ProduceState : IResettable
{
    public ProduceState(BodyBudget budget, TimeProvider time)
    {
        Request = new(time);
        Batch = new(() => Topic?.ChoosePartition() ?? 0);
        Body = new(budget) { Batch = Batch };
    }

    public ProduceRequest Request { get; }

    public PartitionedBatch Batch { get; }

    public BodyReader Body { get; }

    public string TopicName { get; set; } = "";

    /// <summary>The topic, or null as long as it does not exist.</summary>
    public Topic? Topic { get; set; }

    /// <summary>The partition of <see cref="AppendAsync"/>.</summary>
    public int Partition { get; private set; }

    /// <summary>The number of records of <see cref="AppendAsync"/>.</summary>
    public int Count { get; private set; }

    /// <summary>The bytes of the response: five numbers, and a topic's name.</summary>
    public byte[] Response { get; } = new byte[512];

    /// <summary>Appends records that all go to one partition.</summary>
    public ValueTask<AppendResult> AppendAsync(int partition, RecordBatch batch)
    {
        (Partition, Count) = (partition, batch.Count);
        return Topic!.Partitions[partition].AppendInlineAsync(batch, Request.ExpectedNextOffset);
    }

    /// <summary>Ends the request. All its appends have been awaited.</summary>
    public bool TryReset()
    {
        Body.Dispose();
        Batch.Dispose();
        Request.Clear();
        Topic = null;
        return true;
    }
}
