using LogHttp.Storage.Journal;
using LogHttp.Storage.Topics;
using LogHttp.Testing;

namespace LogHttp.Storage.Tests.Simulation;

// Topics, or the journal, on disks of their own. Some are not mounted at a start and return at a later one. Then no
// acknowledged record is lost, and nothing was cut meanwhile.
sealed partial class StorageSimulation
{
    const string JournalDirectory = $"{DataDirectory}/journal";
    const string TopicsDirectory = $"{DataDirectory}/topics";
    const string StagingDirectory = "/staging";

    /// <summary>Null in five of six runs, which have one volume.</summary>
    readonly Random? _volumeRandom;

    /// <summary>The number of topics moved to volumes of their own.</summary>
    readonly int _topicVolumeCount;
    readonly Dictionary<NameModel, SimulatedVolume> _topicVolumes = [];
    readonly HashSet<NameModel> _unmounted = [];
    SimulatedVolume? _journalVolume;

    /// <summary>While the journal's disk is missing, nothing may be cut and everything is read-only.</summary>
    bool _isJournalMissing;

    void MountJournal()
    {
        if (_volumeRandom is null || _volumeRandom.Next(2) == 0)
            return;
        using var pause = _faults.Pause();
        _fileSystem.CreateDirectory(DataDirectory);
        _fileSystem.CreateDirectory(JournalDirectory);
        _fileSystem.SyncDirectory("/");
        _fileSystem.SyncDirectory(DataDirectory);
        _journalVolume = DrawVolume("journal");
        _fileSystem.Mount(JournalDirectory, _journalVolume);
    }

    SimulatedVolume DrawVolume(string name) =>
        _fileSystem.AddVolume(name, canSyncAll: _volumeRandom!.Next(2) == 0, isCopyOnWrite: _volumeRandom.Next(2) == 0);

    /// <summary>Between two processes: moves topics to volumes, and mounts and unmounts some.</summary>
    void ChangeVolumes(bool isLast)
    {
        if (_volumeRandom is null)
            return;
        // A process that ended cleanly may have used the volumes as a whole.
        _fileSystem = _fileSystem.Kill();
        using var pause = _faults.Pause();
        foreach (var name in _unmounted.ToArray())
        {
            if (!isLast && _volumeRandom.Next(3) == 0)
                continue;
            _trace.Add($"mount {name.Name}");
            _fileSystem.Mount($"{TopicsDirectory}/{name.Name}", _topicVolumes[name]);
            _unmounted.Remove(name);
        }
        foreach (var name in _names)
        {
            if (
                _topicVolumes.Count < _topicVolumeCount
                && !_topicVolumes.ContainsKey(name)
                && name.Possible is [not null]
                && _volumeRandom.Next(2) == 0
            )
                MoveToVolume(name);
        }
        foreach (var (name, volume) in _topicVolumes)
        {
            if (isLast || _unmounted.Contains(name) || _volumeRandom.Next(3) > 0)
                continue;
            _trace.Add($"unmount {name.Name}");
            _fileSystem.Unmount(volume);
            _unmounted.Add(name);
        }
        if (_journalVolume is not null && _volumeRandom.Next(4) == 0)
            StartWithoutJournal();
    }

    /// <summary>Moves a topic to another disk, as an operator does.</summary>
    void MoveToVolume(NameModel name)
    {
        var directory = $"{TopicsDirectory}/{name.Name}";
        _trace.Add($"move {name.Name} to a volume");
        var volume = DrawVolume(name.Name);
        _fileSystem.CreateDirectory(StagingDirectory);
        _fileSystem.Mount(StagingDirectory, volume);
        Copy(directory, StagingDirectory);
        _fileSystem.Unmount(volume);
        foreach (var entry in _fileSystem.List(directory))
        {
            if (entry.IsDirectory)
                _fileSystem.DeleteDirectory($"{directory}/{entry.Name}");
            else
                _fileSystem.DeleteFile($"{directory}/{entry.Name}");
        }
        _fileSystem.SyncDirectory(directory);
        _fileSystem.SyncDirectory(TopicsDirectory);
        _fileSystem.Mount(directory, volume);
        _topicVolumes.Add(name, volume);

        void Copy(string source, string destination)
        {
            foreach (var entry in _fileSystem.List(source))
            {
                var path = $"{destination}/{entry.Name}";
                if (entry.IsDirectory)
                {
                    _fileSystem.CreateDirectory(path);
                    Copy($"{source}/{entry.Name}", path);
                    continue;
                }
                using var file = _fileSystem.Create(path);
                file.Write(ReadFile($"{source}/{entry.Name}"), 0);
                file.Sync();
            }
            _fileSystem.SyncDirectory(destination);
        }
    }

    /// <summary>
    /// Starts without the journal. The start cuts nothing and appends nothing. With the journal back, everything works
    /// again.
    /// </summary>
    void StartWithoutJournal()
    {
        if (JournalMark.Read(_fileSystem, TopicsDirectory) is not { IsEmpty: false })
            return;
        _trace.Add("start without the journal");
        _fileSystem.Unmount(_journalVolume!);
        var before = SegmentsBelow(TopicsDirectory);
        _isJournalMissing = true;
        _lane = _scheduler.CreateLane();
        NoteLimit();
        var capacityBytes = _fileSystem.CapacityBytes;
        _fileSystem.CapacityBytes = long.MaxValue;
        _catalog = TopicCatalog.Open(Environment(), _options);
        foreach (var log in _catalog.Topics.SelectMany(static topic => topic.Partitions))
            Require(log.StoppedReason is not null, "A partition takes appends although the journal is missing");
        Die();
        _fileSystem.CapacityBytes = capacityBytes;
        _isJournalMissing = false;
        var after = SegmentsBelow(TopicsDirectory);
        foreach (var (path, bytes) in before)
            Require(
                after.TryGetValue(path, out var left) && left.AsSpan().SequenceEqual(bytes),
                $"{path} was changed by a start without the journal"
            );
        _fileSystem = _fileSystem.Kill();
        _fileSystem.Mount(JournalDirectory, _journalVolume!);
    }

    Dictionary<string, byte[]> SegmentsBelow(string directory)
    {
        var segments = new Dictionary<string, byte[]>();
        foreach (var entry in _fileSystem.List(directory))
        {
            var path = $"{directory}/{entry.Name}";
            if (entry.IsDirectory)
            {
                foreach (var (below, bytes) in SegmentsBelow(path))
                    segments.Add(below, bytes);
            }
            else if (entry.Name.EndsWith(".ndjson", StringComparison.Ordinal) && entry.LengthBytes > 0)
            {
                segments.Add(path, ReadFile(path));
            }
        }
        return segments;
    }

    /// <summary>After a start: topics whose disks are missing are unavailable. All others are available.</summary>
    bool AreOthersOpen()
    {
        foreach (var name in _unmounted)
        {
            Require(
                _catalog.DamagedTopics.ContainsKey(name.Name),
                $"{name.Name} was opened although its disk is not mounted"
            );
            name.BeUnreadable();
        }
        return _catalog.DamagedTopics.Count == _unmounted.Count;
    }
}
