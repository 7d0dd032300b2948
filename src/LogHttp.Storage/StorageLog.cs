using Microsoft.Extensions.Logging;

namespace LogHttp.Storage;

/// <summary>The log messages for operators. Event ids are stable, because dashboards filter by them.</summary>
internal static partial class StorageLog
{
    [LoggerMessage(1, LogLevel.Information, "{Topics} topics with {Partitions} partitions opened in {ElapsedMs} ms")]
    public static partial void CatalogOpened(ILogger logger, int topics, int partitions, long elapsedMs);

    [LoggerMessage(
        2,
        LogLevel.Information,
        "{Directory}: not closed cleanly; {ReadBytes} bytes after the checkpoint were checked, the next offset "
            + "is {NextOffset}"
    )]
    public static partial void PartitionRecovered(ILogger logger, string directory, long readBytes, long nextOffset);

    [LoggerMessage(
        3,
        LogLevel.Warning,
        "{Path}: {TornBytes} bytes after position {Position} belong to no whole batch ({Reason}); they were cut "
            + "and kept as {TornPath}"
    )]
    public static partial void TornTailCut(
        ILogger logger,
        string path,
        long tornBytes,
        long position,
        string reason,
        string tornPath
    );

    [LoggerMessage(
        4,
        LogLevel.Error,
        "{Path}: {TornBytes} torn bytes after position {Position} could not be kept beside the segment"
    )]
    public static partial void TornTailNotKept(
        ILogger logger,
        Exception exception,
        string path,
        long tornBytes,
        long position
    );

    [LoggerMessage(
        5,
        LogLevel.Error,
        "{Directory}: opened READ-ONLY. {Reason}. Nothing was cut; stop the server, then repair the file or "
            + "restore it from a copy"
    )]
    public static partial void PartitionReadOnly(ILogger logger, string directory, string reason);

    [LoggerMessage(6, LogLevel.Critical, "{Directory}: {Reason}")]
    public static partial void PartitionStopped(ILogger logger, Exception? exception, string directory, string reason);

    [LoggerMessage(
        7,
        LogLevel.Error,
        "{Directory}: a write failed; {Requests} appends were refused and nothing of them was kept. Further "
            + "refusals are not logged until a write succeeds"
    )]
    public static partial void WriteFailed(ILogger logger, Exception exception, string directory, int requests);

    [LoggerMessage(
        8,
        LogLevel.Warning,
        "{Directory}: the checkpoint could not be renewed; the next start may have to read more"
    )]
    public static partial void CheckpointFailed(ILogger logger, Exception exception, string directory);

    [LoggerMessage(
        9,
        LogLevel.Warning,
        "{Path}: the checkpoint can't be used ({Reason}); all segments are read instead"
    )]
    public static partial void CheckpointUnusable(ILogger logger, string path, string reason);

    [LoggerMessage(
        10,
        LogLevel.Warning,
        "{Path}: the index was missing or damaged and was rebuilt with {Entries} entries"
    )]
    public static partial void IndexRebuilt(ILogger logger, string path, int entries);

    [LoggerMessage(11, LogLevel.Warning, "{Path}: an unknown file in the data directory is left alone")]
    public static partial void ForeignFile(ILogger logger, string path);

    [LoggerMessage(12, LogLevel.Information, "{Path}: an empty segment that an interrupted roll left was removed")]
    public static partial void LeftoverRemoved(ILogger logger, string path);

    [LoggerMessage(
        14,
        LogLevel.Error,
        "{Directory}: opened READ-ONLY. The disk is full, and the index or the checkpoint could not be written. "
            + "Make room, then restart"
    )]
    public static partial void OpenedOnFullDisk(ILogger logger, Exception exception, string directory);

    [LoggerMessage(
        13,
        LogLevel.Warning,
        "syncfs of the file system {Volume} failed. From now on each of its files is synced alone, to find the "
            + "one with the error"
    )]
    public static partial void SyncAllFailed(ILogger logger, Exception exception, string volume);

    [LoggerMessage(
        16,
        LogLevel.Warning,
        "{Directory}: a deleted topic's files could not all be removed; the next start tries again"
    )]
    public static partial void RemovalFailed(ILogger logger, Exception exception, string directory);

    [LoggerMessage(
        17,
        LogLevel.Warning,
        "{Path}: lies before the log's start and could not be removed yet; a later roll or start tries again"
    )]
    public static partial void SpaceNotReturned(ILogger logger, Exception exception, string path);

    [LoggerMessage(18, LogLevel.Information, "{Path}: a segment that lies before the log's start was removed")]
    public static partial void TrimmedSegmentRemoved(ILogger logger, string path);

    [LoggerMessage(
        19,
        LogLevel.Warning,
        "{Path}: there is no room for the reserve. Without it, a full disk can't be trimmed"
    )]
    public static partial void NoReserve(ILogger logger, Exception exception, string path);

    [LoggerMessage(
        20,
        LogLevel.Information,
        "Topic {Topic}, partition {Partition}: retention removes the records before offset {Offset}. They "
            + "are too old, or the topic has too many bytes"
    )]
    public static partial void RetentionTrims(ILogger logger, string topic, int partition, long offset);

    [LoggerMessage(
        21,
        LogLevel.Warning,
        "Topic {Topic}, partition {Partition}: retention could not remove records. It tries again"
    )]
    public static partial void RetentionFailed(ILogger logger, Exception exception, string topic, int partition);

    [LoggerMessage(
        22,
        LogLevel.Error,
        "Topic {Topic}, partition {Partition}: {Path} is DAMAGED at position {Position}: {Reason}. Readers get all "
            + "but that block. Restore the file from a backup"
    )]
    public static partial void DamageFound(
        ILogger logger,
        string topic,
        int partition,
        string path,
        long position,
        string reason
    );

    [LoggerMessage(23, LogLevel.Error, "The scrub could not read a segment. It tries again after a day")]
    public static partial void ScrubFailed(ILogger logger, Exception exception);

    [LoggerMessage(
        36,
        LogLevel.Information,
        "{Directory}: upgraded from format {OldFormat} to format {NewFormat}. Servers that know only the old "
            + "format can't open it any more"
    )]
    public static partial void TopicUpgraded(ILogger logger, string directory, int oldFormat, int newFormat);

    [LoggerMessage(15, LogLevel.Error, "{Directory}: the topic could not be opened and is not served. Others are")]
    public static partial void TopicDamaged(ILogger logger, Exception exception, string directory);

    [LoggerMessage(
        24,
        LogLevel.Error,
        "{Path}: a write or sync failed. The round is written again in another journal file, and this one is not "
            + "used any more"
    )]
    public static partial void JournalFileFailed(ILogger logger, Exception exception, string path);

    [LoggerMessage(
        25,
        LogLevel.Critical,
        "The journal can't be written. Whether {Units} groups of appends are durable is unknown; their "
            + "partitions take no more writes until the server is restarted on a healthy disk"
    )]
    public static partial void JournalFailed(ILogger logger, Exception exception, int units);

    [LoggerMessage(
        26,
        LogLevel.Error,
        "{Directory}: a journal file could not be created. Appends wait for a file, or are refused where there is none"
    )]
    public static partial void NoJournalFile(ILogger logger, Exception exception, string directory);

    [LoggerMessage(27, LogLevel.Warning, "{Path}: the journal file can't be used again yet; the server tries again")]
    public static partial void JournalFileNotFreed(ILogger logger, Exception exception, string path);

    [LoggerMessage(
        28,
        LogLevel.Warning,
        "{Directory}: the journal could not be marked empty. The next start applies it"
    )]
    public static partial void JournalNotEmptied(ILogger logger, Exception exception, string directory);

    [LoggerMessage(
        29,
        LogLevel.Information,
        "The journal made {Records} records of {Units} groups durable in {Rounds} rounds of {Bytes} bytes"
    )]
    public static partial void JournalClosed(ILogger logger, long rounds, long units, long records, long bytes);

    [LoggerMessage(
        30,
        LogLevel.Critical,
        "{Directory}: the journal is DAMAGED or missing: {Reason}. Nothing was cut, and every partition is "
            + "read-only. Restore the journal from a copy"
    )]
    public static partial void JournalDamaged(ILogger logger, string directory, string reason);

    [LoggerMessage(
        31,
        LogLevel.Information,
        "Not closed cleanly: the journal was applied to {Partitions} partitions, up to round {LastRound}"
    )]
    public static partial void JournalApplied(ILogger logger, int partitions, ulong lastRound);

    [LoggerMessage(
        32,
        LogLevel.Error,
        "{Directory}: the journal has records that could not be written there ({Reason}). They are kept in "
            + "journal/unplaced until the directory is back"
    )]
    public static partial void EntriesUnplaced(ILogger logger, string directory, string reason);

    [LoggerMessage(
        33,
        LogLevel.Error,
        "{Directory}: a sync of the active segment failed. Readers wait while its bytes are written again from "
            + "the journal"
    )]
    public static partial void SegmentRepairBegins(ILogger logger, Exception exception, string directory);

    [LoggerMessage(
        34,
        LogLevel.Warning,
        "{Directory}: the active segment was written again from the journal and synced"
    )]
    public static partial void SegmentRepaired(ILogger logger, string directory);

    [LoggerMessage(
        35,
        LogLevel.Critical,
        "{Directory}: the partition's journal entries could not be kept in journal/unplaced; journal files that "
            + "hold them are not used again"
    )]
    public static partial void NotMovedToUnplaced(ILogger logger, Exception exception, string directory);

    [LoggerMessage(
        37,
        LogLevel.Warning,
        "{Directory}: the deletion could not be recorded in the journal. The next start keeps the partition's "
            + "entries in journal/unplaced"
    )]
    public static partial void DeletionNotRecorded(ILogger logger, Exception exception, string directory);

    [LoggerMessage(
        38,
        LogLevel.Warning,
        "{Directory}: the partition had no manifest. One was built with the {Segments} segments that are there"
    )]
    public static partial void ManifestBuilt(ILogger logger, string directory, int segments);

    [LoggerMessage(
        39,
        LogLevel.Warning,
        "{Directory}: the manifest could not be renewed. The server tries again before it writes to a segment"
    )]
    public static partial void ManifestFailed(ILogger logger, Exception exception, string directory);

    [LoggerMessage(
        41,
        LogLevel.Warning,
        "{Directory}: topic.json was rebuilt from the partitions' manifests ({Fault})"
    )]
    public static partial void TopicFileRebuilt(ILogger logger, string directory, string fault);

    [LoggerMessage(
        42,
        LogLevel.Warning,
        "Topic {Topic}: retention waits until {GraceSeconds} s after the start. {Reason}, as after the restore "
            + "of an old backup"
    )]
    public static partial void RetentionHeld(ILogger logger, string topic, long graceSeconds, string reason);

    [LoggerMessage(43, LogLevel.Information, "{Directory}: the topic has grown from {Before} to {After} partitions")]
    public static partial void TopicGrown(ILogger logger, string directory, int before, int after);

    [LoggerMessage(
        44,
        LogLevel.Warning,
        "{Directory}: partitions that could not be added could not be removed either. The next start may find either "
            + "number of partitions"
    )]
    public static partial void GrowthNotUndone(ILogger logger, Exception exception, string directory);

    [LoggerMessage(
        40,
        LogLevel.Information,
        "{Directory}: {TornBytes} bytes at the manifest's end were never durable and are dropped"
    )]
    public static partial void ManifestTorn(ILogger logger, string directory, long tornBytes);
}
