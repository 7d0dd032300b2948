namespace LogHttp.Storage.Journal;

/// <summary>
/// Entries that become durable together: a round holds all of them or none (api/FORMAT.md, the journal). Any thread
/// submits a unit. The commit thread encodes it, and a work item of the append scheduler completes it.
/// </summary>
internal abstract class JournalUnit
{
    /// <summary>
    /// The size of all entries in a round, at most <see cref="JournalFormat.MaxRoundBytes"/> less a head.
    /// </summary>
    public abstract int EncodedBytes { get; }

    /// <summary>The largest size that the unit could have had when its log entered.</summary>
    public required int EnteredBytes { get; init; }

    /// <summary>The number of entries.</summary>
    public abstract int EntryCount { get; }

    /// <summary>The number of records in its entries, for the counters.</summary>
    public virtual int RecordCount => 0;

    /// <summary>Whether an earlier unit of the same partition failed, so that this one must not be written.</summary>
    public abstract bool IsAbandoned { get; }

    /// <summary>Prevents later units of the same partition from being written. Runs on the commit thread.</summary>
    public abstract void Abandon();

    /// <summary>Writes the entries. Runs on the commit thread, more than once if a round is written again.</summary>
    public abstract int Encode(Span<byte> destination);

    /// <summary>Updates the subjects of the entries. Runs on the commit thread once the round is durable.</summary>
    public abstract void Journaled(JournalFileUse file);

    /// <summary>Completes the unit: it is durable, or its outcome is unknown. Called once.</summary>
    /// <param name="failure">Why the unit is not known to be durable. Null if it is durable.</param>
    public abstract void Completed(IOException? failure);

    /// <summary>
    /// Runs the code that waits for the unit. Called once, after the units of other partitions were completed, because
    /// the code may take long.
    /// </summary>
    public virtual void Continue() { }
}

/// <summary>
/// A partition or a group: its last entry must outlive the reuse of journal files. Its fields belong to the commit
/// thread, and to the start before the first round.
/// </summary>
internal abstract class JournalSubject
{
    /// <summary>The file that holds the subject's last entry, or null.</summary>
    public JournalFileUse? LastFile { get; private set; }

    /// <summary>
    /// Whether the subject's own files have the state of its last entry, so that no journal file needs it.
    /// </summary>
    public abstract bool IsCovered { get; }

    /// <summary>The size of the entry that <see cref="WriteState"/> writes.</summary>
    public abstract int StateBytes { get; }

    /// <summary>
    /// Writes one entry with the state of the last entry, without the records that are synced elsewhere by now.
    /// </summary>
    public abstract int WriteState(Span<byte> destination);

    int _reservedBytes;

    /// <summary>Notes that a file now holds the last entry.</summary>
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
    // Replaced as a whole by the thread that writes a checkpoint, read by the commit thread.
    Checkpointed? _checkpointed;
    volatile bool _isUnplaced;

    public ulong TopicId => topicId;

    public int Number => number;

    /// <summary>The partition's end in its last entry. Null before the first.</summary>
    public JournalEntry? State { get; private set; }

    /// <summary>Whether a unit of the partition failed. Used by the commit thread.</summary>
    public bool IsAbandoned { get; private set; }

    /// <summary>Whether the journal may hold entries of the partition. Any thread.</summary>
    public bool IsKnown => Volatile.Read(ref _isKnown);

    bool _isKnown;

    /// <summary>Returns an entry of this partition.</summary>
    public JournalEntry Entry(JournalEntryKind kind, long segmentBaseOffset, long position) =>
        new(kind, topicId, number, segmentBaseOffset, Generation: 0, position);

    /// <summary>Notes the end that the checkpoint on the disk has.</summary>
    public void SetCheckpointed(bool isJournaled, long segmentBaseOffset, long position) =>
        Volatile.Write(ref _checkpointed, new Checkpointed(isJournaled, segmentBaseOffset, position));

    /// <summary>
    /// Notes that the partition's entries were moved to <c>unplaced/</c>, and decide its end from there.
    /// </summary>
    public void MovedToUnplaced() => _isUnplaced = true;

    public override bool IsCovered =>
        _isUnplaced || State is not { } state || (Volatile.Read(ref _checkpointed)?.Covers(state) ?? false);

    public override int StateBytes => JournalFormat.EncodedBytes(payloadBytes: 0);

    public override int WriteState(Span<byte> destination) => State!.Value.Write(destination, payload: []);

    /// <summary>
    /// Sets the state from an entry once its round is durable, or from recovery's findings at the start.
    /// </summary>
    public void SetState(in JournalEntry state)
    {
        State =
            state.Kind == JournalEntryKind.JournalingEnds ? state : state with { Kind = JournalEntryKind.SyncedUpTo };
        Volatile.Write(ref _isKnown, true);
    }

    /// <summary>Sets the partition's end.</summary>
    public void SetEnd(long segmentBaseOffset, long position) =>
        SetState(Entry(JournalEntryKind.SyncedUpTo, segmentBaseOffset, position));

    /// <summary>Notes that a unit failed. The next ones must not be written after the gap.</summary>
    public void Abandon() => IsAbandoned = true;

    sealed record Checkpointed(bool IsJournaled, long SegmentBaseOffset, long Position)
    {
        // A partition that is no longer journaled is read to its end in any case. Otherwise the end that lies further
        // counts. That is the checkpoint's if a roll created a segment and nothing was appended to it yet.
        public bool Covers(in JournalEntry state) =>
            state.Kind == JournalEntryKind.JournalingEnds
                ? !IsJournaled
                : IsJournaled
                    && (SegmentBaseOffset, Position).CompareTo((state.SegmentBaseOffset, state.Position)) >= 0;
    }
}
