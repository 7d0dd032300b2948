using LogHttp.Storage.Partitions;
using LogHttp.Storage.Producers;
using LogHttp.Storage.Segments;

namespace LogHttp.Storage.Appending;

/// <summary>
/// Writes the partition's checkpoints, and knows the one that is on the disk. A syncer, a turn or a verification calls
/// it.
/// </summary>
internal sealed class CheckpointWriter(Appender appender, RecoveredPartition found)
{
    // Held while a checkpoint is written. Never taken below the partition's lock.
    readonly Lock _gate = new();

    // Guarded by _gate. The name of a checkpoint file that a start found may never have been synced.
    Checkpoint _written = found.Checkpoint;
    bool _isWrittenDurable;

    // Guarded by _gate: by now the directory may have been renamed, or hold another topic's files.
    bool _isEnded;

    // Used by the syncer, and by the closing turn after the last sync.
    long _bytesSinceLast = found.UncheckpointedBytes;
    long _keyBytes = KeyBytesOf(found.Producers);

    /// <summary>
    /// Whether enough was synced for another checkpoint. Used by the syncer. A checkpoint of many idempotency keys is
    /// large, so it waits for as many bytes of the log.
    /// </summary>
    public bool IsDue => _bytesSinceLast >= Math.Max(appender.Context.Options.CheckpointBytes, _keyBytes);

    /// <summary>Counts bytes that were synced. Used by the syncer.</summary>
    public void NoteSynced(long sizeBytes) => _bytesSinceLast += sizeBytes;

    /// <summary>Writes a checkpoint. If the disk refuses it, the one before stays valid.</summary>
    /// <param name="segment">The segment of <paramref name="durable"/>.</param>
    /// <param name="durable">The end of a batch, up to which the log is durable in its segments.</param>
    public void TryWrite(Segment segment, in LogState durable)
    {
        (_bytesSinceLast, _keyBytes) = (0, KeyBytesOf(durable.Producers));
        try
        {
            Write(segment, durable, logStartOffset: 0);
        }
        catch (IOException exception)
        {
            // Only a start after a crash has more to read.
            LogFailure(exception);
        }
        catch (LogClosedException)
        {
            // A trim has left the segment meanwhile and has written its own checkpoint.
        }
    }

    /// <summary>Writes the checkpoint again unless it is unchanged. The start of a log never moves back.</summary>
    public void Write(Segment segment, in LogState durable, long logStartOffset)
    {
        var partition = appender.JournalPartition;
        lock (_gate)
        {
            var cursor = durable.Cursor;
            var startOffset = Math.Max(logStartOffset, _written.LogStartOffset);
            var checkpoint = new Checkpoint(startOffset, cursor, durable.LastStampMs, durable.Producers)
            {
                Damage = FoundDamage(),
                IsJournaled = durable.IsJournaled,
            };
            // A turn that trimmed may have written a newer checkpoint before the syncer's.
            if (cursor.NextOffset < _written.Durable.NextOffset)
                return;
            if (checkpoint != _written || (partition.IsKnown && !_isWrittenDurable))
            {
                using (var lease = segment.Acquire(isSealed: false))
                    appender.Publication.SyncIndex(lease.Files.Index);
                Replace(checkpoint);
            }
            partition.SetCheckpointed(checkpoint.IsJournaled, cursor.BaseOffset, cursor.Position);
        }
    }

    /// <summary>
    /// Remembers the damage that a verification found in a segment, durably, and forgets the earlier findings. Any
    /// thread. This is not a step of the turn.
    /// </summary>
    public void SetDamage(Segment segment, IReadOnlyList<DamagedRange> damage)
    {
        if (damage.SequenceEqual(segment.Damage))
            return;
        segment.Damage = damage;
        lock (_gate)
        {
            // The files of a stopped partition stay as they are, for people to examine.
            if (_isEnded || appender.StoppedReason is not null)
                return;
            try
            {
                Replace(_written with { Damage = FoundDamage() });
            }
            catch (IOException exception)
            {
                LogFailure(exception);
            }
        }
    }

    /// <summary>Prevents later checkpoints. Used by the closing turn.</summary>
    public void End()
    {
        lock (_gate)
            _isEnded = true;
    }

    /// <summary>Under <c>_gate</c>.</summary>
    void Replace(Checkpoint checkpoint)
    {
        checkpoint.Write(appender.Context);
        (_written, _isWrittenDurable) = (checkpoint, true);
    }

    static long KeyBytesOf(ProducerTable producers) => producers.Keys?.EncodedBytes ?? 0;

    void LogFailure(IOException exception) =>
        StorageLog.CheckpointFailed(appender.Context.Environment.Logger, exception, appender.Context.Directory);

    // No damage is always the same empty array, so that an unchanged checkpoint is equal to the one before.
    SegmentDamage[] FoundDamage() =>
        [
            .. appender.View.Segments.SelectMany(static segment =>
                segment.Damage.Select(range => new SegmentDamage(segment.BaseOffset, range))
            ),
        ];
}
