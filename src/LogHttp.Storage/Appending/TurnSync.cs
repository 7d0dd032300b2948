using LogHttp.Storage.Segments;

namespace LogHttp.Storage.Appending;

/// <summary>A sync that the turn waits for. A partition uses one again and again.</summary>
internal sealed class TurnSync(Appender appender) : SegmentSync
{
    public override Segment Segment => appender.View.Active;

    /// <summary>Covers all that the turn has written. Called before the sync is submitted.</summary>
    /// <param name="written">The end of the log with the written part of the group.</param>
    /// <param name="group">The group that is written and not handed on, or null.</param>
    public void Begin(in LogState written, AppendGroup? group)
    {
        bool keepsFilesOpen;
        lock (appender.Gate)
            keepsFilesOpen = appender.Syncs.KeepsFilesOpen;
        Files = keepsFilesOpen ? appender.Turn.OpenFiles() : null;
        Cursor = written.Cursor;
        IsBatchEnd = group is null or { IsWritten: true } || written.Cursor == group.Start;
        NextRound = appender.Context.Journal.LastRound + 1;
        // Not while a large group is in flight: it counts only with its entry.
        Checkpointable = group is null ? written : null;
    }

    public override void Completed(IOException? error) => appender.Turn.Synced(error);
}
