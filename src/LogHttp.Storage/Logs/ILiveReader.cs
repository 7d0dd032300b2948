namespace LogHttp.Storage.Logs;

/// <summary>What a live reader did with new records.</summary>
public enum LiveOutcome
{
    /// <summary>It has them all, and waits for more.</summary>
    Taken,

    /// <summary>It has begun with them, and has to finish on its own thread. Its wait ends.</summary>
    Begun,

    /// <summary>It has none of them, and reads for itself. Its wait ends.</summary>
    Declined,
}

/// <summary>Takes new records while its <see cref="LogFollower"/> waits at the end of a log.</summary>
public interface ILiveReader
{
    /// <summary>
    /// Takes the records, without waiting for a disk or a client. Called on a thread of the pool while the wait lasts,
    /// and the wait does not end before it returns.
    /// </summary>
    LiveOutcome Take(SharedPage page);
}
