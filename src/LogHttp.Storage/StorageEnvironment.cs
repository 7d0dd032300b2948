using System.IO.Pipelines;
using LogHttp.Storage.Files;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace LogHttp.Storage;

/// <summary>
/// Everything that the log takes from the outside world. Tests replace it, so that a failure replays from a seed.
/// </summary>
public sealed record StorageEnvironment
{
    /// <summary>The disk.</summary>
    public required IFileSystem FileSystem { get; init; }

    /// <summary>The clock and the timers.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Runs the partitions' turns at writing. Many turns run at once.</summary>
    public PipeScheduler AppendScheduler { get; init; } = AppendPool.Shared;

    /// <summary>
    /// Runs the syncs of all volumes. Null gives each volume a thread of its own. Syncs block most of the time, and
    /// would hold threads of a pool.
    /// </summary>
    public PipeScheduler? CommitScheduler { get; init; }

    /// <summary>Makes the random part of topic ids.</summary>
    public Func<long> NewId { get; init; } = static () => Random.Shared.NextInt64();

    /// <summary>Takes the messages for operators.</summary>
    public ILogger Logger { get; init; } = NullLogger.Instance;

    internal long NowMs => Time.GetUtcNow().ToUnixTimeMilliseconds();
}
