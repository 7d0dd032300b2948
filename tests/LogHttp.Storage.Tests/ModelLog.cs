using System.IO.Pipelines;
using LogHttp.Storage.Appending;
using LogHttp.Storage.Files;
using LogHttp.Storage.Logs;
using LogHttp.Storage.Reading;
using LogHttp.Storage.Records;
using LogHttp.Storage.Topics;
using LogHttp.Testing;

namespace LogHttp.Storage.Tests;

/// <summary>
/// A catalog with one topic on a disk in memory. The time stands still, and all work runs on the caller's thread.
/// </summary>
sealed class ModelLog
{
    public const string PartitionDirectory = "/data/topics/t/0";

    public static readonly DateTimeOffset Now = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);

    readonly SimulatedScheduler _scheduler;
    readonly TopicConfiguration _configuration;
    readonly StorageOptions _options;
    TopicCatalog _catalog = null!;

    // The topic's id is the first one. The journal takes the others.
    long _nextId = 0x0123456789abcdef;

    public ModelLog(
        TopicConfiguration? configuration = null,
        bool canSyncAll = false,
        Func<StorageOptions, StorageOptions>? adjust = null,
        int seed = 1,
        int order = 1
    )
    {
        _scheduler = new SimulatedScheduler(new Random(order));
        _configuration = configuration ?? new();
        _options = new StorageOptions
        {
            Directory = "/data",
            CheckpointBytes = 64 << 10,
            MaxGroupBytes = 64 << 10,
        };
        _options = adjust?.Invoke(_options) ?? _options;
        FileSystem = new PowerCutFileSystem(new Random(seed), canSyncAll) { Time = Time };
        Commits = new HoldingScheduler(_scheduler);
        Open();
    }

    public PowerCutFileSystem FileSystem { get; private set; }

    /// <summary>Runs journal rounds, the keeper and segment syncs. A test may hold some of them.</summary>
    public HoldingScheduler Commits { get; }

    public SimulatedTime Time { get; } = new(Now);

    public Topic Topic => _catalog.Find("t")!;

    public PartitionLog Partition => Partitions[0];

    public IReadOnlyList<PartitionLog> Partitions { get; private set; } = [];

    public static RecordBatch Batch(params IEnumerable<string> texts) => TestLog.Batch(texts);

    public AppendResult Append(RecordBatch batch, long? expectedNextOffset = null, bool mayOverlap = false)
    {
        var result = Partition.AppendAsync(
            batch,
            expectedNextOffset,
            mayOverlap ? AppendOptions.MayOverlap : AppendOptions.None
        );
        _scheduler.RunAll();
        Assert.True(result.IsCompleted);
        return result.Result;
    }

    public AppendResult Append(params IEnumerable<string> texts) => Append(Batch(texts));

    /// <summary>Appends and runs all work that is ready. The append may wait for held work.</summary>
    public Task<AppendResult> BeginAppend(string text, int partition = 0) => BeginAppend(Batch(text), partition);

    public Task<AppendResult> BeginAppend(RecordBatch batch, int partition = 0)
    {
        var result = Partitions[partition].AppendAsync(batch);
        _scheduler.RunAll();
        return result;
    }

    /// <summary>The same by <see cref="PartitionLog.AppendInlineAsync"/>.</summary>
    public Task<AppendResult> BeginInlineAppend(RecordBatch batch, int partition = 0)
    {
        var result = Partitions[partition].AppendInlineAsync(batch).AsTask();
        _scheduler.RunAll();
        return result;
    }

    /// <summary>The status of an append, or null while it waits.</summary>
    public static AppendStatus? StatusOf(Task<AppendResult> append) => append.IsCompleted ? append.Result.Status : null;

    /// <summary>Ends the hold, and runs all work that is ready.</summary>
    public void Release()
    {
        Commits.Release();
        _scheduler.RunAll();
    }

    public long Trim(long offset)
    {
        var trimmed = Partition.TrimAsync(offset);
        _scheduler.RunAll();
        Assert.True(trimmed.IsCompleted);
        return trimmed.Result;
    }

    /// <summary>Advances the time, and runs all work that is due by then.</summary>
    public void Pass(TimeSpan duration)
    {
        Time.Advance(duration);
        _scheduler.RunAll();
    }

    public void Configure(Func<TopicConfiguration, TopicConfiguration?> change) =>
        Assert.NotNull(_catalog.ConfigureAsync("t", change).GetAwaiter().GetResult());

    /// <summary>Raises the number of the topic's partitions.</summary>
    public void Grow(int partitions)
    {
        var growth = _catalog.ConfigureAsync("t", before => before with { Partitions = partitions });
        Partitions = growth.GetAwaiter().GetResult()!.Partitions;
    }

    /// <summary>Runs all work that is ready.</summary>
    public void RunAll() => _scheduler.RunAll();

    /// <summary>Reads all lines as readers get them, with pages of a given size.</summary>
    public byte[] ReadAll(int pageBytes = 1 << 20)
    {
        var bytes = new List<byte>();
        for (var place = LogPlace.Earliest; ; )
        {
            using var page = Partition.Fetch(place, PageSize.AtMost(pageBytes));
            if (page.Status != FetchStatus.Page)
                return [.. bytes];
            var content = new byte[page.Region!.LengthBytes];
            page.Region.File.ReadExactly(content, page.Region.Position);
            bytes.AddRange(content);
            place = LogPlace.At(page.NextOffset);
        }
    }

    public void Close()
    {
        var closing = _catalog.DisposeAsync().AsTask();
        _scheduler.RunAll();
        Assert.True(closing.Wait(TimeSpan.FromSeconds(20)));
    }

    /// <summary>Stops cleanly, changes the files, and starts again.</summary>
    public void Restart(Action<PowerCutFileSystem>? meanwhile = null)
    {
        Close();
        meanwhile?.Invoke(FileSystem);
        Open();
    }

    /// <summary>Changes the files of a closed log, and starts again.</summary>
    public void Reopen(Action<PowerCutFileSystem> meanwhile)
    {
        meanwhile(FileSystem);
        Open();
    }

    /// <summary>Kills the process, changes the files, and starts again.</summary>
    public void Kill(Action<PowerCutFileSystem>? meanwhile = null)
    {
        _scheduler.Clear();
        Commits.Clear();
        FileSystem = FileSystem.Kill();
        meanwhile?.Invoke(FileSystem);
        Open();
    }

    /// <summary>Ends the process, alone or with the power, and starts another.</summary>
    public void Die(bool cutsPower)
    {
        if (cutsPower)
            CutPower();
        else
            Kill();
    }

    public void Delete()
    {
        var deletion = _catalog.DeleteAsync("t");
        _scheduler.RunAll();
        Assert.True(deletion.Wait(TimeSpan.FromSeconds(20)));
    }

    public void Recreate() => Partitions = _catalog.GetOrCreateAsync("t", _configuration).Result.Topic.Partitions;

    public void CutPower()
    {
        _scheduler.Clear();
        Commits.Clear();
        FileSystem = FileSystem.PowerCut();
        Open();
    }

    /// <summary>
    /// Kills the process at the first of the given calls, which has no effect any more, and starts another.
    /// </summary>
    public void KillAt(FileSystemCallKind kind, string pathEnd, Action meanwhile)
    {
        StopAt(kind, pathEnd, meanwhile);
        Open();
    }

    /// <summary>Kills the process at the first of the given calls, which has no effect any more.</summary>
    public void StopAt(FileSystemCallKind kind, string pathEnd, Action meanwhile)
    {
        FileSystem.Faults = call =>
            call.Kind == kind && call.Path.EndsWith(pathEnd, StringComparison.Ordinal)
                ? throw new PowerCutException()
                : Fault.None;
        Assert.Throws<PowerCutException>(meanwhile);
        _scheduler.Clear();
        Commits.Clear();
        FileSystem.Faults = null;
        FileSystem = FileSystem.Kill();
    }

    /// <summary>
    /// Starts a log that was closed or killed. Kills the process or cuts the power at a call of that start, of which
    /// the first is 0, and starts it again. False if the start ended with fewer calls.
    /// </summary>
    public bool TryOpenBrokenOff(int callNumber, bool cutsPower)
    {
        FileSystem.Faults = _ => callNumber-- == 0 ? throw new PowerCutException() : Fault.None;
        try
        {
            Open();
            FileSystem.Faults = null;
            return false;
        }
        catch (PowerCutException)
        {
            _scheduler.Clear();
            FileSystem.Faults = null;
            FileSystem = cutsPower ? FileSystem.PowerCut() : FileSystem.Kill();
            Open();
            return true;
        }
    }

    public byte[] ReadFile(string path)
    {
        using var file = FileSystem.Open(path);
        var content = new byte[file.LengthBytes];
        file.ReadExactly(content, 0);
        return content;
    }

    void Open()
    {
        _catalog = TopicCatalog.Open(
            new StorageEnvironment
            {
                FileSystem = FileSystem,
                Time = Time,
                AppendScheduler = _scheduler,
                CommitScheduler = Commits,
                NewId = () => _nextId++,
            },
            _options
        );
        Partitions = _catalog.GetOrCreateAsync("t", _configuration).Result.Topic.Partitions;
    }
}

/// <summary>Passes work on to another scheduler, or holds the work of one owner until a test releases it.</summary>
sealed class HoldingScheduler(PipeScheduler inner) : PipeScheduler
{
    readonly List<(Action<object?> Action, object? State)> _held = [];
    readonly HashSet<Type> _heldTypes = [];

    /// <summary>Holds the work of objects of a type from now on.</summary>
    public void Hold<T>() => _heldTypes.Add(typeof(T));

    public override void Schedule(Action<object?> action, object? state)
    {
        if (state is not null && _heldTypes.Contains(state.GetType()))
            _held.Add((action, state));
        else
            inner.Schedule(action, state);
    }

    /// <summary>Passes on the held work, and holds no more.</summary>
    public void Release()
    {
        _heldTypes.Clear();
        foreach (var (action, state) in _held)
            inner.Schedule(action, state);
        _held.Clear();
    }

    /// <summary>Discards the held work, and holds no more.</summary>
    public void Clear()
    {
        _heldTypes.Clear();
        _held.Clear();
    }

    /// <summary>Runs the held work of a type, alone, on this thread, and holds no more of it.</summary>
    public void RunHeld<T>()
    {
        _heldTypes.Remove(typeof(T));
        var run = _held.FindAll(static work => work.State is T);
        _held.RemoveAll(static work => work.State is T);
        foreach (var (action, state) in run)
            action(state);
    }
}
