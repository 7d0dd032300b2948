using System.Globalization;
using LogHttp.Storage.Appending;
using LogHttp.Storage.Files;
using LogHttp.Storage.Logs;
using LogHttp.Storage.Reading;
using LogHttp.Storage.Topics;

namespace LogHttp.Storage.Tests.Simulation;

// Creating, changing and deleting topics.
sealed partial class StorageSimulation
{
    static string IdOf(long number) => number.ToString("x16", CultureInfo.InvariantCulture);

    TopicConfiguration DrawConfiguration(int partitions) =>
        new()
        {
            Partitions = partitions,
            SegmentBytes = (64 << 10) * (1 + _random.Next(2)),
            Flush = _random.Next(5) switch
            {
                < 3 => FlushPolicy.Always,
                3 => FlushPolicy.Os,
                _ => FlushPolicy.Every(TimeSpan.FromMilliseconds(1 + _random.Next(2_000))),
            },
        };

    TopicModel DrawTopic(string name, string id, TopicConfiguration? given)
    {
        var configuration = given ?? DrawConfiguration(partitions: 1 + _random.Next(3));
        return new(
            name,
            id,
            configuration,
            [
                .. Enumerable
                    .Range(0, configuration.Partitions)
                    .Select(partition => new PartitionModel(
                        $"{name}/{partition}",
                        configuration.Flush,
                        takesOffsets: _random.Next(4) == 0,
                        new ProducersModel(_options.MaxProducers, _options.ProducerExpiry),
                        new KeysModel(_options.MaxIdempotencyKeys, _options.IdempotencyExpiry)
                    )),
            ],
            partition => new PartitionModel(
                $"{name}/{partition}",
                configuration.Flush,
                takesOffsets: false,
                new ProducersModel(_options.MaxProducers, _options.ProducerExpiry),
                new KeysModel(_options.MaxIdempotencyKeys, _options.IdempotencyExpiry)
            )
        );
    }

    /// <summary>Creates a topic, or gets the existing one, whatever its configuration.</summary>
    void CreateTopic(NameModel name, TopicConfiguration? given = null)
    {
        FinishDeletion();
        if (name.IsUnreadable)
            return;
        var errors = _faults.ErrorCount;
        var before = name.Topic;
        var wanted = DrawTopic(name.Name, IdOf(_idCount + 1), given);
        _trace.Add($"create topic {wanted}: {wanted.Configuration}");
        var possibleBefore = name.Possible.ToArray();
        if (before is null)
            name.Allow(wanted);
        StrikeAtTimes(before is null ? 12 * wanted.Partitions.Length : 1);
        var creation = _catalog.GetOrCreateAsync(name.Name, wanted.Configuration);
        Require(creation.IsCompleted, "The creation of a topic did not complete at once.");
        try
        {
            var (made, isNew) = creation.GetAwaiter().GetResult();
            Require(
                isNew == (before is null) && made.Id == (before ?? wanted).Id,
                $"{name.Name} has the id {made.Id}; it should have {(before ?? wanted).Id}"
            );
            Require(
                made.Configuration == (before ?? wanted).Configuration,
                $"{name.Name} has the configuration {made.Configuration}"
            );
            if (isNew)
                name.Settle(wanted);
        }
        catch (IOException exception)
        {
            _trace.Add($"not made: {exception.Message}");
            Require(before is null, $"{before} exists, but could not be had: {exception}");
            Require(
                _faults.ErrorCount > errors || (IsLimited && exception is DiskFullException),
                $"{name.Name} could not be made, and no error had struck: {exception}"
            );
            Require(_catalog.Find(name.Name) is null, $"{name.Name} could not be made, but is there");
            // After one error the topic does not exist. If the cleanup failed too, it may or may not exist.
            if (_faults.ErrorCount == errors + 1)
                name.Possible.RemoveAll(topic => !possibleBefore.Contains(topic));
        }
    }

    void ConfigureTopic(NameModel name, TopicConfiguration? given = null)
    {
        FinishDeletion();
        if (name.IsUnreadable)
            return;
        var errors = _faults.ErrorCount;
        var topic = name.Topic;
        // Now and then nothing changes, but the log may have to undo an earlier change that failed.
        var after =
            given
            ?? (
                topic is null || _random.Next(4) > 0
                    ? DrawConfiguration(topic?.Partitions.Length ?? 1)
                    : topic.Configuration
            );
        _trace.Add($"configure topic {name.Name}: {after}");
        if (topic is not null)
        {
            topic.PossibleConfigurations.Add(after);
            topic.PowerCutsBeforeChange = _powerCuts;
        }
        StrikeAtTimes(withinCalls: 7);
        var change = _catalog.ConfigureAsync(name.Name, _ => after);
        Require(change.IsCompleted, "The change of a topic did not complete at once.");
        try
        {
            Require(change.GetAwaiter().GetResult()?.Id == topic?.Id, $"{name.Name} was changed instead of {topic}");
        }
        catch (IOException exception)
        {
            _trace.Add($"not changed: {exception.Message}");
            Require(
                _faults.ErrorCount > errors || (IsLimited && exception is DiskFullException),
                $"{topic} could not be changed, and no error had struck: {exception}"
            );
            Require(
                _catalog.Find(name.Name)!.Configuration == topic!.Configuration,
                $"{topic} could not be changed, but has {_catalog.Find(name.Name)!.Configuration}"
            );
            return;
        }
        if (topic is null)
            return;
        topic.PossibleConfigurations.RemoveAll(configuration => configuration != after);
        topic.Configure(after);
        if (!after.Flush.IsAlways)
            return;
        // Records acknowledged under another policy become durable without further requests.
        foreach (var partition in topic.Partitions)
            partition.DueCount = partition.Lines.Count;
    }

    /// <summary>
    /// Begins to delete a topic. Other steps may run before its partitions are closed, and the rest follows.
    /// </summary>
    void DeleteTopic(NameModel name)
    {
        FinishDeletion();
        // A directory that is a mount point can't be moved away.
        if (_topicVolumes.ContainsKey(name))
            return;
        var model = name.Topic;
        _trace.Add($"delete topic {name.Name}: {(name.IsUnreadable ? "unreadable" : model?.ToString() ?? "none")}");
        (PartitionLog Log, PartitionModel Model)[] partitions = [.. Partitions(name)];
        name.Allow(null);
        var (exists, errors) = (model is not null || name.IsUnreadable, _faults.ErrorCount);
        _deletion = new Deletion(name, model, partitions, exists, errors, _catalog.DeleteAsync(name.Name));
        if (model is null)
        {
            EndDeletion();
            return;
        }
        name.GoOnWith(null);
        _deletedLogs.AddRange(partitions);
        if (_random.Next(2) == 0)
            FinishDeletion();
    }

    void FinishDeletion()
    {
        while (_deletion is not null)
            Require(RunOne(), "A topic does not close, though nothing is left to run.");
    }

    /// <summary>The topic is closed. The rest of the deletion runs on the thread pool, and this waits for it.</summary>
    void EndDeletion()
    {
        var deletion = _deletion!;
        var name = deletion.Name;
        _deletion = null;
        foreach (var (log, model) in deletion.Partitions)
        {
            Listen(model);
            Closed(log, model, deletion.ErrorsBefore);
        }
        StrikeAtTimes(withinCalls: 4);
        try
        {
            _turnstile.WaitFor(deletion.Task);
            Require(
                deletion.Task.Result == deletion.Exists,
                $"The deletion of {name.Name} answered {deletion.Task.Result}"
            );
            _trace.Add($"deleted {name.Name}: {deletion.Task.Result}");
            name.Settle(null);
            var left =
                _faults.ErrorCount == deletion.ErrorsBefore
                    ? ListQuietly($"{DataDirectory}/deleted/{IdOf(_idCount)}")
                    : 0;
            Require(left == 0 || !deletion.Exists, $"The deletion of {name.Name} left {left} files");
        }
        catch (IOException exception)
        {
            _trace.Add($"not deleted, or not for sure: {exception.Message}");
            Require(
                _faults.ErrorCount > deletion.ErrorsBefore,
                $"{name.Name} could not be deleted, and no error had struck: {exception}"
            );
            GoOnAfterFailedDeletion(deletion);
        }
    }

    /// <summary>
    /// Three results are allowed. The whole topic exists and works again, or it is unavailable until the next start, or
    /// it is gone, perhaps not permanently.
    /// </summary>
    void GoOnAfterFailedDeletion(Deletion deletion)
    {
        var name = deletion.Name;
        if (IsUnreadable(name))
        {
            Require(deletion.Exists, $"{name.Name} was not there, and is damaged");
            name.BeUnreadable();
            return;
        }
        Require(!_catalog.DamagedTopics.ContainsKey(name.Name), $"{name.Name} can be had, but is called damaged");
        if (_catalog.Find(name.Name) is not { } topic)
        {
            name.GoOnWith(null);
            return;
        }
        var model = deletion.Topic ?? name.Topics.Single();
        Require(topic.Id == model.Id, $"The deletion of {model} failed, and now there is {topic.Id}");
        name.GoOnWith(model);
        _deletedLogs.RemoveAll(deleted => model.Partitions.Contains(deleted.Model));
        _wasOpenedLimited |= IsLimited;
        using var pause = _faults.Pause();
        NoteLimit();
        var capacityBytes = _fileSystem.CapacityBytes;
        _fileSystem.CapacityBytes = long.MaxValue;
        LookAt(topic, model, afterStart: true);
        _fileSystem.CapacityBytes = capacityBytes;
    }

    bool IsUnreadable(NameModel name)
    {
        try
        {
            _catalog.Find(name.Name);
            return false;
        }
        catch (TopicDamagedException)
        {
            return true;
        }
    }

    /// <summary>Strikes at times, because chance alone seldom strikes a step of few calls.</summary>
    void StrikeAtTimes(int withinCalls)
    {
        if (!_isFinishing && _random.Next(5) == 0)
            _faults.Strike(_fileSystem.CallCount, withinCalls);
    }

    int ListQuietly(string directory)
    {
        using var pause = _faults.Pause();
        return _fileSystem.List(directory).Count;
    }

    /// <summary>
    /// A holder of a deleted topic can do nothing with it, and never reaches its successor's records.
    /// </summary>
    void UseDeletedTopic()
    {
        if (_deletedLogs.Count == 0)
            return;
        var (log, model) = _deletedLogs[_random.Next(_deletedLogs.Count)];
        if (_random.Next(3) == 0)
        {
            var append = DrawAppend(model);
            var result = log.AppendAsync(append.Batch);
            Require(
                result.IsCompletedSuccessfully
                    && result.Result.Status is AppendStatus.Closed or AppendStatus.PartitionStopped,
                $"{model.Name} is deleted, but {append} was taken"
            );
            return;
        }
        var isClosed = log.CloseAsync().IsCompleted;
        // A held page keeps its segment open for all readers.
        var mayBeRead = !isClosed || _heldPages.Exists(page => page.Model == model);
        AwaitRepair(log);
        var (place, offset) = DrawPlace(log, model, VisibleCount(log, model));
        try
        {
            var page = Fetch(log, model, place, offset, PageSize.Default);
            Require(page is null || mayBeRead, $"{model.Name} is deleted, but a fetch at {place} found {page?.Page}");
        }
        catch (LogClosedException)
        {
            Require(isClosed, $"{model.Name} is being deleted, and can't be read although it is not closed");
        }
    }

    /// <summary>A running deletion.</summary>
    /// <param name="Name">The name that becomes free.</param>
    /// <param name="Topic">The topic. Null if there is none, or none that could be opened.</param>
    /// <param name="Partitions">The topic's partitions.</param>
    /// <param name="Exists">Whether there is something to delete.</param>
    /// <param name="ErrorsBefore">The number of errors before it.</param>
    /// <param name="Task">The response.</param>
    sealed record Deletion(
        NameModel Name,
        TopicModel? Topic,
        (PartitionLog Log, PartitionModel Model)[] Partitions,
        bool Exists,
        int ErrorsBefore,
        Task<bool> Task
    )
    {
        public bool IsTopicClosed => Partitions.All(static pair => pair.Log.CloseAsync().IsCompleted);
    }
}
