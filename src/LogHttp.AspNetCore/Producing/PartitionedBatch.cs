using LogHttp.Storage;
using LogHttp.Storage.Records;
using LogHttp.Storage.Topics;

namespace LogHttp.AspNetCore.Producing;

/// <summary>
/// The records of one request, gathered by partition. A record goes to the partition that it or the request names, else
/// to its key's. All records of the request without either go to one partition. For one thread.
/// </summary>
/// <param name="configuration">The topic's configuration.</param>
/// <param name="serverLimits">The sizes of records and batches that no topic exceeds.</param>
/// <param name="requested">The partition that the request names.</param>
/// <param name="producer">The producer, if repeats have to be recognized.</param>
/// <param name="chooseKeyless">Chooses the partition of records without a key.</param>
/// <param name="expectedBytes">The approximate size of the records, if known.</param>
internal sealed class PartitionedBatch(
    TopicConfiguration configuration,
    RecordLimits serverLimits,
    int? requested,
    ProducerStamp? producer,
    Func<int> chooseKeyless,
    long expectedBytes = 0
) : IDisposable
{
    /// <summary>More than keys, headers, an offset and a producer can take with every character escaped.</summary>
    const int UnencodedSlackBytes = 384 << 10;

    readonly RecordLimits _limits = configuration.LimitsWithin(serverLimits);

    // In the order of their partitions. Mostly one. A sorted list of the framework allocates two arrays for it, and the
    // caller another list.
    List<KeyValuePair<int, RecordBatch>> _batches = new(1);
    RecordBatch? _last;
    int _lastPartition;
    int? _keyless;

    public int MaxRecordBytes => _limits.MaxRecordBytes;

    public int MaxKeyBytes => _limits.MaxKeyBytes;

    public int MaxHeadersBytes => _limits.MaxHeadersBytes;

    /// <summary>
    /// The most bytes of a record before it is encoded: with white space, escapes, and the fields of a fetched line
    /// that are not kept. Compare it with the whole record. Otherwise the result would depend on the pieces that a body
    /// comes in.
    /// </summary>
    public int MaxUnencodedBytes => _limits.MaxRecordBytes + UnencodedSlackBytes;

    public int Partitions => configuration.Partitions;

    public ValueForm Values => configuration.Values;

    /// <summary>The number of records whose values were not valid, and that <c>?invalid=</c> kept.</summary>
    public int InvalidCount { get; set; }

    /// <summary>The number of partitions that get records.</summary>
    public int PartitionsUsed
    {
        get
        {
            var used = 0;
            foreach (var (_, batch) in _batches)
                used += batch.Count > 0 ? 1 : 0;
            return used;
        }
    }

    /// <summary>The first partition that has records.</summary>
    public int FirstPartition => _batches.First(batch => batch.Value.Count > 0).Key;

    /// <summary>
    /// Whether the batch that took the last record has room for another. Other partitions' batches were checked before.
    /// </summary>
    public bool HasRoom => _last?.HasRoom ?? true;

    /// <summary>
    /// Whether the batch fits a topic that another request may have created meanwhile, with another configuration.
    /// </summary>
    public bool IsFor(TopicConfiguration other) =>
        ReferenceEquals(other, configuration)
        || (
            other.Partitions == Partitions
            && other.Values == Values
            && other.MaxRecordBytes == configuration.MaxRecordBytes
        );

    public bool IsEmpty => PartitionsUsed == 0;

    /// <summary>The memory that the batches hold.</summary>
    public long HeldBytes
    {
        get
        {
            var heldBytes = 0L;
            foreach (var (_, batch) in _batches)
                heldBytes += batch.HeldBytes;
            return heldBytes;
        }
    }

    /// <summary>The batch of a record's partition. Null if there is no such partition.</summary>
    public RecordBatch? For(int? partition, in RecordMetadata metadata)
    {
        var number =
            partition
            ?? requested
            ?? (
                metadata.KeyBytes is { } bytes ? KeyPartitioner.PartitionOf(bytes.Span, Partitions)
                : metadata.Key is { } key ? KeyPartitioner.PartitionOf(key, Partitions)
                : _keyless ??= KeylessPartition()
            );
        if (number >= Partitions)
            return null;
        if (_last is not null && _lastPartition == number)
            return _last;
        var index = IndexOf(number);
        // The first one is mostly the only one.
        if (index == _batches.Count || _batches[index].Key != number)
            _batches.Insert(
                index,
                new(number, new RecordBatch(_limits, producer, _batches.Count == 0 ? expectedBytes : 0, Values))
            );
        _lastPartition = number;
        return _last = _batches[index].Value;
    }

    /// <summary>The index of a partition's batch, or where it belongs.</summary>
    int IndexOf(int partition)
    {
        var (first, end) = (0, _batches.Count);
        while (first < end)
        {
            var middle = (first + end) / 2;
            if (_batches[middle].Key < partition)
                first = middle + 1;
            else
                end = middle;
        }
        return first;
    }

    /// <summary>All records of a producer go to one partition, or a repeat would not be recognized.</summary>
    int KeylessPartition() => producer is null ? chooseKeyless() : KeyPartitioner.PartitionOf(producer.Id, Partitions);

    /// <summary>Hands the batches over, in the order of their partitions. The caller then owns them.</summary>
    public List<KeyValuePair<int, RecordBatch>> Take()
    {
        var taken = _batches;
        // A record with a fault leaves an empty batch.
        taken.RemoveAll(static batch => batch.Value.Count == 0);
        (_batches, _last) = ([], null);
        return taken;
    }

    public void Dispose()
    {
        foreach (var (_, batch) in _batches)
            batch.Dispose();
        _batches.Clear();
        _last = null;
    }
}
