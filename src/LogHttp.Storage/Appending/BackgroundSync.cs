using LogHttp.Storage.Journal;
using LogHttp.Storage.Segments;

namespace LogHttp.Storage.Appending;

/// <summary>A sync beside the turns, of all groups that were handed on.</summary>
internal sealed class BackgroundSync : SegmentSync
{
    readonly Appender _appender;
    readonly SegmentLease? _lease;

    /// <summary>Under the partition's lock.</summary>
    public BackgroundSync(Appender appender, JournalCheckpoint[] checkpoints)
    {
        (_appender, Segment, Checkpoints) = (appender, appender.View.Active, checkpoints);
        ref readonly var submitted = ref appender.Watermarks.Submitted;
        // Opens no file: the partition has a lease.
        _lease = appender.Syncs.KeepsFilesOpen ? Segment.Acquire(isSealed: false) : null;
        (Files, Cursor, Checkpointable) = (_lease?.Files, submitted.Cursor, appender.Watermarks.Published);
        (IsJournaling, NextRound) = (submitted.IsJournaled, appender.Context.Journal.LastRound + 1);
    }

    public override Segment Segment { get; }

    /// <summary>Whether the journal has the bytes that this sync may lose.</summary>
    public bool IsJournaling { get; }

    /// <summary>The journal's checkpoints that wait for this sync.</summary>
    public JournalCheckpoint[] Checkpoints { get; }

    public override void Completed(IOException? error)
    {
        _appender.Syncs.Synced(this, error);
        _lease?.Dispose();
    }
}
