namespace LogHttp.Storage.Journal;

/// <summary>The key of a group's state. The partition is not negative. The other numbers are any.</summary>
internal readonly record struct GroupKey(ulong TopicId, int Partition, long Name);

/// <summary>
/// A group as the journal knows it. Only the journal keeps its state, so each file passes the whole last state on to
/// the next. Belongs to the commit thread, and to the start before the first round.
/// </summary>
internal sealed class JournalGroup(GroupKey key) : JournalSubject
{
    public GroupKey Key => key;

    /// <summary>The last durable state. Empty if the group has none, or needs none any more.</summary>
    public byte[] State { get; private set; } = [];

    /// <summary>Whether a unit of the group failed.</summary>
    public bool IsAbandoned { get; private set; }

    public override bool IsCovered => State.Length == 0;

    public override int StateBytes => JournalFormat.EncodedBytes(State.Length);

    public override int WriteState(Span<byte> destination) => Write(destination, State);

    /// <summary>Writes an entry with a state.</summary>
    public int Write(Span<byte> destination, byte[] state) =>
        new JournalEntry(
            JournalEntryKind.GroupState,
            key.TopicId,
            key.Partition,
            key.Name,
            Generation: 0,
            Position: 0
        ).Write(destination, state);

    /// <summary>Sets the durable state.</summary>
    public void SetState(byte[] state) => State = state;

    /// <summary>Notes that a unit failed. The next ones must not be written after the gap.</summary>
    public void Abandon() => IsAbandoned = true;
}

/// <summary>New states of one or several groups, which take effect together or not at all.</summary>
/// <param name="states">The groups, each once, with their states.</param>
/// <param name="completed">Called once, with the reason why the states are not known to be durable, or null.</param>
internal sealed class GroupStatesUnit((JournalGroup Group, byte[] State)[] states, Action<IOException?> completed)
    : JournalUnit
{
    public override int EncodedBytes => states.Sum(static state => JournalFormat.EncodedBytes(state.State.Length));

    public override int EntryCount => states.Length;

    public override bool IsAbandoned => Array.Exists(states, static state => state.Group.IsAbandoned);

    public override int Encode(Span<byte> destination)
    {
        var encodedBytes = 0;
        foreach (var (group, state) in states)
            encodedBytes += group.Write(destination[encodedBytes..], state);
        return encodedBytes;
    }

    public override void Journaled(JournalFileUse file)
    {
        foreach (var (group, state) in states)
        {
            group.SetState(state);
            group.NameIn(file);
        }
    }

    public override void Abandon()
    {
        foreach (var (group, _) in states)
            group.Abandon();
    }

    public override void Completed(IOException? failure) => completed(failure);
}
