using LogHttp.Storage;
using LogHttp.Storage.Records;

namespace LogHttp.Server.Producing;

/// <summary>
/// The records of one request, gathered by the partition they go to: the one the record or the request names, else the
/// key's, else one for all of the request that have neither. For one thread.
/// </summary>
internal sealed class PartitionedBatch(RecordLimits limits, int partitions, int? requested, ProducerStamp? producer, Func<int> chooseKeyless) : IDisposable
{
    readonly SortedDictionary<int, RecordBatch> _batches = [];
    int? _keyless;

    public int MaxRecordBytes => limits.MaxRecordBytes;

    public int Partitions => partitions;

    /// <summary>How many partitions the records go to.</summary>
    public int PartitionsUsed => _batches.Values.Count(batch => batch.Count > 0);

    /// <summary>The first partition that has records.</summary>
    public int FirstPartition => _batches.First(batch => batch.Value.Count > 0).Key;

    /// <summary>What all records take once encoded, with what the partition will write in front of each.</summary>
    public long SizeBytes => _batches.Values.Sum(batch => batch.MaxFramedBytes);

    public bool IsEmpty => _batches.Values.All(batch => batch.Count == 0);

    /// <summary>The batch a record goes into; null when there is no such partition.</summary>
    public RecordBatch? For(int? partition, in RecordMetadata metadata)
    {
        var number = partition ?? requested
            ?? (metadata.KeyBytes is { } bytes ? KeyPartitioner.PartitionOf(bytes.Span, partitions)
            : metadata.Key is { } key ? KeyPartitioner.PartitionOf(key, partitions)
            : _keyless ??= KeylessPartition());
        if (number >= partitions)
            return null;
        if (!_batches.TryGetValue(number, out var batch))
            _batches.Add(number, batch = new RecordBatch(limits, producer));
        return batch;
    }

    /// <summary>A producer's records stay together, or a repeat would not be told.</summary>
    int KeylessPartition() => producer is null ? chooseKeyless() : KeyPartitioner.PartitionOf(producer.Id, partitions);

    /// <summary>Hands the batches over, in the order of their partitions; they are the caller's then.</summary>
    public List<KeyValuePair<int, RecordBatch>> Take()
    {
        List<KeyValuePair<int, RecordBatch>> taken = [.. _batches.Where(batch => batch.Value.Count > 0)];
        _batches.Clear();
        return taken;
    }

    public void Dispose()
    {
        foreach (var batch in _batches.Values)
            batch.Dispose();
        _batches.Clear();
    }
}
