namespace LogHttp.Storage.Journal;

/// <summary>
/// Entries that become durable together: a round holds all of them or none (api/FORMAT.md, the journal). Submitted from
/// any thread. The commit thread encodes it, and a work item of the append scheduler completes it.
/// </summary>
internal abstract class JournalUnit
{
    /// <summary>
    /// The size of all entries in a round, at most <see cref="JournalFormat.MaxRoundBytes"/> less a head.
    /// </summary>
    public abstract int EncodedBytes { get; }

    /// <summary>How large it could be when its log entered.</summary>
    public required int EnteredBytes { get; init; }

    /// <summary>The number of entries.</summary>
    public abstract int EntryCount { get; }

    /// <summary>The number of records in its entries, for the counters.</summary>
    public virtual int RecordCount => 0;

    /// <summary>
    /// Whether an earlier unit of the same partition came to nothing, so that this one must not be written.
    /// </summary>
    public abstract bool IsAbandoned { get; }

    /// <summary>Later units of the same partition are not written. Runs on the commit thread.</summary>
    public abstract void Abandon();

    /// <summary>Writes the entries. Runs on the commit thread, more than once where a round is written again.</summary>
    public abstract int Encode(Span<byte> destination);

    /// <summary>
    /// Updates the subjects that the entries name. Runs on the commit thread once the round is durable.
    /// </summary>
    public abstract void Journaled(JournalFileUse file);

    /// <summary>Ends the unit's way: it is durable, or its outcome is unknown. Called once.</summary>
    /// <param name="failure">Why it is not known to be durable. Null when it is.</param>
    public abstract void Completed(IOException? failure);
}

/// <summary>
/// Something whose last entry must outlive the reuse of journal files: a partition, or a group. Its fields belong to
/// the commit thread, and before the first round to the start.
/// </summary>
internal abstract class JournalSubject
{
    /// <summary>The file that holds its last entry. Null when no file does.</summary>
    public JournalFileUse? LastFile { get; private set; }

    /// <summary>Whether its own files say what the last entry says, so that no journal file needs to.</summary>
    public abstract bool IsCovered { get; }

    /// <summary>The size of the entry that <see cref="WriteState"/> writes.</summary>
    public abstract int StateBytes { get; }

    /// <summary>Writes one entry that says what the last entry says, without what is synced elsewhere by now.</summary>
    public abstract int WriteState(Span<byte> destination);

    int _reservedBytes;

    /// <summary>Records that a file holds the last entry now.</summary>
    public void NameIn(JournalFileUse file)
    {
        var stateBytes = StateBytes;
        if (LastFile != file)
        {
            (LastFile, _reservedBytes) = (file, 0);
            file.Add(this);
        }
        if (stateBytes <= _reservedBytes)
            return;
        file.Reserve(stateBytes - _reservedBytes);
        _reservedBytes = stateBytes;
    }
}

/// <summary>A partition as the journal knows it.</summary>
/// <param name="topicId">The topic's incarnation.</param>
/// <param name="number">The partition's number.</param>
internal sealed class JournalPartition(ulong topicId, int number) : JournalSubject
{
    // Replaced as a whole by whoever writes checkpoints, read by the commit thread.
    Checkpointed? _checkpointed;
    volatile bool _isUnplaced;

    public ulong TopicId => topicId;

    public int Number => number;

    /// <summary>What the last entry says of the partition's end. Null before the first.</summary>
    public JournalEntry? State { get; private set; }

    /// <summary>Whether a unit of the partition came to nothing. The commit thread's.</summary>
    public bool IsAbandoned { get; private set; }

    /// <summary>Whether the journal may hold entries of it. Any thread.</summary>
    public bool IsKnown => Volatile.Read(ref _isKnown);

    bool _isKnown;

    /// <summary>An entry of this partition.</summary>
    public JournalEntry Entry(JournalEntryKind kind, long segmentBaseOffset, long position) =>
        new(kind, topicId, number, segmentBaseOffset, Generation: 0, position);

    /// <summary>The checkpoint on the disk names this end.</summary>
    public void SetCheckpointed(bool isJournaled, long segmentBaseOffset, long position) =>
        Volatile.Write(ref _checkpointed, new Checkpointed(isJournaled, segmentBaseOffset, position));

    /// <summary>The entries of this partition were moved to <c>unplaced/</c>, and decide its end from there.</summary>
    public void MovedToUnplaced() => _isUnplaced = true;

    public override bool IsCovered =>
        _isUnplaced || State is not { } state || (Volatile.Read(ref _checkpointed)?.Says(state) ?? false);

    public override int StateBytes => JournalFormat.EncodedBytes(payloadBytes: 0);

    public override int WriteState(Span<byte> destination) => State!.Value.Write(destination, payload: []);

    /// <summary>Takes over what an entry says once its round is durable, or at the start what recovery found.</summary>
    public void SetState(in JournalEntry state)
    {
        State =
            state.Kind == JournalEntryKind.JournalingEnds ? state : state with { Kind = JournalEntryKind.SyncedUpTo };
        Volatile.Write(ref _isKnown, true);
    }

    /// <summary>The partition ends at a place.</summary>
    public void SetEnd(long segmentBaseOffset, long position) =>
        SetState(Entry(JournalEntryKind.SyncedUpTo, segmentBaseOffset, position));

    /// <summary>A unit came to nothing: the next ones must not be written behind the gap.</summary>
    public void Abandon() => IsAbandoned = true;

    sealed record Checkpointed(bool IsJournaled, long SegmentBaseOffset, long Position)
    {
        // A partition that is not journaled any more is read to its end in any case. Otherwise the end that lies
        // further counts: the checkpoint's, where a roll made a segment and nothing was appended to it yet.
        public bool Says(in JournalEntry state) =>
            state.Kind == JournalEntryKind.JournalingEnds
                ? !IsJournaled
                : IsJournaled
                    && (SegmentBaseOffset, Position).CompareTo((state.SegmentBaseOffset, state.Position)) >= 0;
    }
}
