using LogHttp.Storage.Bytes;
using LogHttp.Storage.Journal;

namespace LogHttp.Storage.Appending;

/// <summary>
/// A written group that is not published yet. A partition's groups are published in the order in which they were
/// written.
/// </summary>
/// <param name="appender">The partition's writer.</param>
/// <param name="group">The requests to complete.</param>
/// <param name="end">The end of the log with this group.</param>
/// <param name="entries">The entries that make the group durable, except for the records.</param>
internal sealed class GroupUnit(Appender appender, AppendGroup group, LogState end, JournalEntry[] entries)
    : JournalUnit
{
    byte[] _frame = [];
    int _frameBytes;
    RequestCompletions? _completions;

    public AppendGroup Group => group;

    public LogState End => end;

    /// <summary>Whether the group is durable, or known not to become so. Guarded by the partition's lock.</summary>
    public bool IsDone { get; set; }

    /// <summary>
    /// Whether readers see the group, durably. Then its requests succeed, even if a later group stops the partition.
    /// Guarded by the partition's lock.
    /// </summary>
    public bool IsPublished { get; set; }

    /// <summary>Why the group is not known to be durable. Guarded by the partition's lock.</summary>
    public IOException? Failure { get; set; }

    /// <summary>The result of all requests of a group that was rolled back. Null for any other group.</summary>
    public AppendResult? Refusal { get; init; }

    public override int EncodedBytes =>
        entries.Length * JournalFormat.EncodedBytes(0)
        + (_frameBytes > 0 ? JournalFormat.EncodedBytes(_frameBytes) : 0);

    public override int EntryCount => entries.Length + (_frameBytes > 0 ? 1 : 0);

    public override int RecordCount => group.RecordCount;

    public override bool IsAbandoned => appender.JournalPartition.IsAbandoned;

    /// <summary>Takes the segment's bytes of this group, in a buffer of the shared pool.</summary>
    public void SetFrame(byte[] frame, int frameBytes) => (_frame, _frameBytes) = (frame, frameBytes);

    public override int Encode(Span<byte> destination)
    {
        var encodedBytes = 0;
        foreach (var entry in entries)
            encodedBytes += entry.Write(destination[encodedBytes..], payload: []);
        if (_frameBytes == 0)
            return encodedBytes;
        var start = group.Start;
        var records = appender.JournalPartition.Entry(JournalEntryKind.Records, start.BaseOffset, start.Position);
        return encodedBytes + records.Write(destination[encodedBytes..], _frame.AsSpan(0, _frameBytes));
    }

    public override void Journaled(JournalFileUse file)
    {
        var partition = appender.JournalPartition;
        partition.SetEnd(end.Cursor.BaseOffset, end.Cursor.Position);
        partition.NameIn(file);
    }

    public override void Abandon() => appender.JournalPartition.Abandon();

    public override void Completed(IOException? failure)
    {
        ReleaseFrame();
        _completions = appender.Publication.GroupCommitted(this, failure);
    }

    public override void Continue() => _completions?.Run();

    /// <summary>Returns the buffer to the pool. Nothing is encoded after that.</summary>
    public void ReleaseFrame()
    {
        if (_frame.Length > 0)
            PooledArray.Return(_frame);
        (_frame, _frameBytes) = ([], 0);
    }
}

/// <summary>One entry about a partition, without records, with a callback for its completion.</summary>
internal sealed class PartitionUnit(JournalPartition partition, JournalEntry entry, Action<IOException?> completed)
    : JournalUnit
{
    public override int EncodedBytes => JournalFormat.EncodedBytes(0);

    public override int EntryCount => 1;

    public override bool IsAbandoned => partition.IsAbandoned;

    public override int Encode(Span<byte> destination) => entry.Write(destination, payload: []);

    public override void Journaled(JournalFileUse file)
    {
        // A deletion is needed only as long as earlier entries are, which lie in earlier rounds.
        if (entry.Kind == JournalEntryKind.TopicDeleted)
            return;
        partition.SetState(entry);
        partition.NameIn(file);
    }

    public override void Abandon() => partition.Abandon();

    public override void Completed(IOException? failure) => completed(failure);
}
