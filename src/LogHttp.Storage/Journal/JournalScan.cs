using LogHttp.Storage.Files;

namespace LogHttp.Storage.Journal;

/// <summary>Consecutive rounds of one journal file.</summary>
/// <param name="FileNumber">The file.</param>
/// <param name="Epoch">The epoch of its rounds.</param>
/// <param name="FirstPosition">The position of the first round.</param>
/// <param name="FirstNumber">The number of the first round.</param>
/// <param name="EndPosition">The block boundary after the last round.</param>
internal readonly record struct JournalRange(
    long FileNumber,
    ulong Epoch,
    long FirstPosition,
    ulong FirstNumber,
    long EndPosition
);

/// <summary>The last round, if it was written only in part.</summary>
/// <param name="FileNumber">The file.</param>
/// <param name="Position">The position of the round.</param>
internal readonly record struct TornRound(long FileNumber, long Position);

/// <summary>A journal file without a needed round.</summary>
/// <param name="Number">The file's number.</param>
/// <param name="SizeBytes">The file's length. Another program may have truncated it.</param>
internal readonly record struct FreeFile(long Number, long SizeBytes);

/// <summary>
/// The contents of a journal's directory (api/FORMAT.md §9). A scan reads every file once, one round at a time, and
/// changes nothing.
/// </summary>
internal sealed class JournalScan
{
    /// <summary>
    /// The directory of unplaced entries, in the journal's directory. Their topic or segment is absent.
    /// </summary>
    public const string UnplacedName = "unplaced";

    readonly HashSet<ulong> _epochs = [];

    JournalScan() { }

    /// <summary>
    /// The rounds that count, in order. With <see cref="Damage"/>: every round found that may be needed, with gaps.
    /// </summary>
    public IReadOnlyList<JournalRange> Rounds { get; private set; } = [];

    /// <summary>The highest number of any valid round, or 0. The next round has the number after it.</summary>
    public ulong LastNumber { get; private set; }

    /// <summary>The head checksum of the round with <see cref="LastNumber"/>, or 0.</summary>
    public uint LastHeadChecksum { get; private set; }

    /// <summary>The oldest round that the last round still needs. 0 without any round.</summary>
    public ulong OldestNeeded { get; private set; }

    /// <summary>A number that no file has had, unless the file was removed.</summary>
    public long NextFileNumber { get; private set; } = 1;

    /// <summary>
    /// The files without a round that counts, by number. Empty with <see cref="Damage"/>, because nothing is reused
    /// then.
    /// </summary>
    public IReadOnlyList<FreeFile> FreeFiles { get; private set; } = [];

    /// <summary>Names of unfinished files. They may be removed.</summary>
    public IReadOnlyList<string> TemporaryNames { get; private set; } = [];

    /// <summary>Names in the directory that are not the journal's. They are left alone.</summary>
    public IReadOnlyList<string> ForeignNames { get; private set; } = [];

    /// <summary>Whether no file holds a round.</summary>
    public bool IsEmpty => LastNumber == 0;

    /// <summary>Why a needed round before the last one is missing or damaged. Null if all are valid.</summary>
    public string? Damage { get; private set; }

    /// <summary>The position of the damaged round. Null if it is missing, or if files contradict each other.</summary>
    public (string Path, long Position)? DamagedPosition { get; private set; }

    /// <summary>The last round if it is torn. It does not count.</summary>
    public TornRound? TornRound { get; private set; }

    /// <summary>Returns whether some file's rounds have this epoch.</summary>
    public bool ContainsEpoch(ulong epoch) => _epochs.Contains(epoch);

    /// <summary>Scans a journal's directory.</summary>
    /// <param name="fileSystem">The disk.</param>
    /// <param name="directory">The journal's directory. A missing directory is an empty journal.</param>
    /// <exception cref="IOException">A file can't be read.</exception>
    /// <exception cref="NotSupportedException">A newer version wrote a round.</exception>
    public static JournalScan Read(IFileSystem fileSystem, string directory)
    {
        var scan = new JournalScan();
        var files = scan.ReadFiles(fileSystem, directory);
        foreach (var file in files)
        {
            if (file.HasRounds)
                scan._epochs.Add(file.Epoch!.Value);
            scan.CountRound(file.LastNumber, file.LastHeadChecksum);
            scan.CountRound(file.StrayNumber, file.StrayHeadChecksum);
        }
        var chain = scan.FindChain(fileSystem, files);
        if (scan.Damage is not null)
        {
            var found = files.FindAll(file => file.HasRounds && file.LastNumber >= scan.OldestNeeded);
            scan.Rounds = scan.RangesOf(fileSystem, found);
        }
        else
        {
            scan.Rounds = scan.RangesOf(fileSystem, chain);
            var free = files.Except(chain);
            scan.FreeFiles = [.. free.Select(static file => new FreeFile(file.FileNumber, file.SizeBytes))];
            scan.TornRound = files
                .Where(file => file.TornNumber == 0 || file.TornNumber == scan.LastNumber + 1)
                .Select(static file => new TornRound(file.FileNumber, file.EndPosition))
                .Cast<TornRound?>()
                .FirstOrDefault();
        }
        return scan;
    }

    /// <summary>
    /// Returns whether a file begins with a later round than this one. Reads the first head of each file.
    /// </summary>
    /// <exception cref="IOException">A file can't be read.</exception>
    public static bool AnyFileBeginsAfter(IFileSystem fileSystem, string directory, ulong round)
    {
        Span<byte> bytes = stackalloc byte[JournalFormat.HeadBytes];
        foreach (var entry in fileSystem.List(directory))
        {
            if (entry.IsDirectory || !JournalFile.TryParseName(entry.Name, out _))
                continue;
            using var file = fileSystem.Open(Path.Combine(directory, entry.Name));
            if (
                file.Read(bytes, 0) == bytes.Length
                && RoundHead.TryRead(bytes, out var head, out _)
                && head.Number > round
            )
                return true;
        }
        return false;
    }

    List<JournalFileRounds> ReadFiles(IFileSystem fileSystem, string directory)
    {
        List<JournalFileRounds> files = [];
        List<string> temporaryNames = [];
        List<string> foreignNames = [];
        foreach (var entry in fileSystem.List(directory).OrderBy(static entry => entry.Name, StringComparer.Ordinal))
        {
            if (!entry.IsDirectory && JournalFile.TryParseName(entry.Name, out var number))
            {
                var path = Path.Combine(directory, entry.Name);
                using var file = fileSystem.Open(path);
                files.Add(JournalFileRounds.Read(file, path, number));
                NextFileNumber = Math.Max(NextFileNumber, number + 1);
            }
            else if (!entry.IsDirectory && JournalFile.IsTemporaryName(entry.Name))
            {
                temporaryNames.Add(entry.Name);
            }
            else if (!entry.IsDirectory || entry.Name != UnplacedName)
            {
                foreignNames.Add(entry.Name);
            }
        }
        TemporaryNames = temporaryNames;
        ForeignNames = foreignNames;
        return files;
    }

    void CountRound(ulong number, uint headChecksum)
    {
        if (number > LastNumber)
            (LastNumber, LastHeadChecksum) = (number, headChecksum);
    }

    /// <summary>
    /// Follows the rounds from the last one back to the oldest needed, by their head checksums. Sets
    /// <see cref="OldestNeeded"/> and <see cref="Damage"/>.
    /// </summary>
    List<JournalFileRounds> FindChain(IFileSystem fileSystem, List<JournalFileRounds> files)
    {
        var last = files
            .Where(static file => file.HasRounds)
            .OrderByDescending(static file => file.FirstNumber)
            .ThenByDescending(static file => file.LastNumber)
            .ThenByDescending(static file => file.FileNumber)
            .FirstOrDefault();
        if (last is null)
        {
            if (files.Find(static file => file.StrayNumber > 0) is { } stray)
                SetDamage(stray);
            return [];
        }
        OldestNeeded = last.LastHead.OldestNeeded;
        // The last round decides which rounds a reader may ignore, so it must be the one that was acknowledged.
        LastHeadChecksum = LastNumber == last.LastNumber ? last.LastHeadChecksum : LastHeadChecksum;
        var rival = files.Find(file =>
            file != last
            && (file.FirstNumber, file.LastNumber) == (last.FirstNumber, last.LastNumber)
            && !file.HasSameLastBody(last)
        );
        if (rival is not null)
            Damage = $"{last.Path} and {rival.Path} hold different rounds {last.LastNumber}.";
        List<JournalFileRounds> chain = [last];
        while (Damage is null && chain[0].FirstNumber > OldestNeeded)
        {
            if (FindPredecessor(fileSystem, files, chain[0]) is { } predecessor)
                chain.Insert(0, predecessor);
        }
        foreach (var file in files)
        {
            // A file outside the chain may have been reused, with its first round torn. Rounds of the older use follow
            // that one. As far as they matter, the chain has them too.
            var knownBelow = chain.Contains(file) ? OldestNeeded : last.LastNumber + 1;
            if (Damage is null && file.StrayNumber >= knownBelow)
                SetDamage(file);
            var isSuperseded = chain.Exists(other =>
                (other.FirstNumber == file.FirstNumber && other.LastNumber >= file.LastNumber)
                || other.FirstNumber == file.LastNumber
            );
            if (Damage is null && file.LastNumber >= OldestNeeded && !isSuperseded)
                Damage = $"{file.Path}: round {file.LastNumber} is needed, and the last round does not follow from it.";
        }
        return chain;
    }

    /// <summary>
    /// Returns the file whose rounds a file continues. Returns null, with <see cref="Damage"/>, if there is none.
    /// </summary>
    JournalFileRounds? FindPredecessor(IFileSystem fileSystem, List<JournalFileRounds> files, JournalFileRounds file)
    {
        var first = file.FirstNumber;
        JournalFileRounds? broken = null;
        foreach (var candidate in files)
        {
            if (!candidate.HasRounds || candidate.FirstNumber >= first || candidate.LastNumber + 1 < first)
                continue;
            if (candidate.Find(fileSystem, first).PreviousHeadChecksum != file.FirstPreviousHeadChecksum)
            {
                broken = candidate;
                continue;
            }
            // Only the round whose write or sync failed is written again, so nothing follows it in the failed file.
            if (candidate.LastNumber > first)
            {
                Damage =
                    $"{candidate.Path}: rounds {first} to {candidate.LastNumber} are there, and {file.Path} "
                    + $"begins with round {first} too.";
            }
            return candidate;
        }
        if (files.Find(other => other != file && other.StrayNumber >= OldestNeeded) is { Fault: not null } damaged)
        {
            SetDamage(damaged);
        }
        else if (broken is not null)
        {
            Damage = $"{file.Path}, position 0: round {first} does not continue round {first - 1} of {broken.Path}.";
        }
        else
        {
            Damage =
                $"Round {first - 1} is missing: {file.Path} begins with round {first}, and round {OldestNeeded} "
                + "is the oldest needed.";
        }
        return null;
    }

    void SetDamage(JournalFileRounds file)
    {
        Damage = $"{file.Path}, position {file.EndPosition}: {file.Fault}.";
        DamagedPosition = (file.Path, file.EndPosition);
    }

    List<JournalRange> RangesOf(IFileSystem fileSystem, List<JournalFileRounds> files)
    {
        List<JournalRange> ranges = [];
        var ordered = files.OrderBy(static file => file.FirstNumber).ThenBy(static file => file.LastNumber).ToArray();
        for (var i = 0; i < ordered.Length; i++)
        {
            var file = ordered[i];
            var end = file.LastNumber + 1;
            if (i + 1 < ordered.Length)
                end = Math.Min(end, ordered[i + 1].FirstNumber);
            var start = Math.Max(OldestNeeded, file.FirstNumber);
            if (start >= end)
                continue;
            var firstPosition = file.Find(fileSystem, start).Position;
            var endPosition = file.Find(fileSystem, end).Position;
            ranges.Add(new(file.FileNumber, file.Epoch!.Value, firstPosition, start, endPosition));
        }
        return ranges;
    }
}
