using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using LogHttp.AspNetCore.Contract;
using LogHttp.AspNetCore.Producing;
using LogHttp.Storage.Records;

namespace LogHttp.AspNetCore.Confluent;

/// <summary>
/// The outcomes of a request's records, in their order. Neighbours with one outcome share an entry of 8 bytes: a body
/// can have hundreds of thousands of records, mostly for one partition. Equal problems are one object. All of it counts
/// against the budget of bodies until this is disposed of, because a client can take long to read the response. For one
/// thread.
/// </summary>
/// <param name="budget">The budget.</param>
/// <param name="client">The request, or null without a client.</param>
internal sealed class ConfluentOutcomes(BodyBudget budget, HttpContext? client) : IDisposable
{
    /// <summary>The approximate size of a problem, with its text and its entry.</summary>
    const int ProblemBytes = 512;

    /// <summary>
    /// The bytes that are not counted, so that a small request gets its response even if others fill the budget.
    /// </summary>
    const int UncountedBytes = 4 << 10;

    // A source from 0 up is a batch, and from -1 down a problem.
    readonly List<(int Source, int Count)> _runs = [];
    readonly List<RecordBatch> _batches = [];
    readonly Dictionary<RecordBatch, int> _numbers = [];
    readonly List<Problem> _problems = [];
    readonly Dictionary<Problem, int> _problemNumbers = [];
    long _heldBytes;

    /// <summary>The number of records.</summary>
    public int Count { get; private set; }

    /// <summary>Adds a record that is the next of a batch.</summary>
    public void AddAccepted(RecordBatch batch)
    {
        if (!_numbers.TryGetValue(batch, out var number))
        {
            _numbers.Add(batch, number = _batches.Count);
            _batches.Add(batch);
        }
        Add(number);
    }

    /// <summary>Adds a record that failed.</summary>
    public void AddFailed(Problem problem)
    {
        if (!_problemNumbers.TryGetValue(problem, out var number))
        {
            _problemNumbers.Add(problem, number = _problems.Count);
            _problems.Add(problem);
        }
        Add(~number);
    }

    /// <summary>Counts the bytes held now. Returns false if the budget has no room.</summary>
    public bool TryHold()
    {
        var neededBytes = (long)_runs.Capacity * Unsafe.SizeOf<(int, int)>() + (long)_problems.Count * ProblemBytes;
        return neededBytes <= UncountedBytes || budget.TryHold(client, ref _heldBytes, neededBytes);
    }

    public void Dispose() => budget.Release(client, ref _heldBytes);

    /// <summary>Enumerates all records.</summary>
    public IEnumerable<ConfluentRecord> Records()
    {
        var next = new int[_batches.Count];
        foreach (var (source, count) in _runs)
        {
            for (var i = 0; i < count; i++)
                yield return source >= 0
                    ? new(_batches[source], next[source]++, null)
                    : new(null, 0, _problems[~source]);
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

/// <summary>A record's outcome: its index in a batch, or the problem that kept it out.</summary>
internal readonly record struct ConfluentRecord(RecordBatch? Batch, int Index, Problem? Problem);
