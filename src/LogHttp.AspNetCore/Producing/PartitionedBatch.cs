using System.Diagnostics.CodeAnalysis;
using LogHttp.Storage;
using LogHttp.Storage.Records;
using LogHttp.Storage.Topics;

namespace LogHttp.AspNetCore.Producing;

/// <summary>
/// The records of one request, gathered by partition. A record goes to the partition that it or the request names, else
/// to its key's. All records of the request without either go to one partition. For one thread, and for one request
/// after the other.
/// </summary>
internal sealed class PartitionedBatch : IDisposable
{
    /// <summary>More than keys, headers, an offset and a producer can take with every character escaped.</summary>
    const int UnencodedSlackBytes = 384 << 10;

    readonly Func<int> _chooseKeyless;
    TopicConfiguration _configuration = null!;
    RecordLimits _limits = null!;
    int? _requested;
    ProducerStamp? _producer;
    long _expectedBytes;

    // In the order of their partitions. Mostly one. A sorted list of the framework allocates two arrays for it, and the
    // caller another list.
    List<KeyValuePair<int, RecordBatch>> _batches = new(1);
    RecordBatch? _last;
    int _lastPartition;
    int? _keyless;

    // The first batch, and whether an earlier request is done with it.
    RecordBatch? _first;
    bool _isFirstFree;

    /// <summary>Call <see cref="Begin"/> next.</summary>
    /// <param name="chooseKeyless">Chooses the partition of records without a key.</param>
    public PartitionedBatch(Func<int> chooseKeyless) => _chooseKeyless = chooseKeyless;

    /// <inheritdoc cref="Begin"/>
    public PartitionedBatch(
        TopicConfiguration configuration,
        RecordLimits serverLimits,
        int? requested,
        ProducerStamp? producer,
        Func<int> chooseKeyless
    )
        : this(chooseKeyless) => Begin(configuration, serverLimits, requested, producer, expectedBytes: 0);

    public int MaxRecordBytes => _limits.MaxRecordBytes;

    public int MaxKeyBytes => _limits.MaxKeyBytes;

    /// <summary>
    /// The most bytes of a record before it is encoded: with white space, escapes, and the fields of a fetched line
    /// that are not kept. Compare it with the whole record. Otherwise the result would depend on the pieces that a body
    /// comes in.
    /// </summary>
    public int MaxUnencodedBytes => _limits.MaxRecordBytes + UnencodedSlackBytes;

    public int Partitions => _configuration.Partitions;

    public ValueForm Values => _configuration.Values;

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

    /// <summary>Begins a request. All appends of the last one have been awaited.</summary>
    /// <param name="configuration">The topic's configuration.</param>
    /// <param name="serverLimits">The sizes of records and batches that no topic exceeds.</param>
    /// <param name="requested">The partition that the request names.</param>
    /// <param name="producer">The producer, if repeats have to be recognized.</param>
    /// <param name="expectedBytes">The approximate size of the records, if known.</param>
    public void Begin(
        TopicConfiguration configuration,
        RecordLimits serverLimits,
        int? requested,
        ProducerStamp? producer,
        long expectedBytes
    )
    {
        (_configuration, _limits) = (configuration, configuration.LimitsWithin(serverLimits));
        (_requested, _producer, _expectedBytes, _keyless) = (requested, producer, expectedBytes, null);
        _isFirstFree = _first is not null;
    }

    /// <summary>
    /// Whether the batch fits a topic that another request may have created meanwhile, with another configuration.
    /// </summary>
    public bool IsFor(TopicConfiguration other) =>
        ReferenceEquals(other, _configuration)
        || (
            other.Partitions == Partitions
            && other.Values == Values
            && other.MaxRecordBytes == _configuration.MaxRecordBytes
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
            ?? _requested
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
        if (index == _batches.Count || _batches[index].Key != number)
            _batches.Insert(index, new(number, NewBatch()));
        _lastPartition = number;
        return _last = _batches[index].Value;
    }

    RecordBatch NewBatch()
    {
        // The first one is mostly the only one.
        if (_batches.Count > 0)
            return new RecordBatch(_limits, _producer, expectedBytes: 0, Values);
        if (_isFirstFree)
            _first!.Reset(_limits, _producer, _expectedBytes, Values);
        else
            _first = new RecordBatch(_limits, _producer, _expectedBytes, Values);
        _isFirstFree = false;
        return _first;
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
    int KeylessPartition() =>
        _producer is null ? _chooseKeyless() : KeyPartitioner.PartitionOf(_producer.Id, Partitions);

    /// <summary>
    /// Hands the batch over, if all records are in one. The caller owns it until its append has been awaited.
    /// </summary>
    public bool TryTakeOnly(out int partition, [NotNullWhen(true)] out RecordBatch? batch)
    {
        (partition, batch) = (0, null);
        if (_batches is not [{ Value.Count: > 0 } only])
            return false;
        (partition, batch) = (only.Key, only.Value);
        _batches.Clear();
        _last = null;
        return true;
    }

    /// <summary>Hands the batches over, in the order of their partitions. The caller then owns them.</summary>
    public List<KeyValuePair<int, RecordBatch>> Take()
    {
        var taken = _batches;
        // A record with a fault leaves an empty batch.
        taken.RemoveAll(static batch => batch.Value.Count == 0);
        // Not used again: if one append throws, nobody awaits those before it.
        (_batches, _last, _first, _isFirstFree) = ([], null, null, false);
        return taken;
    }

    public void Dispose()
    {
        foreach (var (_, batch) in _batches)
            batch.Dispose();
        _batches.Clear();
        // The list of a request to many partitions is not kept.
        if (_batches.Capacity > 1)
            _batches = new(1);
        _last = null;
    }
}
