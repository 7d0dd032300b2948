using System.Runtime.InteropServices;
using LogHttp.Server.Endpoints;
using LogHttp.Storage.Records;

namespace LogHttp.Server.Confluent;

/// <summary>
/// What became of a request's records, in their order. Neighbours with one outcome share an entry of 8 bytes: a body can have
/// hundreds of thousands of records, mostly for one partition. For one thread.
/// </summary>
internal sealed class ConfluentOutcomes
{
    // Of the batches from 0 on, of the problems from -1 down.
    readonly List<(int Source, int Count)> _runs = [];
    readonly List<RecordBatch> _batches = [];
    readonly Dictionary<RecordBatch, int> _numbers = [];
    readonly List<Problem> _problems = [];

    /// <summary>How many records there are.</summary>
    public int Count { get; private set; }

    /// <summary>The next record is the next of a batch.</summary>
    public void AddTaken(RecordBatch batch)
    {
        if (!_numbers.TryGetValue(batch, out var number))
        {
            _numbers.Add(batch, number = _batches.Count);
            _batches.Add(batch);
        }
        Add(number);
    }

    /// <summary>The next record failed.</summary>
    public void AddFailed(Problem problem)
    {
        if (_problems.Count == 0 || !ReferenceEquals(_problems[^1], problem))
            _problems.Add(problem);
        Add(~(_problems.Count - 1));
    }

    /// <summary>Goes through all records.</summary>
    public IEnumerable<ConfluentRecord> Records()
    {
        var next = new int[_batches.Count];
        foreach (var (source, count) in _runs)
        {
            for (var i = 0; i < count; i++)
                yield return source >= 0 ? new(_batches[source], next[source]++, null) : new(null, 0, _problems[~source]);
        }
    }

    void Add(int source)
    {
        Count++;
        if (_runs.Count > 0 && _runs[^1].Source == source)
            CollectionsMarshal.AsSpan(_runs)[^1].Count++;
        else
            _runs.Add((source, 1));
    }
}

/// <summary>Where a record went: which of a batch's it is, or why it is in none.</summary>
internal readonly record struct ConfluentRecord(RecordBatch? Batch, int Index, Problem? Problem);
