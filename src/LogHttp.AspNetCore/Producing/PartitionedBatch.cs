using System.Diagnostics.CodeAnalysis;
using LogHttp.Storage;
using LogHttp.Storage.Records;
using LogHttp.Storage.Topics;

namespace LogHttp.AspNetCore.Producing;

/// <summary>
/// The records of one request, gathered by partition. A record goes to the partition that it or the request names, else
/// to its key's. All records of the request without either go to one partition. The records of a producer that names no
/// partition are one batch, with a <see cref="Route"/>. For one thread, and for one request after the other.
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
    string? _idempotencyKey;
    int? _routedPartitions;

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
        Func<int> chooseKeyless,
        string? idempotencyKey = null,
        int? routedPartitions = null
    )
        : this(chooseKeyless) =>
        Begin(configuration, serverLimits, requested, producer, expectedBytes: 0, idempotencyKey, routedPartitions);

    /// <summary>
    /// Chooses the partition when the batch is appended. Null if the partitions are known: without a producer, or when
    /// the request names one.
    /// </summary>
    public ProducerRoute? Route { get; private set; }

    public int MaxRecordBytes => _limits.MaxRecordBytes;

    public int MaxKeyBytes => _limits.MaxKeyBytes;

    public int MaxHeadersBytes => _limits.MaxHeadersBytes;

    /// <summary>
    /// The most bytes of a record before it is encoded: with white space, escapes, and the fields of a fetched line
    /// that are not kept. Compare it with the whole record. Otherwise the result would depend on the pieces that a body
    /// comes in.
    /// </summary>
    public int MaxUnencodedBytes => _limits.MaxRecordBytes + UnencodedSlackBytes;

    /// <summary>The number of partitions when the request began. A topic may have more by now.</summary>
    public int Partitions => _configuration.Partitions;

    /// <summary>The number of partitions by which records are routed.</summary>
    public int RoutedPartitions => _routedPartitions ?? Partitions;

    public ValueForm Values => _configuration.Values;

    /// <summary>The number of records whose values were not valid, and that <c>?invalid=</c> kept.</summary>
    /// <remarks>Such a request gives its records no keys of their own, so they all go to one partition.</remarks>
    public int InvalidCount { get; set; }

    /// <summary>The number of partitions that get records.</summary>
    public int PartitionsUsed
    {
        get
        {
            if (Route is not null)
                return Route.CountAmong(Partitions);
            var used = 0;
            foreach (var (_, batch) in _batches)
                used += batch.Count > 0 ? 1 : 0;
            return used;
        }
    }

    /// <summary>The first partition that has records. Without a <see cref="Route"/>.</summary>
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
    /// <param name="idempotencyKey">The key of the request, if repeats have to be recognized by it.</param>
    /// <param name="routedPartitions">
    /// The number of partitions by which records are routed, if the key's first request was routed by it.
    /// </param>
    public void Begin(
        TopicConfiguration configuration,
        RecordLimits serverLimits,
        int? requested,
        ProducerStamp? producer,
        long expectedBytes,
        string? idempotencyKey = null,
        int? routedPartitions = null
    )
    {
        (_idempotencyKey, _routedPartitions) = (idempotencyKey, routedPartitions);
        Route = producer is not null && requested is null ? new(producer.Id) : null;
        (_configuration, _limits) = (configuration, configuration.LimitsWithin(serverLimits));
        (_requested, _producer, _expectedBytes, _keyless) = (requested, producer, expectedBytes, null);
        InvalidCount = 0;
        _isFirstFree = _first is not null;
    }

    /// <summary>
    /// Whether the batch fits a topic that another request may have created meanwhile, with another configuration.
    /// </summary>
    /// <param name="other">The topic's configuration now.</param>
    /// <param name="isOfTopic">
    /// Whether the batch began with a configuration of this topic. Then the topic may have grown: the records go where
    /// the former number of partitions says.
    /// </param>
    public bool IsFor(TopicConfiguration other, bool isOfTopic) =>
        ReferenceEquals(other, _configuration)
        || (
            (isOfTopic || other.Partitions == Partitions)
            && other.Values == Values
            && other.MaxRecordBytes == _configuration.MaxRecordBytes
        );

    public bool IsEmpty => !_batches.Exists(static batch => batch.Value.Count > 0);

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
        if ((partition ?? _requested) >= Partitions)
            return null;
        Route?.Add(partition, metadata);
        var number = Route is not null
            ? 0
            : partition
                ?? _requested
                ?? (
                    metadata.KeyBytes is { } bytes ? KeyPartitioner.PartitionOf(bytes.Span, RoutedPartitions)
                    : metadata.Key is { } key ? KeyPartitioner.PartitionOf(key, RoutedPartitions)
                    : _keyless ??= KeylessPartition()
                );
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
            return new RecordBatch(_limits, _producer, expectedBytes: 0, Values, _idempotencyKey);
        if (_isFirstFree)
            _first!.Reset(_limits, _producer, _expectedBytes, Values, _idempotencyKey);
        else
            _first = new RecordBatch(_limits, _producer, _expectedBytes, Values, _idempotencyKey);
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

    /// <summary>An idempotency key decides the partition. Else a repeat would not be recognized.</summary>
    int KeylessPartition() =>
        _idempotencyKey is not null
            ? KeyPartitioner.PartitionOf(_idempotencyKey, RoutedPartitions)
            : _chooseKeyless() % Partitions;

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

    /// <summary>Whether a partition gets records.</summary>
    public bool IsUsed(int partition) =>
        IndexOf(partition) is var index
        && index < _batches.Count
        && _batches[index] is { Key: var number, Value.Count: > 0 }
        && number == partition;

    /// <summary>Stamps all batches with the key and the payload of the request. Call after the last record.</summary>
    public IdempotencyStamp Stamp(string key)
    {
        // A record with a fault leaves an empty batch.
        _batches.RemoveAll(static batch => batch.Value.Count == 0);
        _last = null;
        var stamp = IdempotencyStamp.Of(key, RoutedPartitions, _batches);
        foreach (var (_, batch) in _batches)
            batch.Stamp(stamp);
        return stamp;
    }

    /// <summary>The batch with a <see cref="Route"/>. The caller does not own it yet.</summary>
    public RecordBatch Routed => _batches[0].Value;

    /// <summary>The batches, in the order of their partitions.</summary>
    public RecordBatch[] Batches =>
        [.. _batches.Select(static batch => batch.Value).Where(static batch => batch.Count > 0)];

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
