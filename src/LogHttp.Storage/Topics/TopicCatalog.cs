using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using LogHttp.Storage.Appending;
using LogHttp.Storage.Committing;
using LogHttp.Storage.Files;
using LogHttp.Storage.Journal;
using LogHttp.Storage.Layout;
using LogHttp.Storage.Logs;
using LogHttp.Storage.Partitions;
using LogHttp.Storage.Segments;
using LogHttp.Storage.Verifying;

namespace LogHttp.Storage.Topics;

/// <summary>
/// All topics of one data directory, which the catalog has to itself. Opened once at the start, and closed once at the
/// end. In between, safe on any thread.
/// </summary>
public sealed partial class TopicCatalog : IAsyncDisposable
{
    readonly StorageEnvironment _environment;
    readonly StorageOptions _options;
    readonly IDisposable _directoryLock;
    readonly SegmentSyncers _syncers;
    readonly WorkThread? _commitThread;
    readonly WorkThread? _keeperThread;
    readonly OpenSegments _openSegments;
    readonly ColdReads _coldReads;
    readonly DiskReserve _reserve;
    readonly Retention _retention;
    readonly AppendBudget _appendBudget;
    readonly Scrub _scrub;
    readonly Recoveries _recoveries;
    readonly ConcurrentDictionary<string, Topic> _topics = new(StringComparer.Ordinal);
    readonly ConcurrentDictionary<string, string> _damagedTopics = new(StringComparer.Ordinal);

    readonly Lazy<Task> _closing;

    // Set by the start, before anything else.
    JournalWriter _journal = null!;
    JournalRecovery? _recovery;
    IVolume _journaledVolume = null!;

    // Held while a topic is created, changed or deleted. That is rare, and two of one name must not run at once.
    readonly SemaphoreSlim _changes = new(1, 1);

    // Guarded by _changes: the end of the queue of deleted topics, whose files are removed one after the other. That
    // can take long, and delays later deletions' responses and the close.
    Task _removals = Task.CompletedTask;

    // Guarded by _changes: topics whose creation failed, and whose removal failed too.
    readonly HashSet<string> _leftoverTopics = [];

    // Guarded by _changes: whether a power cut could bring back a removed name.
    bool _isRemovalUnsynced;

    // Guarded by _changes.
    bool _isClosed;

    volatile bool _isWaitingStopped;

    long _topicsVersion;

    TopicCatalog(StorageEnvironment environment, StorageOptions options, IDisposable directoryLock)
    {
        (_environment, _options, _directoryLock) = (environment, options, directoryLock);
        _syncers = new SegmentSyncers(environment, options.SyncAllThreshold);
        if (environment.CommitScheduler is null)
            (_commitThread, _keeperThread) = (new WorkThread("loghttp commit"), new WorkThread("loghttp journal"));
        _openSegments = new OpenSegments(options.MaxOpenSegments);
        _coldReads = new ColdReads(options.MaxColdReads);
        _reserve = new DiskReserve(environment, options.Directory, ReserveBytes(options));
        _appendBudget = new AppendBudget(options.MaxAppendingBytes);
        _recoveries = new Recoveries(isParallel: environment.CommitScheduler is null);
        _retention = new Retention(
            environment,
            options.RetentionInterval,
            options.RetentionGrace,
            () => Topics,
            KeepSpares
        );
        _scrub = new Scrub(environment, options.ScrubBytesPerSecond, () => Topics);
        _closing = new Lazy<Task>(CloseAsync);
    }

    /// <summary>All topics, in no particular order.</summary>
    public IEnumerable<Topic> Topics => _topics.Select(static topic => topic.Value);

    /// <summary>Changes after a topic is created, deleted or found damaged. The step is arbitrary.</summary>
    public long TopicsVersion => Interlocked.Read(ref _topicsVersion);

    /// <summary>
    /// The bytes of accepted appends before their responses, at most <see cref="StorageOptions.MaxAppendingBytes"/>.
    /// </summary>
    public long AppendingBytes => _appendBudget.TakenBytes;

    /// <summary>The journal, for units that are not of one partition.</summary>
    internal JournalWriter Journal => _journal;

    string TopicsDirectory => Path.Combine(_options.Directory, DirectoryLayout.TopicsName);
    string TemporaryDirectory => Path.Combine(_options.Directory, DirectoryLayout.TemporaryName);
    string JournalDirectory => Path.Combine(_options.Directory, DirectoryLayout.JournalName);
    string DeletedDirectory => Path.Combine(_options.Directory, DirectoryLayout.DeletedName);

    /// <summary>Takes the data directory and opens every partition in it.</summary>
    /// <exception cref="ArgumentException">An option is out of its range.</exception>
    /// <exception cref="IOException">
    /// Another process has the directory, or the disk can't be read or written.
    /// </exception>
    /// <exception cref="NotSupportedException">The directory was written by a newer version.</exception>
    public static TopicCatalog Open(StorageEnvironment environment, StorageOptions options)
    {
        ArgumentNullException.ThrowIfNull(environment);
        ArgumentNullException.ThrowIfNull(options);
        if (options.Check() is { } fault)
            throw new ArgumentException(fault, nameof(options));
        var started = Stopwatch.StartNew();
        var fileSystem = environment.FileSystem;
        fileSystem.CreateDirectory(options.Directory);
        var directoryLock = TakeLock(fileSystem, options.Directory);
        TopicCatalog? catalog = null;
        try
        {
            catalog = new TopicCatalog(environment, options, directoryLock);
            catalog.PrepareDirectories();
            catalog._reserve.Find();
            catalog.OpenJournal();
            catalog.OpenTopics();
            catalog.TakeOverJournal();
            catalog._reserve.Keep();
            catalog._retention.Start();
            catalog._scrub.Start();
        }
        catch
        {
            catalog?._openSegments.CloseIdle();
            catalog?._journal?.Abandon();
            catalog?._retention.Dispose();
            catalog?._scrub.Dispose();
            catalog?._syncers.Dispose();
            catalog?._commitThread?.Dispose();
            catalog?._keeperThread?.Dispose();
            directoryLock.Dispose();
            throw;
        }
        StorageLog.CatalogOpened(
            environment.Logger,
            catalog._topics.Count,
            catalog._topics.Values.Sum(topic => topic.Partitions.Length),
            started.ElapsedMilliseconds
        );
        return catalog;
    }

    /// <summary>Topics that could not be opened, and why. Repair them while the server is stopped.</summary>
    public IReadOnlyDictionary<string, string> DamagedTopics => _damagedTopics;

    /// <summary>Returns the topic of that name, or null.</summary>
    /// <exception cref="TopicDamagedException">The topic exists, but could not be opened.</exception>
    public Topic? Find(string name)
    {
        if (_topics.TryGetValue(name, out var topic))
            return topic;
        return _damagedTopics.TryGetValue(name, out var reason) ? throw new TopicDamagedException(name, reason) : null;
    }

    /// <summary>
    /// Creates a topic, durably, or returns the existing one of the name, whatever its configuration.
    /// </summary>
    /// <exception cref="ArgumentException">The name or the configuration is invalid.</exception>
    /// <exception cref="TopicDamagedException">The topic exists, but could not be opened.</exception>
    /// <exception cref="TooManyTopicsException">
    /// There are <see cref="StorageOptions.MaxTopics"/> already, or the topic would exceed
    /// <see cref="StorageOptions.MaxPartitions"/>.
    /// </exception>
    /// <exception cref="LogClosedException">The log was closed.</exception>
    /// <exception cref="IOException">The disk can't be written. Then there is no such topic.</exception>
    public async Task<FoundTopic> GetOrCreateAsync(string name, TopicConfiguration? configuration = null)
    {
        if (Find(name) is { } found)
            return new(found, IsNew: false);
        if ((TopicName.CheckForCreation(name) ?? configuration?.Check()) is { } fault)
            throw new ArgumentException(fault, nameof(name));
        using var change = await BeginChangeAsync().ConfigureAwait(false);
        return Find(name) is { } other
            ? new(other, IsNew: false)
            : new(Create(name, configuration ?? _options.TopicDefaults), IsNew: true);
    }

    /// <summary>
    /// Changes a topic's configuration, durably. The records in the log stay as they are. The number of partitions can
    /// only rise. Then later records of a key may go to another partition than earlier ones.
    /// </summary>
    /// <param name="name">The topic.</param>
    /// <param name="change">Returns the new configuration for the present one, or null to leave it.</param>
    /// <returns>The topic, or null if there is none of the name.</returns>
    /// <exception cref="ArgumentException">
    /// The new configuration is invalid, or has fewer partitions.
    /// </exception>
    /// <exception cref="TopicDamagedException">The topic could not be opened.</exception>
    /// <exception cref="TooManyTopicsException">
    /// The topic would exceed <see cref="StorageOptions.MaxPartitions"/>.
    /// </exception>
    /// <exception cref="LogClosedException">The log was closed.</exception>
    /// <exception cref="IOException">
    /// The disk can't be written. The topic keeps its configuration. After a restart it may have changed.
    /// </exception>
    public async Task<Topic?> ConfigureAsync(string name, Func<TopicConfiguration, TopicConfiguration?> change)
    {
        ArgumentNullException.ThrowIfNull(change);
        using var changing = await BeginChangeAsync().ConfigureAwait(false);
        if (Find(name) is not { } topic)
            return null;
        var before = topic.Configuration;
        if (change(before) is not { } after)
            return topic;
        if (after.Check() is { } fault)
            throw new ArgumentException(fault, nameof(change));
        if (after.Partitions < before.Partitions)
            throw new ArgumentException(
                $"Partitions is {after.Partitions}; the topic has {before.Partitions}, and none can be removed.",
                nameof(change)
            );
        if (after.Partitions > before.Partitions)
        {
            Grow(topic, after);
            return topic;
        }
        // Written even if nothing changes, because an earlier change that failed may be on the disk.
        TopicFile.For(topic.Id, after, topic.FormerCounts).Write(_environment.FileSystem, DirectoryOf(name));
        topic.Configure(after);
        return topic;
    }

    /// <summary>
    /// Deletes a topic, durably, and frees its space, except files that readers still hold. Appends that were accepted
    /// before get their responses. A crash at any moment leaves all of the topic or nothing.
    /// </summary>
    /// <returns>False if there is no such topic.</returns>
    /// <exception cref="LogClosedException">The log was closed.</exception>
    /// <exception cref="IOException">
    /// The disk can't be written. The topic stays as before, or is gone but may come back with a power cut.
    /// </exception>
    public async Task<bool> DeleteAsync(string name)
    {
        string? deletedDirectory;
        Task previous;
        var removed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using (await BeginChangeAsync().ConfigureAwait(false))
        {
            var isDamaged = _damagedTopics.ContainsKey(name);
            if (!_topics.TryRemove(name, out var topic) && !isDamaged)
            {
                RemoveLeftover(name);
                return false;
            }
            Interlocked.Increment(ref _topicsVersion);
            // From here on, nothing writes there or opens a file by its name.
            if (topic is not null)
                await topic.CloseAsync(isDeletion: true).ConfigureAwait(false);
            try
            {
                deletedDirectory = MoveToDeleted(DirectoryOf(name));
            }
            catch (IOException)
            {
                TryOpenTopic(name, DirectoryOf(name));
                throw;
            }
            if (_damagedTopics.TryRemove(name, out _))
                Interlocked.Increment(ref _topicsVersion);
            SyncTopics();
            if (topic is not null && JournalRecovery.TryParseId(topic.Id, out var topicId))
                _journal.Forget(topicId, topic.Partitions.Length);
            (previous, _removals) = (_removals, removed.Task);
        }
        await previous.ConfigureAwait(false);
        try
        {
            _environment.FileSystem.DeleteDirectory(deletedDirectory);
            _reserve.Keep();
        }
        catch (IOException exception)
        {
            StorageLog.RemovalFailed(_environment.Logger, exception, deletedDirectory);
        }
        finally
        {
            removed.SetResult();
        }
        return true;
    }

    /// <summary>Ends all waits for records, and all later ones.</summary>
    public void StopWaiting()
    {
        _isWaitingStopped = true;
        foreach (var partition in _topics.Values.SelectMany(static topic => topic.Partitions))
            partition.Waiters.Close();
    }

    /// <summary>Commits the accepted appends, writes the checkpoints, and releases the directory.</summary>
    public ValueTask DisposeAsync() => new(_closing.Value);

    async Task CloseAsync()
    {
        await _changes.WaitAsync().ConfigureAwait(false);
        _isClosed = true;
        _retention.Dispose();
        _scrub.Dispose();
        var journalClosing = _journal.CloseAsync();
        await Task.WhenAll(_topics.Values.Select(topic => topic.CloseAsync())).ConfigureAwait(false);
        var removals = _removals;
        _changes.Release();
        await removals.ConfigureAwait(false);
        await journalClosing.ConfigureAwait(false);
        _syncers.Dispose();
        _commitThread?.Dispose();
        _keeperThread?.Dispose();
        _directoryLock.Dispose();
    }

    /// <summary>Waits until no other change runs, and blocks others until the result is disposed of.</summary>
    async Task<IDisposable> BeginChangeAsync()
    {
        await _changes.WaitAsync().ConfigureAwait(false);
        var change = new Change(_changes);
        if (!_isClosed)
            return change;
        change.Dispose();
        throw new LogClosedException();
    }

    /// <summary>
    /// The bytes that a trim of a full disk takes, except for producers, or those of the index entries that a start
    /// rewrites.
    /// </summary>
    static long ReserveBytes(StorageOptions options) =>
        (64 << 10) + options.CheckpointBytes / SegmentLayout.BlockBytes * IndexEntry.SizeBytes;

    string DirectoryOf(string name) => Path.Combine(TopicsDirectory, name);

    /// <summary>Restores the reserve and the journal files that a full disk used up.</summary>
    void KeepSpares()
    {
        _reserve.Keep();
        _journal.Keep();
    }

    /// <summary>
    /// Builds the topic aside and moves it into place with one rename. So a crash leaves all of it or nothing.
    /// </summary>
    Topic Create(string name, TopicConfiguration configuration)
    {
        if (_topics.Count + _damagedTopics.Count >= _options.MaxTopics)
            throw new TooManyTopicsException(
                $"There are {_options.MaxTopics} topics, the most there may be (MaxTopics)."
            );
        CheckPartitions(configuration.Partitions);
        var fileSystem = _environment.FileSystem;
        var id = _environment.NewId().ToString("x16", CultureInfo.InvariantCulture);
        var buildDirectory = Path.Combine(TemporaryDirectory, id);
        var directory = DirectoryOf(name);
        var isInPlace = false;
        Topic topic;
        try
        {
            fileSystem.CreateDirectory(buildDirectory);
            for (var number = 0; number < configuration.Partitions; number++)
                CreatePartition(buildDirectory, new(name, id, number, configuration));
            TopicFile.For(id, configuration).Write(fileSystem, buildDirectory);
            if (_leftoverTopics.Contains(name))
                UndoCreation(name, directory);
            fileSystem.Rename(buildDirectory, directory);
            isInPlace = true;
            SyncTopics();
            fileSystem.SyncDirectory(TemporaryDirectory);
            topic = OpenTopic(name, directory);
        }
        catch (IOException)
        {
            if (isInPlace && _leftoverTopics.Add(name))
                UndoCreation(name, directory);
            fileSystem.DeleteDirectory(buildDirectory);
            throw;
        }
        _topics[name] = topic;
        Interlocked.Increment(ref _topicsVersion);
        if (_isWaitingStopped)
            StopWaiting();
        return topic;
    }

    /// <summary>Checks that there may be so many partitions more.</summary>
    /// <exception cref="TooManyTopicsException">There would be too many.</exception>
    void CheckPartitions(int added)
    {
        var partitions = _topics.Values.Sum(topic => topic.Partitions.Length);
        if (partitions + added > _options.MaxPartitions)
            throw new TooManyTopicsException(
                $"All topics together have {partitions} partitions; with {added} more there would be more than "
                    + $"{_options.MaxPartitions} (MaxPartitions)."
            );
    }

    /// <summary>Creates a partition in a topic's directory. Durable, except for the directory's own name.</summary>
    void CreatePartition(string topicDirectory, ManifestHeader header)
    {
        _environment.FileSystem.CreateDirectory(PartitionDirectory(topicDirectory, header.Partition));
        PartitionRecovery.Create(Context(topicDirectory, header, isMade: true));
    }

    /// <summary>Removes a topic whose creation failed, so that the name can be used again.</summary>
    void UndoCreation(string name, string directory)
    {
        MoveToDeleted(directory);
        _leftoverTopics.Remove(name);
        SyncTopics();
    }

    /// <summary>
    /// Removes a topic for good before the caller reports that it does not exist. An earlier removal may have failed
    /// half-way.
    /// </summary>
    void RemoveLeftover(string name)
    {
        if (_leftoverTopics.Contains(name))
            UndoCreation(name, DirectoryOf(name));
        else if (_isRemovalUnsynced)
            SyncTopics();
    }

    void SyncTopics()
    {
        _environment.FileSystem.SyncDirectory(TopicsDirectory);
        _isRemovalUnsynced = false;
    }

    /// <summary>
    /// Moves a topic's directory into deleted/. The next start, at the latest, deletes its content. Durable once
    /// topics/ is synced.
    /// </summary>
    string MoveToDeleted(string directory)
    {
        var deletedDirectory = Path.Combine(
            DeletedDirectory,
            _environment.NewId().ToString("x16", CultureInfo.InvariantCulture)
        );
        _environment.FileSystem.Rename(directory, deletedDirectory);
        _isRemovalUnsynced = true;
        return deletedDirectory;
    }

    static string PartitionDirectory(string topicDirectory, int number) =>
        Path.Combine(topicDirectory, number.ToString(CultureInfo.InvariantCulture));

    sealed class Change(SemaphoreSlim changes) : IDisposable
    {
        public void Dispose() => changes.Release();
    }
}

/// <summary>The result of a request for a topic.</summary>
/// <param name="Topic">The topic.</param>
/// <param name="IsNew">Whether the request created it.</param>
public readonly record struct FoundTopic(Topic Topic, bool IsNew);

/// <summary>Thrown when the number of topics, or of partitions, has reached its limit.</summary>
public sealed class TooManyTopicsException(string message) : Exception(message);

/// <summary>Thrown when a topic's files can't be read. Other topics are not affected.</summary>
public sealed class TopicDamagedException(string name, string reason)
    : Exception($"Topic \"{name}\" could not be opened: {reason}");
