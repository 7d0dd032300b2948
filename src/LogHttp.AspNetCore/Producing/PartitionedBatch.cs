using LogHttp.Storage;
using LogHttp.Storage.Records;
using LogHttp.Storage.Topics;

namespace LogHttp.AspNetCore.Producing;

/// <summary>
/// The records of one request, gathered by the partition they go to: the one the record or the request names, else the
/// key's, else one for all of the request that have neither. For one thread.
/// </summary>
/// <param name="configuration">The topic's.</param>
/// <param name="serverLimits">How large records and batches may be in any topic.</param>
/// <param name="requested">The one the request names.</param>
/// <param name="producer">Who sends them, where a repeat is to be told.</param>
/// <param name="chooseKeyless">Where records without a key go.</param>
/// <param name="expectedBytes">About how much will come, if that is known.</param>
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

    // Mostly one. A list: a sorted dictionary allocates for itself, for each entry and each time that it is gone
    // through.
    readonly SortedList<int, RecordBatch> _batches = [];
    RecordBatch? _last;
    int _lastPartition;
    int? _keyless;

    public int MaxRecordBytes => _limits.MaxRecordBytes;

    public int MaxKeyBytes => _limits.MaxKeyBytes;

    /// <summary>
    /// How much a record may be before it is encoded: with white space, escapes, and what a line that was fetched has
    /// and is not kept. To be asked of all of it, or what is too large would depend on the pieces that a body comes in.
    /// </summary>
    public int MaxUnencodedBytes => _limits.MaxRecordBytes + UnencodedSlackBytes;

    public int Partitions => configuration.Partitions;

    public ValueForm Values => configuration.Values;

    /// <summary>How many partitions the records go to.</summary>
    public int PartitionsUsed
    {
        get
        {
            var used = 0;
            for (var i = 0; i < _batches.Count; i++)
                used += _batches.GetValueAtIndex(i).Count > 0 ? 1 : 0;
            return used;
        }
    }

    /// <summary>The first partition that has records.</summary>
    public int FirstPartition => _batches.First(batch => batch.Value.Count > 0).Key;

    /// <summary>
    /// Whether any record fits in yet, if it goes where the last one went: other partitions' batches were asked before.
    /// </summary>
    public bool HasRoom => _last?.HasRoom ?? true;

    /// <summary>
    /// Whether a topic takes it as it was made: another request can have made the topic meanwhile, with another
    /// configuration.
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
            for (var i = 0; i < _batches.Count; i++)
                heldBytes += _batches.GetValueAtIndex(i).HeldBytes;
            return heldBytes;
        }
    }

    /// <summary>The batch a record goes into; null when there is no such partition.</summary>
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
        // The first one is mostly the only one.
        if (!_batches.TryGetValue(number, out var batch))
            _batches.Add(
                number,
                batch = new RecordBatch(_limits, producer, _batches.Count == 0 ? expectedBytes : 0, Values)
            );
        _lastPartition = number;
        return _last = batch;
    }

    /// <summary>A producer's records stay together, or a repeat would not be told.</summary>
    int KeylessPartition() => producer is null ? chooseKeyless() : KeyPartitioner.PartitionOf(producer.Id, Partitions);

    /// <summary>Hands the batches over, in the order of their partitions; they are the caller's then.</summary>
    public List<KeyValuePair<int, RecordBatch>> Take()
    {
        var taken = new List<KeyValuePair<int, RecordBatch>>(_batches.Count);
        for (var i = 0; i < _batches.Count; i++)
        {
            if (_batches.GetValueAtIndex(i) is { Count: > 0 } batch)
                taken.Add(new(_batches.GetKeyAtIndex(i), batch));
        }
        _batches.Clear();
        _last = null;
        return taken;
    }

    public void Dispose()
    {
        for (var i = 0; i < _batches.Count; i++)
            _batches.GetValueAtIndex(i).Dispose();
        _batches.Clear();
        _last = null;
    }
}
