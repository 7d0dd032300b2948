namespace LogHttp.Storage.Journal;

/// <summary>
/// One use of a journal file, from its first round under a new epoch until no round in it is needed. All files that a
/// start has read together are one use too. Belongs to the commit thread.
/// </summary>
internal sealed class JournalFileUse(IReadOnlyList<JournalFile> files, ulong epoch, ulong firstRound)
{
    /// <summary>The file. Only the use that a start found has several.</summary>
    public IReadOnlyList<JournalFile> Files => files;

    public JournalFile File => files[^1];

    public ulong Epoch => epoch;

    public ulong FirstRound => firstRound;

    /// <summary>The position of the next round, a multiple of <see cref="JournalFormat.BlockBytes"/>.</summary>
    public long Position { get; set; }

    /// <summary>Whether a round of this use is durable.</summary>
    public bool HasRounds { get; set; }

    /// <summary>Whether a write or sync failed. Then the file is never written again.</summary>
    public bool HasFailed { get; set; }

    /// <summary>Every subject that has an entry in this use, once each.</summary>
    public List<JournalSubject> Subjects { get; } = [];

    /// <summary>The most bytes that another file needs to take over the last entries of these subjects.</summary>
    public long StateBytes { get; private set; }

    public long RoomBytes => File.SizeBytes - Position;

    public bool IsHalfFull => Position >= File.SizeBytes / 2;

    public void Add(JournalSubject subject) => Subjects.Add(subject);

    /// <summary>Adds to <see cref="StateBytes"/> as a subject's last entry is added or grows.</summary>
    public void Reserve(int stateBytes) => StateBytes += stateBytes;
}
