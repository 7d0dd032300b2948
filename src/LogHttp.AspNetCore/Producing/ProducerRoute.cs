using LogHttp.Storage.Logs;
using LogHttp.Storage.Records;
using LogHttp.Storage.Topics;

namespace LogHttp.AspNetCore.Producing;

/// <summary>
/// The partition of the records of a producer that names none in its URL. It is chosen when the records are appended,
/// because the topic may grow while they are read. For one thread.
/// </summary>
/// <remarks>
/// A record counts with the partition that it names, else with the hash of its key, else with the hash of the
/// producer's id. All of a request must have one partition.
/// </remarks>
internal sealed class ProducerRoute(string producerId)
{
    int? _firstHash;
    int? _firstNamed;

    // Allocated for the second hash or number. Mostly all records have one.
    HashSet<int>? _otherHashes;
    HashSet<int>? _otherNamed;
    int? _producerHash;

    /// <summary>Counts a record.</summary>
    /// <param name="named">The partition that the record names.</param>
    /// <param name="metadata">The record's key.</param>
    public void Add(int? named, in RecordMetadata metadata)
    {
        if (named is { } number)
            Add(number, ref _firstNamed, ref _otherNamed);
        else
            Add(HashOf(metadata), ref _firstHash, ref _otherHashes);
    }

    /// <summary>The partition that all records have among that many. Null if they have several, or none.</summary>
    public int? Among(int partitions) => CountAmong(partitions) == 1 ? _firstNamed ?? _firstHash % partitions : null;

    /// <summary>The number of partitions that the records have among that many.</summary>
    public int CountAmong(int partitions)
    {
        if (_otherHashes is null && _otherNamed is null && (_firstHash is null || _firstNamed is null))
            return _firstHash is null && _firstNamed is null ? 0 : 1;
        var numbers = new HashSet<int>(_otherNamed ?? []);
        if (_firstNamed is { } named)
            numbers.Add(named);
        if (_firstHash is { } hash)
            numbers.Add(hash % partitions);
        foreach (var other in _otherHashes ?? [])
            numbers.Add(other % partitions);
        return numbers.Count;
    }

    /// <summary>Chooses the partition of a batch. Null if the records have several.</summary>
    public int? Choose(PartitionSet set, RecordBatch batch) => set.ChooseFor(batch, Among);

    /// <summary>
    /// Whether a partition knows the producer. Also true while the outcome of its last appends is unknown.
    /// </summary>
    public bool MayBeKnownTo(PartitionLog log) =>
        log.StoppedReason is not null || log.FindProducer(producerId) is not null;

    static void Add(int number, ref int? first, ref HashSet<int>? others)
    {
        first ??= number;
        if (number != first)
            (others ??= []).Add(number);
    }

    int HashOf(in RecordMetadata metadata) =>
        metadata.KeyBytes is { } bytes ? KeyPartitioner.HashOf(bytes.Span)
        : metadata.Key is { } key ? KeyPartitioner.HashOf(key)
        : _producerHash ??= KeyPartitioner.HashOf(producerId);
}
