namespace LogHttp.Storage.Tests.Simulation;

/// <summary>The required content of one partition, as far as it was acknowledged or seen.</summary>
sealed class PartitionModel(string name, FlushPolicy flush, bool takesOffsets, ProducersModel producers, KeysModel keys)
{
    public string Name { get; } = name;

    /// <summary>The current policy. Records acknowledged under an earlier policy keep its promise.</summary>
    public FlushPolicy Flush { get; set; } = flush;

    /// <summary>Whether some of its appends have offsets of their own.</summary>
    public bool TakesOffsets { get; } = takesOffsets;

    /// <summary>The producers that it must know.</summary>
    public ProducersModel Producers { get; } = producers;

    /// <summary>The idempotency keys that it must know.</summary>
    public KeysModel Keys { get; } = keys;

    /// <summary>The lines that are surely in the log, in order.</summary>
    public List<ModelLine> Lines { get; } = [];

    /// <summary>The log's first offset. Readers get no line before it, but all of those existed.</summary>
    public long Start { get; private set; }

    /// <summary>
    /// The starts that the next process may find. There are several after a trim that failed or was not acknowledged.
    /// </summary>
    public HashSet<long> PossibleStarts { get; } = [0];

    /// <summary>Trims requested in this life of the process and not acknowledged yet, in order.</summary>
    public List<StorageSimulation.SimulatedTrim> Trims { get; } = [];

    /// <summary>The number of lines that a power cut must leave.</summary>
    public int DurableCount { get; set; }

    /// <summary>The number of lines that it must leave once all waiting work has run.</summary>
    public int DueCount { get; set; }

    /// <summary>The ends of final pages, by the position and the size requested.</summary>
    public Dictionary<(long Offset, int MaxBytes), long> FinalPages { get; } = [];

    /// <summary>Appends requested in this life of the process and not acknowledged yet, in order.</summary>
    public List<SimulatedAppend> Pending { get; } = [];

    /// <summary>
    /// Appends that may be in the log or not, in the order of their requests. The next start decides.
    /// </summary>
    public List<SimulatedAppend> Unknown { get; } = [];

    /// <summary>
    /// Offsets of failed appends. The log may have begun a segment for them, and then continues there.
    /// </summary>
    public HashSet<long> Jumps { get; } = [];

    /// <summary>The last stamp by the log that was acknowledged in this life, or before a clean stop.</summary>
    public long LastStampMs { get; set; }

    public long NextOffset => Lines.Count == 0 ? 0 : Lines[^1].Offset + 1;

    /// <summary>Whether the log may continue at an offset.</summary>
    public bool CanBeNext(long offset) => offset == NextOffset || (offset > NextOffset && Jumps.Contains(offset));

    /// <summary>Whether the log may continue behind a gap, in a segment that was begun for lost records.</summary>
    public bool MayHaveJumped => Jumps.Any(offset => offset > NextOffset);

    public void Add(SimulatedAppend append, long firstOffset, long stampMs)
    {
        for (var record = 0; record < append.Count; record++)
            Lines.Add(
                new ModelLine(
                    append.OffsetOf(record, firstOffset),
                    append.TimestampOf(record, stampMs),
                    append.Line(record, firstOffset, stampMs),
                    append,
                    record == append.Count - 1
                )
            );
        if (Flush.IsAlways)
            DurableCount = Lines.Count;
    }

    /// <summary>Moves the log's start to an offset permanently. All changes before the move are durable.</summary>
    public void MoveStart(long offset)
    {
        Start = offset;
        PossibleStarts.Clear();
        PossibleStarts.Add(offset);
        DurableCount = Math.Max(DurableCount, IndexOf(offset));
    }

    /// <summary>The number of the first line with at least this offset.</summary>
    public int IndexOf(long offset)
    {
        var (low, high) = (0, Lines.Count);
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (Lines[middle].Offset < offset)
                low = middle + 1;
            else
                high = middle;
        }
        return low;
    }
}

/// <param name="Offset">The record's offset.</param>
/// <param name="TimestampMs">The record's timestamp.</param>
/// <param name="Bytes">The line, line feed included.</param>
/// <param name="Append">The batch it belongs to.</param>
/// <param name="IsBatchEnd">Whether it is the last line of its batch.</param>
sealed record ModelLine(long Offset, long TimestampMs, byte[] Bytes, SimulatedAppend Append, bool IsBatchEnd);
