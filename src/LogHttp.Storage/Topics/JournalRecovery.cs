using System.Globalization;
using LogHttp.Storage.Files;
using LogHttp.Storage.Journal;
using LogHttp.Storage.Layout;
using LogHttp.Storage.Partitions;
using LogHttp.Storage.Segments;

namespace LogHttp.Storage.Topics;

/// <summary>
/// Applies the journal at the start, before any partition is opened: writes the records of its rounds into the segments
/// again, in order, and finds out where each partition ends. Changes nothing in the journal.
/// </summary>
/// <remarks>
/// Entries are streamed, twice where some have no place; memory is bounded by the number of partitions. Repeating it
/// after a crash gives the same result, for the journal's files stay until the ends are recorded again.
/// </remarks>
[System.Diagnostics.CodeAnalysis.SuppressMessage(
    "Design",
    "CA1001:Types that own disposable fields should be disposable",
    Justification = "Run disposes of the files."
)]
internal sealed class JournalRecovery
{
    readonly StorageEnvironment _environment;
    readonly string _journalDirectory;
    readonly JournalMark? _mark;
    readonly Dictionary<(ulong TopicId, int Number), JournalRedo> _partitions = [];
    readonly Dictionary<ulong, string> _topicDirectories = [];
    readonly RedoFiles _files;
    readonly DiskReserve _reserve;
    readonly UnplacedEntries _unplaced;
    ulong _lastRound;
    uint _lastHeadChecksum;

    JournalRecovery(
        StorageEnvironment environment,
        StorageOptions options,
        DiskReserve reserve,
        string journalDirectory,
        JournalMark? mark
    )
    {
        (_environment, _reserve, _journalDirectory, _mark) = (environment, reserve, journalDirectory, mark);
        _files = new RedoFiles(environment.FileSystem, options.SyncAllThreshold);
        _unplaced = new UnplacedEntries(environment.FileSystem, journalDirectory, environment.NewId);
        (_lastRound, _lastHeadChecksum) = (mark?.LastRound ?? 0, mark?.LastHeadChecksum ?? 0);
    }

    /// <summary>
    /// What the journal's files hold; null where the mark says that none is needed, and nobody looked.
    /// </summary>
    public JournalScan? Scan { get; private set; }

    /// <summary>Why nothing may be cut, and nothing appended that needs the journal; null where all is well.</summary>
    public string? Damage { get; private set; }

    /// <summary>
    /// Whether an operator, or an upgrade from a version without a journal, left the directory without a mark.
    /// </summary>
    public bool IsUnmarked => _mark is null;

    /// <summary>
    /// Whether the ends that were found are recorded under a new epoch. Entries out of their place alone are not.
    /// </summary>
    public bool RecordsEnds => Damage is null && _mark is { IsEmpty: false } && Scan is { Rounds.Count: > 0 };

    /// <summary>
    /// Topics that could not be told from others, by directory: they must not be opened before the next start.
    /// </summary>
    public Dictionary<string, IOException> Unreadable { get; } = new(StringComparer.Ordinal);

    /// <summary>The last states of groups, by topic id, partition and name.</summary>
    public Dictionary<(ulong TopicId, int Partition, long Name), byte[]> GroupStates { get; } = [];

    /// <summary>
    /// Applies what the journal holds. On a full disk, where segments have to grow, it takes the reserve for it.
    /// </summary>
    /// <exception cref="IOException">The disk can't be read or written.</exception>
    /// <exception cref="NotSupportedException">A newer version wrote the journal.</exception>
    public static JournalRecovery Run(
        StorageEnvironment environment,
        StorageOptions options,
        DiskReserve reserve,
        string journalDirectory,
        string topicsDirectory
    )
    {
        var mark = JournalMark.Read(environment.FileSystem, topicsDirectory);
        var recovery = new JournalRecovery(environment, options, reserve, journalDirectory, mark);
        var unplaced = recovery._unplaced.List();
        // Where no mark needs them the files say nothing, but the numbers of their rounds are used up. An empty mark
        // names the last one, unless a process has failed to write the next mark.
        if (
            mark is null
            || (
                mark.IsEmpty && JournalScan.AnyFileBeginsAfter(environment.FileSystem, journalDirectory, mark.LastRound)
            )
        )
            recovery.SetLastRound(JournalScan.Read(environment.FileSystem, journalDirectory));
        if (mark is null or { IsEmpty: true } && unplaced.Count == 0)
            return recovery;
        recovery.FindTopics(topicsDirectory);
        using var files = recovery._files;
        foreach (var (topicId, partition, _) in unplaced)
            recovery._unplaced.ReadAll(topicId, partition, recovery.Apply);
        if (mark is { IsEmpty: false })
            recovery.ApplyJournal(mark);
        recovery._files.SyncAll();
        recovery.KeepUnplaced();
        return recovery;
    }

    /// <summary>
    /// Where the journal is continued: numbers go on, and only files are used that hold nothing that is needed.
    /// </summary>
    public JournalStart Start()
    {
        var fileSystem = _environment.FileSystem;
        var used =
            Scan is { } scan && Damage is null ? scan.Rounds.Select(static range => range.FileNumber).ToHashSet() : [];
        var numbers = fileSystem
            .List(_journalDirectory)
            .Select(static entry =>
                !entry.IsDirectory && JournalFile.TryParseName(entry.Name, out var number) ? number : 0
            )
            .Where(static number => number > 0)
            .Order()
            .ToArray();
        return new(
            _lastRound,
            _lastHeadChecksum,
            numbers.Length == 0 ? 1 : numbers[^1] + 1,
            [.. numbers.Where(number => !used.Contains(number))],
            Damage
        );
    }

    /// <summary>The partitions that are there, and of which the journal says where they end.</summary>
    public IEnumerable<(ulong TopicId, int Number, JournalRedo Redo)> Present =>
        _partitions
            .Where(static pair => pair.Value is { IsPresent: true, End: not null })
            .Select(static pair => (pair.Key.TopicId, pair.Key.Number, pair.Value));

    /// <summary>What was found of a partition; null where the journal says nothing of it.</summary>
    public JournalRedo? Find(ulong topicId, int number) => _partitions.GetValueOrDefault((topicId, number));

    /// <summary>
    /// Entries that have found their place are needed no more, once the end that they say is recorded.
    /// </summary>
    /// <param name="isRecorded">
    /// Whether the end of a topic's partition is durable, in the journal or in its checkpoint.
    /// </param>
    public void RemovePlaced(Func<ulong, int, bool> isRecorded)
    {
        foreach (var (topicId, partition, _) in _unplaced.List())
        {
            if (Find(topicId, partition) is { IsPresent: true, Problem: null } && isRecorded(topicId, partition))
                _unplaced.Remove(topicId, partition);
        }
    }

    void FindTopics(string topicsDirectory)
    {
        foreach (var entry in _environment.FileSystem.List(topicsDirectory))
        {
            if (!entry.IsDirectory || TopicName.Check(entry.Name) is not null)
                continue;
            var directory = Path.Combine(topicsDirectory, entry.Name);
            try
            {
                var id = TopicFileRecovery.ReadOrRebuild(_environment.FileSystem, directory).File.Id;
                if (TryParseId(id, out var topicId))
                    _topicDirectories[topicId] = directory;
            }
            catch (IOException exception)
            {
                // Not mounted, or damaged: its entries are kept until it is back.
                Unreadable.Add(directory, exception);
            }
        }
    }

    /// <summary>A topic's id as the journal has it.</summary>
    public static bool TryParseId(string id, out ulong topicId) =>
        ulong.TryParse(id, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out topicId);

    void SetLastRound(JournalScan scan) => (_lastRound, _lastHeadChecksum) = (scan.LastNumber, scan.LastHeadChecksum);

    void ApplyJournal(JournalMark mark)
    {
        var scan = JournalScan.Read(_environment.FileSystem, _journalDirectory);
        Scan = scan;
        SetLastRound(scan);
        Damage =
            scan.Damage
            ?? (
                scan.ContainsEpoch(mark.Epoch)
                    ? null
                    : string.Create(
                        CultureInfo.InvariantCulture,
                        $"{_journalDirectory} does not hold the journal of this directory, whose epoch is "
                            + $"{mark.Epoch:x16}"
                    )
            );
        if (Damage is not null)
        {
            StorageLog.JournalDamaged(_environment.Logger, _journalDirectory, Damage);
            return;
        }
        Read(Apply);
        StorageLog.JournalApplied(_environment.Logger, _partitions.Count, scan.LastNumber);
    }

    void Read(JournalEntryHandler handler)
    {
        if (Scan is { IsEmpty: false } scan)
            JournalReader.Read(
                _environment.FileSystem,
                _journalDirectory,
                scan.Rounds,
                scan.OldestNeeded,
                scan.LastNumber,
                handler
            );
    }

    void Apply(in JournalEntry entry, ReadOnlySpan<byte> payload, ulong round)
    {
        if (entry.Kind == JournalEntryKind.GroupState)
        {
            GroupStates[(entry.TopicId, entry.Partition, entry.SegmentBaseOffset)] = payload.ToArray();
            return;
        }
        var partition = FindOrAdd(entry);
        partition.Decide(entry, payload.Length);
        if (entry.Kind != JournalEntryKind.Records || !partition.IsPresent || partition.Problem is not null)
            return;
        try
        {
            ApplyRecords(partition, entry, payload);
        }
        catch (FileNotFoundException)
        {
            // The log's start is proof that the segment was trimmed. Without one it must be somewhere.
            if (entry.SegmentBaseOffset >= partition.LogStartOffset(_environment.FileSystem))
                partition.Problem = string.Create(
                    CultureInfo.InvariantCulture,
                    $"segment {entry.SegmentBaseOffset} is missing, and the journal has records of it"
                );
        }
    }

    void ApplyRecords(JournalRedo partition, in JournalEntry entry, ReadOnlySpan<byte> payload)
    {
        var file = _files.Open(Path.Combine(partition.Directory!, SegmentLayout.DataName(entry.SegmentBaseOffset)));
        var lengthBytes = file.LengthBytes;
        if (entry.Position > lengthBytes)
        {
            partition.Problem = string.Create(
                CultureInfo.InvariantCulture,
                $"segment {entry.SegmentBaseOffset} is {lengthBytes} bytes long, and the journal goes on at "
                    + $"position {entry.Position}"
            );
            return;
        }
        // Also what seems to be there: after a failed sync the page cache holds bytes that are not on the disk.
        try
        {
            file.Write(payload, entry.Position);
        }
        catch (DiskFullException)
        {
            var (bytes, position) = (payload.ToArray(), entry.Position);
            if (!_reserve.TryUse(() => file.Write(bytes, position)))
                throw;
        }
    }

    JournalRedo FindOrAdd(in JournalEntry entry)
    {
        var key = (entry.TopicId, entry.Partition);
        if (_partitions.TryGetValue(key, out var partition))
            return partition;
        var directory = _topicDirectories.TryGetValue(entry.TopicId, out var topicDirectory)
            ? Path.Combine(topicDirectory, entry.Partition.ToString(CultureInfo.InvariantCulture))
            : null;
        partition = new JournalRedo(
            directory,
            directory is not null && _environment.FileSystem.List(directory).Count > 0
        );
        _partitions.Add(key, partition);
        return partition;
    }

    /// <summary>Keeps entries outside the rotation that have no place now and whose absence is not proven.</summary>
    void KeepUnplaced()
    {
        if (Damage is not null || !_partitions.Values.Any(static partition => partition.IsUnplaced))
            return;
        Read(
            (in JournalEntry entry, ReadOnlySpan<byte> payload, ulong _) =>
            {
                if (
                    entry.Kind != JournalEntryKind.GroupState
                    && Find(entry.TopicId, entry.Partition) is { IsUnplaced: true }
                )
                    _unplaced.Add(entry, payload);
            }
        );
        _unplaced.Flush();
        foreach (var (key, partition) in _partitions.Where(static pair => pair.Value.IsUnplaced))
            StorageLog.EntriesUnplaced(
                _environment.Logger,
                partition.Directory ?? key.TopicId.ToString("x16", CultureInfo.InvariantCulture),
                partition.Problem ?? "the topic is not there"
            );
    }
}

/// <summary>What the journal says of one partition.</summary>
/// <param name="directory">Its directory; null where its topic is absent.</param>
/// <param name="isPresent">Whether the directory is there and holds something.</param>
internal sealed class JournalRedo(string? directory, bool isPresent)
{
    long? _logStartOffset;
    bool _isDeleted;

    public string? Directory => directory;

    public bool IsPresent => isPresent;

    /// <summary>
    /// What the last entry says: SyncedUpTo, with where the partition ends, or JournalingEnds. The last one decides,
    /// not the furthest.
    /// </summary>
    public JournalEntry? End { get; private set; }

    /// <summary>Why records of it could not be written into its segments, or null.</summary>
    public string? Problem { get; set; }

    /// <summary>Whether its entries must be kept: it can't take them now, and it was not deleted.</summary>
    public bool IsUnplaced => !_isDeleted && (!isPresent || Problem is not null);

    public void Decide(in JournalEntry entry, int payloadBytes)
    {
        switch (entry.Kind)
        {
            case JournalEntryKind.TopicDeleted:
                _isDeleted = true;
                break;
            case JournalEntryKind.JournalingEnds:
                End = entry;
                break;
            default:
                End = entry with { Kind = JournalEntryKind.SyncedUpTo, Position = entry.Position + payloadBytes };
                break;
        }
    }

    /// <summary>
    /// Where the partition's log begins, by its checkpoint or its manifest; 0 where neither can be read.
    /// </summary>
    public long LogStartOffset(IFileSystem fileSystem)
    {
        if (_logStartOffset is { } known)
            return known;
        try
        {
            _logStartOffset =
                Checkpoint
                    .Read(fileSystem, Path.Combine(directory!, Checkpoint.Name), ProducerLimits.None, out _)
                    ?.LogStartOffset
                ?? 0;
        }
        catch (FileNotFoundException)
        {
            _logStartOffset = 0;
        }
        if (
            SegmentManifest.TryLoad(fileSystem, directory!) is { State.LogStartOffset: var startOffset }
            && startOffset > _logStartOffset
        )
            _logStartOffset = startOffset;
        return _logStartOffset.Value;
    }
}
