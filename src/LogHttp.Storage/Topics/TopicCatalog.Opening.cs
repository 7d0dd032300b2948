using System.Globalization;
using LogHttp.Storage.Files;
using LogHttp.Storage.Journal;
using LogHttp.Storage.Layout;
using LogHttp.Storage.Logs;
using LogHttp.Storage.Partitions;
using LogHttp.Storage.Segments;

namespace LogHttp.Storage.Topics;

// A start opens the directories, then the journal, then the topics.
public sealed partial class TopicCatalog
{
    static IDisposable TakeLock(IFileSystem fileSystem, string directory)
    {
        try
        {
            return fileSystem.Lock(Path.Combine(directory, DirectoryLayout.LockName));
        }
        catch (IOException exception)
        {
            throw new IOException(
                $"The data directory {directory} is in use by another process, or can't be written: "
                    + $"{exception.Message}",
                exception
            );
        }
    }

    void PrepareDirectories()
    {
        var fileSystem = _environment.FileSystem;
        fileSystem.CreateDirectory(TopicsDirectory);
        // A killed process may have moved a topic away without a sync. Its name must be gone durably before its files
        // are deleted.
        SyncTopics();
        fileSystem.DeleteDirectory(TemporaryDirectory);
        fileSystem.DeleteDirectory(DeletedDirectory);
        fileSystem.CreateDirectory(TemporaryDirectory);
        fileSystem.CreateDirectory(DeletedDirectory);
        fileSystem.CreateDirectory(JournalDirectory);
        fileSystem.SyncDirectory(_options.Directory);
        if (Path.GetDirectoryName(Path.TrimEndingDirectorySeparator(_options.Directory)) is { Length: > 0 } parent)
            fileSystem.SyncDirectory(parent);
    }

    /// <summary>Applies the journal to the segments, and takes it over.</summary>
    void OpenJournal()
    {
        var fileSystem = _environment.FileSystem;
        var recovery = JournalRecovery.Run(_environment, _options, _reserve, JournalDirectory, TopicsDirectory);
        var options = new JournalOptions(
            JournalDirectory,
            TopicsDirectory,
            _options.MinJournalFileBytes,
            _options.MaxJournalFileBytes,
            _options.MaxUnsyncedLogs
        );
        var commitScheduler = _environment.CommitScheduler ?? _commitThread!;
        var keeperScheduler = _environment.CommitScheduler ?? _keeperThread!;
        _journal = JournalWriter.Open(
            _environment,
            options,
            commitScheduler,
            keeperScheduler,
            _reserve,
            recovery.Start()
        );
        // Includes topics that can't be opened this time: their states must outlive the journal's present files.
        foreach (var (topicId, number, redo) in recovery.PresentPartitions)
        {
            var partition = _journal.PartitionFor(topicId, number);
            partition.SetState(redo.End!.Value);
            if (redo.Problem is not null)
                partition.MovedToUnplaced();
        }
        foreach (var ((topicId, partition, name), state) in recovery.GroupStates)
            _journal.GroupFor(new(topicId, partition, name)).SetState(state);
        _journaledVolume = fileSystem.VolumeOf(TopicsDirectory);
        _recovery = recovery;
    }

    void OpenTopics()
    {
        var entries = _environment
            .FileSystem.List(TopicsDirectory)
            .OrderBy(entry => entry.Name, StringComparer.Ordinal);
        _recoveries.ForEach(
            entries,
            entry =>
            {
                if (
                    !entry.IsDirectory
                    && (
                        entry.Name == JournalMark.Name
                        || entry.Name == FileSystemExtensions.TemporaryName(JournalMark.Name)
                    )
                )
                    return;
                var directory = Path.Combine(TopicsDirectory, entry.Name);
                if (!entry.IsDirectory || TopicName.Check(entry.Name) is not null)
                    StorageLog.ForeignFile(_environment.Logger, directory);
                else
                    TryOpenTopic(entry.Name, directory);
            }
        );
    }

    /// <summary>
    /// Opens a topic. If it can't be opened, the others are served all the same, and its name stays taken.
    /// </summary>
    void TryOpenTopic(string name, string directory)
    {
        try
        {
            // The journal could not be applied to this topic, even if its disk works again by now.
            if (_recovery?.Unreadable.TryGetValue(directory, out var fault) ?? false)
                throw fault;
            _topics[name] = OpenTopic(name, directory);
            _damagedTopics.TryRemove(name, out _);
            Interlocked.Increment(ref _topicsVersion);
            if (_isWaitingStopped)
                StopWaiting();
        }
        catch (IOException exception)
        {
            _damagedTopics[name] = exception.Message;
            Interlocked.Increment(ref _topicsVersion);
            // Nothing owns the segments that were opened.
            _openSegments.CloseIdle();
            StorageLog.TopicDamaged(_environment.Logger, exception, directory);
        }
    }

    Topic OpenTopic(string name, string directory)
    {
        var (file, fault) = TopicFileRecovery.ReadOrRebuild(_environment.FileSystem, directory);
        if (fault is not null)
        {
            WriteTopicFile(file, directory);
            StorageLog.TopicFileRebuilt(_environment.Logger, directory, fault);
        }
        // Before anything is written that an older server could misread.
        if (file.IsOfOlderFormat)
            Upgrade(file, directory);
        // Most topics have the defaults, and share that object.
        var configuration = file.Configuration == _options.TopicDefaults ? _options.TopicDefaults : file.Configuration;
        var partitions = OpenPartitions(new(name, file.Id, 0, configuration), directory, 0);
        return new Topic(name, file.Id, configuration, [.. partitions], file.FormerCounts);
    }

    /// <summary>Opens a topic's partitions from a number on.</summary>
    PartitionLog[] OpenPartitions(ManifestHeader topic, string directory, int first)
    {
        var configuration = topic.Configuration;
        var partitions = new PartitionLog[configuration.Partitions - first];
        _recoveries.ForEach(
            Enumerable.Range(first, partitions.Length),
            number =>
                partitions[number - first] = PartitionLog.Open(
                    Context(directory, topic with { Partition = number }),
                    _appendBudget,
                    configuration,
                    number
                )
        );
        // Counted only now: if one partition fails to open, nothing closes the others.
        foreach (var _ in partitions)
            _journal.Opened();
        return partitions;
    }

    void Upgrade(TopicFile file, string directory)
    {
        WriteTopicFile(TopicFile.For(file.Id, file.Configuration, file.FormerCounts), directory);
        StorageLog.TopicUpgraded(_environment.Logger, directory, file.Format, FormatVersion.Current);
    }

    void WriteTopicFile(TopicFile file, string directory) =>
        _reserve.Run(() => file.Write(_environment.FileSystem, directory));

    /// <exception cref="IOException">The partition's directory can't be opened.</exception>
    PartitionContext Context(string topicDirectory, ManifestHeader header, bool isMade = false)
    {
        var (id, number) = (header.TopicId, header.Partition);
        var directory = PartitionDirectory(topicDirectory, number);
        // A topic or a partition may be a mount or a link to another file system.
        var volume = _environment.FileSystem.VolumeOf(directory);
        if (!JournalRecovery.TryParseId(id, out var topicId))
            throw new CorruptionException(
                Path.Combine(topicDirectory, TopicFile.Name),
                0,
                $"the id \"{id}\" is no hexadecimal number of 64 bits"
            );
        // Creating a topic may fail, so the journal learns of it once it is opened.
        var partition = isMade ? new JournalPartition(topicId, number) : _journal.PartitionFor(topicId, number);
        var source = new JournalEndSource(IsMarked: true, IsRedone: false, IsRecorded: false, Problem: null);
        if (_recovery is { } recovery)
        {
            var redo = recovery.Find(topicId, number);
            source = new(
                IsMarked: !recovery.IsUnmarked,
                IsRedone: redo is not null,
                recovery.RecordsEnds,
                recovery.Damage ?? redo?.Problem
            );
        }
        return new(
            _environment,
            _options,
            _syncers.For(volume),
            _openSegments,
            _coldReads,
            _reserve,
            _journal,
            partition,
            source,
            volume == _journaledVolume,
            header,
            directory
        );
    }

    /// <summary>
    /// Records the ends of the partitions under a new epoch. The catalog is not in use before that, because a start may
    /// have read bytes that are in the page cache only.
    /// </summary>
    void TakeOverJournal()
    {
        var recovery = _recovery!;
        _recovery = null;
        if (recovery is { RecordsEnds: true, Scan: { } scan })
        {
            if (_journal.RecordEnds(scan.Rounds, scan.OldestNeeded, _journal.KnownSubjects))
                recovery.RemovePlaced(static (_, _) => true);
            return;
        }
        if (recovery.Damage is null)
            _journal.MarkEmpty(isNew: recovery.IsUnmarked);
        // No round has the ends. The checkpoint of a partition that takes appends has its end.
        var topics = _topics.Values.ToDictionary(static topic => topic.Id, StringComparer.Ordinal);
        recovery.RemovePlaced(
            (topicId, partition) =>
                topics.TryGetValue(topicId.ToString("x16", CultureInfo.InvariantCulture), out var topic)
                && partition < topic.Partitions.Length
                && topic.Partitions[partition].StoppedReason is null
        );
    }
}
