namespace LogHttp.Storage.Journal;

/// <summary>The bounds of the journal.</summary>
/// <param name="Directory">The journal's directory. It may be a mount of its own.</param>
/// <param name="MarkDirectory">The directory of all topics, which holds the mark.</param>
/// <param name="MinFileBytes">The size of the first files.</param>
/// <param name="MaxFileBytes">The size that files grow to.</param>
/// <param name="MaxUnsyncedLogs">
/// How many logs may keep their files open because they hold bytes that are durable only in the journal.
/// </param>
internal sealed record JournalOptions(
    string Directory,
    string MarkDirectory,
    long MinFileBytes,
    long MaxFileBytes,
    int MaxUnsyncedLogs
)
{
    /// <summary>
    /// The most files in rotation: one is written, one is ready, others wait until their segments are synced.
    /// </summary>
    public const int MaxFiles = 4;

    /// <summary>
    /// The most bytes of one round's entries, unless a single unit is larger. A longer round would delay the rounds
    /// after it, and each round must fit into a file.
    /// </summary>
    public long RoundBytes => Math.Min(4 << 20, MinFileBytes / 4);

    /// <summary>The most bytes of units that wait for rounds. Beyond it, turns wait before they write more.</summary>
    public long MaxWaitingBytes => 4 * RoundBytes;
}
