namespace LogHttp.Storage.Journal;

/// <summary>
/// One use of a journal file: from its first round under a new epoch until nothing in it is needed. What a start found
/// is one use too, of all files that it read. Belongs to the commit thread.
/// </summary>
internal sealed class JournalFileUse(IReadOnlyList<JournalFile> files, ulong epoch, ulong firstRound)
{
    /// <summary>The file. Several only for what a start found.</summary>
    public IReadOnlyList<JournalFile> Files => files;

    public JournalFile File => files[^1];

    public ulong Epoch => epoch;

    public ulong FirstRound => firstRound;

    /// <summary>Where the next round goes, a multiple of <see cref="JournalFormat.BlockBytes"/>.</summary>
    public long Position { get; set; }

    /// <summary>Whether a round of this use is durable.</summary>
    public bool HasRounds { get; set; }

    /// <summary>Whether a write or sync failed: the file is never written again.</summary>
    public bool HasFailed { get; set; }

    /// <summary>Everything that has an entry in this use, once each.</summary>
    public List<JournalSubject> Subjects { get; } = [];

    /// <summary>What another file needs, at the most, to take over what this one says of its subjects.</summary>
    public long StateBytes { get; private set; }

    public long RoomBytes => File.SizeBytes - Position;

    public bool IsHalfFull => Position >= File.SizeBytes / 2;

    public void Add(JournalSubject subject) => Subjects.Add(subject);

    /// <summary>A subject's last entry takes so much, or so much more.</summary>
    public void Reserve(int stateBytes) => StateBytes += stateBytes;
}
