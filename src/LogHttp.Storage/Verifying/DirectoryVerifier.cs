using System.Globalization;
using LogHttp.Storage.Files;
using LogHttp.Storage.Journal;
using LogHttp.Storage.Layout;
using LogHttp.Storage.Partitions;
using LogHttp.Storage.Segments;

namespace LogHttp.Storage.Verifying;

/// <summary>
/// Verifies a data directory that no server has open: every byte of every segment and index, and all other files.
/// Changes nothing.
/// </summary>
public sealed class DirectoryVerifier
{
    readonly IFileSystem _fileSystem;
    readonly string _directory;
    readonly Action<Finding> _report;

    DirectoryVerifier(IFileSystem fileSystem, string directory, Action<Finding> report) =>
        (_fileSystem, _directory, _report) = (fileSystem, directory, report);

    int _topics;
    int _segments;
    long _bytes;

    /// <summary>Verifies all topics, or one, while holding the directory's lock.</summary>
    /// <param name="fileSystem">The disk. <see cref="ReadOnlyFileSystem"/> is enough.</param>
    /// <param name="directory">The data directory.</param>
    /// <param name="topic">The only topic to verify, or null.</param>
    /// <param name="report">Takes each finding at once.</param>
    /// <exception cref="DirectoryInUseException">Another process has the directory.</exception>
    /// <exception cref="IOException">The directory can't be read.</exception>
    public static VerifySummary Run(IFileSystem fileSystem, string directory, string? topic, Action<Finding> report)
    {
        ArgumentNullException.ThrowIfNull(fileSystem);
        ArgumentNullException.ThrowIfNull(report);
        using var directoryLock = TakeLock(fileSystem, directory);
        return new DirectoryVerifier(fileSystem, directory, report).Run(topic);
    }

    static IDisposable TakeLock(IFileSystem fileSystem, string directory)
    {
        try
        {
            return fileSystem.Lock(Path.Combine(directory, DirectoryLayout.LockName));
        }
        catch (IOException exception)
        {
            throw new DirectoryInUseException(
                $"The data directory {directory} is in use by another process: {exception.Message}",
                exception
            );
        }
    }

    VerifySummary Run(string? only)
    {
        var topics = Path.Combine(_directory, DirectoryLayout.TopicsName);
        var found = _fileSystem
            .List(topics)
            .Where(entry => only is null || entry.Name == only)
            .OrderBy(static entry => entry.Name, StringComparer.Ordinal)
            .ToArray();
        if (only is not null && found.Length == 0)
            throw new IOException($"There is no topic \"{only}\" in {_directory}.");
        if (only is null)
        {
            CheckSurroundings();
            new JournalVerifier(_fileSystem, _directory, _report).Run();
        }
        foreach (var entry in found)
        {
            var path = Path.Combine(topics, entry.Name);
            if (entry.Name == JournalMark.Name && !entry.IsDirectory)
                continue;
            if (!entry.IsDirectory || TopicName.Check(entry.Name) is not null)
                Note(path, "no topic, so it is left alone");
            else
                CheckTopic(entry.Name, path);
        }
        return new(_topics, _segments, _bytes);
    }

    void CheckSurroundings()
    {
        foreach (
            var entry in _fileSystem.List(_directory).Where(static entry => !DirectoryLayout.Names.Contains(entry.Name))
        )
            Note(Path.Combine(_directory, entry.Name), "not of the log; it is left alone");
        foreach (var entry in _fileSystem.List(Path.Combine(_directory, DirectoryLayout.TemporaryName)))
            Note(
                Path.Combine(_directory, DirectoryLayout.TemporaryName, entry.Name),
                "an unfinished topic. The next start removes it"
            );
        foreach (var entry in _fileSystem.List(Path.Combine(_directory, DirectoryLayout.DeletedName)))
            Note(
                Path.Combine(_directory, DirectoryLayout.DeletedName, entry.Name),
                "the rest of a deleted topic. The next start removes it"
            );
    }

    void CheckTopic(string name, string path)
    {
        _topics++;
        var (file, reason) = Try(() => TopicFile.Read(_fileSystem, path), "there is none");
        if (file is null)
        {
            _report(new(FindingKind.Data, Path.Combine(path, TopicFile.Name), 0, 0, reason) { Topic = name });
            return;
        }
        var partitions = Enumerable
            .Range(0, file.Partitions)
            .ToDictionary(static number => number.ToString(CultureInfo.InvariantCulture));
        var names = _fileSystem.List(path).ToArray();
        foreach (
            var entry in names.Where(entry =>
                entry.IsDirectory
                    ? !partitions.ContainsKey(entry.Name)
                    : entry.Name != TopicFile.Name && entry.Name != FileSystemExtensions.TemporaryName(TopicFile.Name)
            )
        )
            Note(
                Path.Combine(path, entry.Name),
                entry.IsDirectory && int.TryParse(entry.Name, NumberStyles.None, CultureInfo.InvariantCulture, out _)
                    ? "not of the topic; it is left alone. An interrupted growth may have left it, and the next growth "
                        + "replaces it if it has no records"
                    : "not of the topic; it is left alone",
                name
            );
        foreach (var (partition, number) in partitions)
        {
            var directory = Path.Combine(path, partition);
            if (!names.Any(entry => entry.IsDirectory && entry.Name == partition))
                _report(
                    new(FindingKind.Data, directory, 0, 0, "the partition is missing")
                    {
                        Topic = name,
                        Partition = number,
                    }
                );
            else
                CheckPartition(directory, finding => _report(finding with { Topic = name, Partition = number }));
        }
    }

    void CheckPartition(string directory, Action<Finding> report)
    {
        var checkpoint = ReadCheckpoint(directory, report);
        var lengths = ListSegments(directory, report);
        if (ReadManifest(directory, report) is { } manifest)
        {
            CheckNamed(directory, manifest, checkpoint, lengths, report);
            return;
        }
        var baseOffsets = lengths.Keys.Order().ToArray();
        var lastFilled = Array.FindLastIndex(baseOffsets, baseOffset => lengths[baseOffset] > 0);
        // A start chooses the same: the last segment with records, or the empty one behind it that the checkpoint
        // names.
        var active = Math.Max(
            lastFilled,
            checkpoint is null ? -1 : Array.IndexOf(baseOffsets, checkpoint.Durable.BaseOffset)
        );
        var nextOffset = checkpoint?.LogStartOffset;
        for (var number = 0; number < baseOffsets.Length; number++)
        {
            var paths = new SegmentPaths(
                baseOffsets[number],
                Path.Combine(directory, SegmentLayout.DataName(baseOffsets[number])),
                Path.Combine(directory, SegmentLayout.IndexName(baseOffsets[number]))
            );
            var lengthBytes = lengths[paths.BaseOffset];
            if (lengthBytes == 0 && number != active && !HadRecords(paths, isFollowed: number < lastFilled))
            {
                report(
                    new(
                        FindingKind.Note,
                        paths.Data,
                        0,
                        0,
                        "an empty segment that was never used. The next start removes it"
                    )
                    {
                        Segment = paths.BaseOffset,
                    }
                );
                continue;
            }
            CheckContinuity(paths, nextOffset, isFirst: number == 0, report);
            nextOffset = CheckSegment(paths, lengthBytes, number < active, checkpoint?.Durable, report);
        }
        if (checkpoint is not null && (nextOffset ?? 0) < checkpoint.Durable.NextOffset)
            report(
                new(
                    FindingKind.Data,
                    directory,
                    0,
                    0,
                    $"the log ends before offset {nextOffset ?? 0}, but all before "
                        + $"{checkpoint.Durable.NextOffset} was durable: a segment is missing"
                )
            );
    }

    ManifestState? ReadManifest(string directory, Action<Finding> report)
    {
        var path = Path.Combine(directory, SegmentManifest.Name);
        var (manifest, reason) = Try(
            () => SegmentManifest.Load(_fileSystem, directory),
            "there is none. The next start builds it from the segments that are there"
        );
        if (manifest is null)
            report(new(FindingKind.Index, path, 0, 0, $"the manifest can't be used: {reason}"));
        return manifest?.State;
    }

    /// <summary>Checks that the files that the manifest names exist, with its lengths, and are whole.</summary>
    void CheckNamed(
        string directory,
        ManifestState state,
        Checkpoint? checkpoint,
        Dictionary<long, long> lengths,
        Action<Finding> report
    )
    {
        var logStartOffset = Math.Max(state.LogStartOffset, checkpoint?.LogStartOffset ?? 0);
        ReportUnnamed(directory, state, logStartOffset, lengths, report);
        long? nextOffset = logStartOffset;
        for (var number = 0; number < state.Segments.Count; number++)
        {
            var named = state.Segments[number];
            var isLast = number == state.Segments.Count - 1;
            // The log start in the checkpoint lies beyond this segment, so a trim may have removed it.
            if (!isLast && state.Segments[number + 1].BaseOffset <= logStartOffset)
                continue;
            var paths = new SegmentPaths(
                named.BaseOffset,
                Path.Combine(directory, SegmentLayout.DataName(named.BaseOffset)),
                Path.Combine(directory, SegmentLayout.IndexName(named.BaseOffset))
            );
            if (!lengths.TryGetValue(named.BaseOffset, out var lengthBytes))
            {
                var reason = named.Extent is { } extent
                    ? $"offsets {named.BaseOffset} to {extent.EndOffset - 1} are missing: there is no such file"
                    : "the active segment is missing";
                report(new(FindingKind.Data, paths.Data, 0, 0, reason) { Segment = named.BaseOffset });
                nextOffset = named.Extent?.EndOffset ?? named.BaseOffset;
                continue;
            }
            CheckContinuity(paths, nextOffset, isFirst: nextOffset == logStartOffset, report);
            nextOffset = CheckSegment(paths, lengthBytes, !isLast, checkpoint?.Durable, report);
        }
        if (checkpoint is not null && nextOffset < checkpoint.Durable.NextOffset)
        {
            report(
                new(
                    FindingKind.Data,
                    directory,
                    0,
                    0,
                    $"the log ends before offset {nextOffset}, but all before {checkpoint.Durable.NextOffset} was "
                        + "durable"
                )
            );
        }
    }

    static void ReportUnnamed(
        string directory,
        ManifestState state,
        long logStartOffset,
        Dictionary<long, long> lengths,
        Action<Finding> report
    )
    {
        var named = state.Segments.Select(static segment => segment.BaseOffset).ToHashSet();
        foreach (var (baseOffset, lengthBytes) in lengths.OrderBy(static pair => pair.Key))
        {
            if (named.Contains(baseOffset))
                continue;
            var isLeftover = lengthBytes == 0 || baseOffset < logStartOffset;
            var (kind, reason) = isLeftover
                ? (FindingKind.Note, "an interrupted roll or trim left it. The next start removes it")
                : (FindingKind.Data, "it holds records, and the manifest does not name it");
            var path = Path.Combine(directory, SegmentLayout.DataName(baseOffset));
            report(new(kind, path, 0, lengthBytes, reason) { Segment = baseOffset });
        }
    }

    Checkpoint? ReadCheckpoint(string directory, Action<Finding> report)
    {
        var path = Path.Combine(directory, Checkpoint.Name);
        var why = "";
        var (checkpoint, reason) = Try(
            () => Checkpoint.Read(_fileSystem, path, new ProducerLimits(int.MaxValue, long.MaxValue), out why),
            "there is none"
        );
        if (checkpoint is null)
            report(
                new(
                    FindingKind.Index,
                    path,
                    0,
                    0,
                    $"the checkpoint can't be used: {(why.Length > 0 ? why : reason)}; the next start reads all "
                        + "segments instead"
                )
            );
        return checkpoint;
    }

    Dictionary<long, long> ListSegments(string directory, Action<Finding> report)
    {
        var entries = _fileSystem.List(directory);
        var lengths = new Dictionary<long, long>();
        foreach (var entry in entries.Where(static entry => !entry.IsDirectory))
        {
            if (SegmentLayout.TryParseDataName(entry.Name, out var baseOffset))
                lengths.Add(baseOffset, entry.LengthBytes);
        }
        foreach (var entry in entries.OrderBy(static entry => entry.Name, StringComparer.Ordinal))
        {
            var path = Path.Combine(directory, entry.Name);
            if (entry.IsDirectory)
                report(new(FindingKind.Note, path, 0, 0, "not of the log; it is left alone"));
            else if (SegmentLayout.TryParseIndexName(entry.Name, out var indexed) && !lengths.ContainsKey(indexed))
                report(
                    new(
                        FindingKind.Note,
                        path,
                        0,
                        0,
                        "an index without a segment, from an interrupted removal. The next start removes it"
                    )
                );
            else if (entry.Name.EndsWith(SegmentLayout.TornSuffix, StringComparison.Ordinal))
                report(
                    new(
                        FindingKind.Note,
                        path,
                        0,
                        entry.LengthBytes,
                        "the rest of an unacknowledged append before a crash. It may be deleted"
                    )
                );
            else if (
                !SegmentLayout.TryParseDataName(entry.Name, out _)
                && !SegmentLayout.TryParseIndexName(entry.Name, out _)
                && !PartitionLayout.Contains(entry.Name)
            )
                report(new(FindingKind.Note, path, 0, 0, "not of the log; it is left alone"));
        }
        return lengths;
    }

    /// <summary>
    /// Whether an empty segment once had records. A segment that never had any has no index entries when another
    /// follows it. A roll removes such entries durably before it creates the next segment.
    /// </summary>
    bool HadRecords(SegmentPaths paths, bool isFollowed)
    {
        if (!isFollowed)
            return false;
        using var index = TryOpen(paths.Index);
        return index?.LengthBytes >= IndexFile.PositionOf(1);
    }

    internal static void CheckContinuity(SegmentPaths paths, long? nextOffset, bool isFirst, Action<Finding> report)
    {
        if (nextOffset is not { } expected)
            return;
        // An index can't express a larger gap. There the offsets jumped, and no record is missing.
        if (paths.BaseOffset > expected && paths.BaseOffset - expected < uint.MaxValue)
            report(
                new(
                    FindingKind.Data,
                    paths.Data,
                    0,
                    0,
                    $"offsets {expected} to {paths.BaseOffset - 1} are missing before this segment"
                )
                {
                    Segment = paths.BaseOffset,
                }
            );
        else if (paths.BaseOffset < expected && !isFirst)
            report(
                new(FindingKind.Data, paths.Data, 0, 0, $"the segment before this one reaches to offset {expected - 1}")
                {
                    Segment = paths.BaseOffset,
                }
            );
    }

    /// <summary>Verifies one segment, and returns the offset after its last record.</summary>
    long CheckSegment(
        SegmentPaths paths,
        long lengthBytes,
        bool isSealed,
        SegmentCursor? durable,
        Action<Finding> report
    )
    {
        _segments++;
        _bytes += lengthBytes;
        // The bytes behind the checkpoint are no more than written lines. Index entries there may be older than those.
        var known =
            durable is { } cursor && cursor.BaseOffset == paths.BaseOffset
                ? cursor
                : new SegmentCursor(paths.BaseOffset);
        if (!isSealed && lengthBytes < known.Position)
            report(
                new(
                    FindingKind.Data,
                    paths.Data,
                    lengthBytes,
                    known.Position - lengthBytes,
                    $"the segment is {lengthBytes} bytes long, but {known.Position} bytes of it were durable"
                )
                {
                    Segment = paths.BaseOffset,
                }
            );
        var extent = isSealed
            ? new VerifiedExtent(lengthBytes)
            : new VerifiedExtent(lengthBytes, known.IndexEntries, known, MayBeTorn: true);
        try
        {
            using var data = _fileSystem.Open(paths.Data);
            using var index = TryOpen(paths.Index);
            using var verifier = new SegmentVerifier(paths, data, index, extent, report);
            foreach (var _ in verifier.Run()) { }
            return verifier.NextOffset;
        }
        catch (IOException exception)
        {
            report(
                new(FindingKind.Data, paths.Data, 0, lengthBytes, $"the disk can't read it: {exception.Message}")
                {
                    Segment = paths.BaseOffset,
                }
            );
            return paths.BaseOffset;
        }
    }

    IFile? TryOpen(string path)
    {
        try
        {
            return _fileSystem.Open(path);
        }
        catch (FileNotFoundException)
        {
            return null;
        }
    }

    static (T? Read, string Reason) Try<T>(Func<T?> read, string missing)
        where T : class
    {
        try
        {
            return (read(), "");
        }
        catch (FileNotFoundException)
        {
            return (null, missing);
        }
        catch (CorruptionException exception)
        {
            return (null, exception.Reason);
        }
        catch (Exception exception) when (exception is IOException or NotSupportedException)
        {
            return (null, exception.Message);
        }
    }

    void Note(string path, string reason, string? topic = null) =>
        _report(new(FindingKind.Note, path, 0, 0, reason) { Topic = topic });
}

/// <summary>The amount that was verified.</summary>
/// <param name="Topics">The number of topics.</param>
/// <param name="Segments">The number of segments.</param>
/// <param name="Bytes">The bytes of the segments.</param>
public sealed record VerifySummary(int Topics, int Segments, long Bytes);
