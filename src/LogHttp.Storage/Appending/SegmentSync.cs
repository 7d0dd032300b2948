using LogHttp.Storage.Committing;
using LogHttp.Storage.Files;
using LogHttp.Storage.Segments;

namespace LogHttp.Storage.Appending;

/// <summary>The position up to which a sync makes the log durable, and the state for a checkpoint there.</summary>
internal abstract class SegmentSync : Commit
{
    /// <summary>The segment that is synced.</summary>
    public abstract Segment Segment { get; }

    /// <summary>Null if the file may be closed.</summary>
    protected SegmentFiles? Files { get; set; }

    public SegmentCursor Cursor { get; protected set; }

    /// <summary>
    /// Bytes that are written to the segment after the sync began are journaled in this round or a later one.
    /// </summary>
    public ulong NextRound { get; protected set; }

    /// <summary>Whether a whole batch ends at <see cref="Cursor"/>.</summary>
    public bool IsBatchEnd { get; protected set; } = true;

    /// <summary>
    /// A state, not after <see cref="Cursor"/>, from which a start may continue. Null if there is none.
    /// </summary>
    public LogState? Checkpointable { get; protected set; }

    public override IFile File => Files!.Data;

    public override bool NeedsSyncAll => Files is null;
}
