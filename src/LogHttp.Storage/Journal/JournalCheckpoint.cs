using System.Diagnostics;

namespace LogHttp.Storage.Journal;

/// <summary>
/// Waits until each log that held unsynced bytes when it began has synced them, or has had its entries kept. A log that
/// closes before does not report it. Then the files with its entries stay until the next start. Any thread.
/// </summary>
/// <param name="endRound">The rounds before this one are in segments once the checkpoint ends.</param>
/// <param name="logs">The number of logs that were asked.</param>
/// <param name="ended">Called once.</param>
internal sealed class JournalCheckpoint(ulong endRound, int logs, Action<JournalCheckpoint> ended)
{
    // One more than the logs, so that it does not end before all were asked.
    int _pendingLogs = logs + 1;

    public ulong EndRound => endRound;

    /// <summary>Notes that a log is synced, or that all logs were asked.</summary>
    public void CountDown()
    {
        var left = Interlocked.Decrement(ref _pendingLogs);
        Debug.Assert(left >= 0, "a log called CountDown twice");
        if (left == 0)
            ended(this);
    }
}

/// <summary>A log whose segment may hold bytes that are durable only in the journal.</summary>
internal interface IUnsyncedLog
{
    /// <summary>Whether the log holds such bytes, or is about to.</summary>
    bool IsUnsynced { get; }

    /// <summary>
    /// Whether the log's files may be closed while it holds such bytes, because its volume is synced as a whole.
    /// </summary>
    bool CanCloseFiles { get; }

    /// <summary>Whether a repair waits for its turn. Then it must not wait for the journal.</summary>
    bool IsRepairDue { get; }

    /// <summary>
    /// The most bytes that all entries of the log's next unit take. It does not change while the log waits.
    /// </summary>
    int NextUnitBytes { get; }

    /// <summary>
    /// Continues a log that <see cref="JournalWriter.TryEnter"/> made wait. Does no work on the calling thread.
    /// </summary>
    /// <param name="failure">Why no journal file could be created meanwhile. Null if the log may ask again.</param>
    void Resume(IOException? failure);

    /// <summary>
    /// Syncs everything that was written to the segment so far. Then, or once the journal keeps the log's entries,
    /// calls <see cref="JournalCheckpoint.CountDown"/>. A log that closes before never calls it.
    /// </summary>
    void SyncFor(JournalCheckpoint checkpoint);
}
