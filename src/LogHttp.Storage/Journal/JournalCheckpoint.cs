using System.Diagnostics;

namespace LogHttp.Storage.Journal;

/// <summary>
/// Waits until all logs that held unsynced bytes when it began have them in their segments, or have had them kept. One
/// that closes before never tells it so, and then the files with its entries stay until the next start. Any thread.
/// </summary>
/// <param name="endRound">The rounds before this one are in segments once it ends.</param>
/// <param name="logs">How many logs were asked.</param>
/// <param name="ended">Called once.</param>
internal sealed class JournalCheckpoint(ulong endRound, int logs, Action<JournalCheckpoint> ended)
{
    // One more: it does not end before all were asked.
    int _left = logs + 1;

    public ulong EndRound => endRound;

    /// <summary>A log is synced, or all logs were asked.</summary>
    public void Done()
    {
        var left = Interlocked.Decrement(ref _left);
        Debug.Assert(left >= 0, "a log told the checkpoint twice");
        if (left == 0)
            ended(this);
    }
}

/// <summary>A log whose segment may hold bytes that only the journal has durably.</summary>
internal interface IUnsyncedLog
{
    /// <summary>Whether it holds such bytes, or is about to.</summary>
    bool IsUnsynced { get; }

    /// <summary>The size of all entries of its next unit at the most. It stays so while the log waits.</summary>
    int NextUnitBytes { get; }

    /// <summary>
    /// Continues where <see cref="JournalWriter.TryEnter"/> had it wait. Does no work on the calling thread.
    /// </summary>
    /// <param name="failure">Why no journal file could be made while it waited. Null where it may ask again.</param>
    void Resume(IOException? failure);

    /// <summary>
    /// Makes durable in the segment all that was written so far. Tells the checkpoint once that is so, or once the
    /// journal keeps the log's entries. A log that closes before never tells.
    /// </summary>
    void SyncFor(JournalCheckpoint checkpoint);
}
