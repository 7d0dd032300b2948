using System.Globalization;
using LogHttp.Storage.Files;
using LogHttp.Storage.Journal;
using LogHttp.Storage.Layout;
using LogHttp.Storage.Partitions;
using LogHttp.Storage.Segments;

namespace LogHttp.Storage.Topics;

/// <summary>
/// Applies the journal at the start, before any partition is opened. It writes the records of the journal's rounds into
/// the segments again, in order, and finds the end of each partition. Changes nothing in the journal.
/// </summary>
/// <remarks>
/// It streams the entries, twice if some have no place. The number of partitions bounds its memory. Repeating it after
/// a crash gives the same result, because the journal's files stay until the ends are recorded again.
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
    /// The content of the journal's files, or null if the mark says that none is needed. Then the files were not read.
    /// </summary>
    public JournalScan? Scan { get; private set; }

    /// <summary>Why no segment may be cut, and no append that needs the journal is taken. Or null.</summary>
    public string? Damage { get; private set; }

    /// <summary>
    /// Whether an operator, or an upgrade from a version without a journal, left the directory without a mark.
    /// </summary>
    public bool IsUnmarked => _mark is null;

    /// <summary>
    /// Whether the found ends are recorded under a new epoch. Unplaced entries alone do not need that.
    /// </summary>
    public bool RecordsEnds => Damage is null && _mark is { IsEmpty: false } && Scan is { Rounds.Count: > 0 };

    /// <summary>
    /// Topics whose id could not be read, by directory. They must not be opened before the next start.
    /// </summary>
    public Dictionary<string, IOException> Unreadable { get; } = new(StringComparer.Ordinal);

    /// <summary>The last states of groups, by topic id, partition and name.</summary>
    public Dictionary<(ulong TopicId, int Partition, long Name), byte[]> GroupStates { get; } = [];

    /// <summary>Applies the journal. If segments have to grow on a full disk, it uses the reserve for that.</summary>
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
        // If no mark needs the files, their content has no effect, but the numbers of their rounds are used up. An
        // empty mark names the last one, unless a process has failed to write the next mark.
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
    /// Returns the point at which the journal continues. The numbers continue, and only unneeded files are reused.
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

    /// <summary>The existing partitions whose ends the journal has.</summary>
    public IEnumerable<(ulong TopicId, int Number, JournalRedo Redo)> PresentPartitions =>
        _partitions
            .Where(static pair => pair.Value is { IsPresent: true, End: not null })
            .Select(static pair => (pair.Key.TopicId, pair.Key.Number, pair.Value));

    /// <summary>Returns the findings on a partition, or null if the journal has none.</summary>
    public JournalRedo? Find(ulong topicId, int number) => _partitions.GetValueOrDefault((topicId, number));

    /// <summary>Removes unplaced entries that have found their place, once the partition's end is recorded.</summary>
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
                // Not mounted, or damaged. The topic's entries are kept until it is back.
                Unreadable.Add(directory, exception);
            }
        }
    }

    /// <summary>Reads a topic's id as the journal has it.</summary>
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
            // The log's start proves that the segment was trimmed. Without that proof, the segment must exist.
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
        // Also writes bytes that are in the file: after a failed sync, the page cache has bytes that are not on the
        // disk.
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

    /// <summary>Keeps entries outside the rotation if they have no place now and their absence is not proven.</summary>
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

/// <summary>The journal's findings on one partition.</summary>
/// <param name="directory">The partition's directory, or null if its topic is absent.</param>
/// <param name="isPresent">Whether the directory exists and has content.</param>
internal sealed class JournalRedo(string? directory, bool isPresent)
{
    long? _logStartOffset;
    bool _isDeleted;

    public string? Directory => directory;

    public bool IsPresent => isPresent;

    /// <summary>
    /// The last entry: SyncedUpTo, with the end of the partition, or JournalingEnds. The last one decides, not the
    /// furthest.
    /// </summary>
    public JournalEntry? End { get; private set; }

    /// <summary>Why its records could not be written into its segments, or null.</summary>
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
    /// Returns the log's start by the partition's checkpoint or manifest, or 0 if neither can be read.
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
