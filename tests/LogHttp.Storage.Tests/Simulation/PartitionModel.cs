namespace LogHttp.Storage.Tests.Simulation;

/// <summary>What must be in one partition, as far as it was promised or seen.</summary>
sealed class PartitionModel(string name, FlushPolicy flush, bool takesOffsets, ProducersModel producers)
{
    public string Name { get; } = name;

    /// <summary>The policy now; what was acknowledged under an earlier one was promised what that one said.</summary>
    public FlushPolicy Flush { get; set; } = flush;

    /// <summary>Whether some of its appends give their offsets themselves.</summary>
    public bool TakesOffsets { get; } = takesOffsets;

    /// <summary>What it must know of producers.</summary>
    public ProducersModel Producers { get; } = producers;

    /// <summary>The lines that are in the log for sure, in order.</summary>
    public List<ModelLine> Lines { get; } = [];

    /// <summary>Where the log begins: readers get no line before, but all were there.</summary>
    public long Start { get; private set; }

    /// <summary>
    /// Where the next start may find that it begins: at more than one place after a trim that failed or was not
    /// answered.
    /// </summary>
    public HashSet<long> PossibleStarts { get; } = [0];

    /// <summary>Trims asked for in this life of the process and not answered, in order.</summary>
    public List<StorageSimulation.SimulatedTrim> Trims { get; } = [];

    /// <summary>How many of them a power cut must leave.</summary>
    public int DurableCount { get; set; }

    /// <summary>How many of them it must leave once all work that waits has been done.</summary>
    public int DueCount { get; set; }

    /// <summary>Where the pages ended that were said to be final, by the place and the size asked for.</summary>
    public Dictionary<(long Offset, int MaxBytes), long> FinalPages { get; } = [];

    /// <summary>Appends asked for in this life of the process and not answered, in order.</summary>
    public List<SimulatedAppend> Pending { get; } = [];

    /// <summary>
    /// Appends that may be in the log or not, until the next start shows; in the order they were asked for.
    /// </summary>
    public List<SimulatedAppend> Unknown { get; } = [];

    /// <summary>
    /// Offsets that were given to appends which failed: a segment may have been begun for them, and the log goes on
    /// there.
    /// </summary>
    public HashSet<long> Jumps { get; } = [];

    /// <summary>The last stamp of the log's own that was answered in this life, or before a clean stop.</summary>
    public long LastStampMs { get; set; }

    public long NextOffset => Lines.Count == 0 ? 0 : Lines[^1].Offset + 1;

    /// <summary>Whether the log may go on at an offset.</summary>
    public bool CanBeNext(long offset) => offset == NextOffset || (offset > NextOffset && Jumps.Contains(offset));

    /// <summary>
    /// Whether the log may go on behind a gap: at a segment that was made for records that were lost.
    /// </summary>
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

    /// <summary>The log begins here for good, and what comes before is durable.</summary>
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
