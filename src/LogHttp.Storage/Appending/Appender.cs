using LogHttp.Storage.Journal;
using LogHttp.Storage.Partitions;
using LogHttp.Storage.Producers;
using LogHttp.Storage.Records;
using LogHttp.Storage.Segments;
using LogHttp.Storage.Waiting;

namespace LogHttp.Storage.Appending;

/// <summary>
/// Writes one partition. Requests wait in the <see cref="AppendQueue"/>. One <see cref="AppendTurn"/> at a time takes a
/// group of them and writes it to the segment. The flush policy decides how the group becomes durable. The
/// <see cref="Publication"/> and the responses follow beside the next turn. No thread is kept while nothing waits.
/// </summary>
/// <remarks>
/// This class joins the parts. Besides the lock it has no state of its own. Each field belongs to one part:
/// <list type="bullet">
/// <item>
/// <see cref="Gate"/>, the partition's lock, guards <see cref="AppendQueue"/>, <see cref="Watermarks"/>,
/// <see cref="Publication"/> and <see cref="BackgroundSyncs"/>. It is never held across I/O. It is one lock, because
/// decisions need several of them at once.
/// </item>
/// <item>
/// <see cref="AppendTurn"/>, <see cref="SegmentRoller"/>, <see cref="JournalReservation"/> and
/// <see cref="ManifestKeeper"/> belong to the holder of the turn: a work item of the append scheduler, or the operation
/// that the turn waits for.
/// </item>
/// <item><see cref="CheckpointWriter"/> has a lock of its own, which is never taken below <see cref="Gate"/>.</item>
/// </list>
/// Any thread reads <see cref="View"/>.
/// </remarks>
internal sealed class Appender : IUnsyncedLog, IPublishedLog
{
    public Appender(
        PartitionContext context,
        AppendBudget budget,
        TopicConfiguration configuration,
        RecoveredPartition found
    )
    {
        Context = context;
        Queue = new AppendQueue(
            Gate,
            budget,
            context.Options.MaxQueuedBytes,
            context.Options.GatheredBytes,
            configuration,
            found.ReadOnlyReason
        );
        Watermarks = new Watermarks(found);
        Waiters = new LogWaiters(context.Environment.AppendScheduler, this);
        Publication = new Publication(this);
        Checkpoints = new CheckpointWriter(this, found);
        Syncs = new BackgroundSyncs(this);
        ManifestKeeper = new ManifestKeeper(this, found);
        Turn = new AppendTurn(this, found);
        context.Reserve.Request(Checkpoint.MaxEncodedBytes(found.Producers));
    }

    public PartitionContext Context { get; }

    /// <summary>The partition's lock.</summary>
    public Lock Gate { get; } = new();

    public AppendQueue Queue { get; }

    public Watermarks Watermarks { get; }

    public Publication Publication { get; }

    public BackgroundSyncs Syncs { get; }

    public CheckpointWriter Checkpoints { get; }

    public ManifestKeeper ManifestKeeper { get; }

    public AppendTurn Turn { get; }

    /// <summary>The readers that wait for more records.</summary>
    public LogWaiters Waiters { get; }

    /// <summary>The partition as the journal knows it.</summary>
    public JournalPartition JournalPartition => Context.JournalPartition;

    /// <summary>The partition's manifest. Null for a read-only partition without a valid one.</summary>
    public SegmentManifest? Manifest => ManifestKeeper.Manifest;

    /// <inheritdoc/>
    public LogView View => Watermarks.View;

    IdempotencyTable? PublishedKeys
    {
        get
        {
            lock (Gate)
                return Watermarks.Published.Producers.Keys;
        }
    }

    /// <summary>Why appends are rejected, or null.</summary>
    public string? StoppedReason
    {
        get
        {
            lock (Gate)
                return Queue.StoppedReason;
        }
    }

    /// <summary>
    /// Whether the journal decides the log's end, and how many bytes of the active segment are durable only in the
    /// journal. For operators.
    /// </summary>
    public (bool IsJournaled, long UnsyncedBytes) JournalPosition
    {
        get
        {
            lock (Gate)
                return Watermarks.JournalPosition;
        }
    }

    /// <inheritdoc/>
    public bool IsUnsynced => Syncs.IsUnsynced;

    /// <inheritdoc/>
    public bool CanCloseFiles => Context.Syncer.CanSyncAll;

    /// <inheritdoc/>
    public bool IsRepairDue => Queue.Repair is not null;

    /// <inheritdoc/>
    public int NextUnitBytes => Turn.Reservation.UnitBytes;

    /// <summary>Queues a request, or completes it at once if it can't be accepted.</summary>
    public void Append(AppendRequest request)
    {
        var refusal = Queue.TryEnqueue(request, out var beginsTurn);
        if (refusal is { } result)
            request.Complete(result);
        else if (beginsTurn)
            ScheduleTurn();
    }

    /// <inheritdoc cref="AppendQueue.CheckRoom"/>
    public AppendResult? CheckRoom(long sizeBytes) => Queue.CheckRoom(sizeBytes);

    /// <summary>Queues a trim, or completes it at once if it can't be accepted.</summary>
    public Task<long> Trim(TrimRequest trim)
    {
        if (Queue.Enqueue(trim))
            ScheduleTurn();
        return trim.Task;
    }

    /// <summary>Returns the epoch and the next sequence of a producer in the published records.</summary>
    public (long Epoch, long NextSequence)? FindProducer(string id)
    {
        LogState published;
        lock (Gate)
            published = Watermarks.Published;
        var nowMs = Math.Max(Context.Environment.NowMs, published.LastStampMs);
        return published.Producers.Find(id, nowMs) is { } found ? (found.Epoch, found.NextSequence) : null;
    }

    /// <summary>Compares a producer's batch with the published batches of that producer.</summary>
    public ProducerMatch CompareProducer(RecordBatch batch)
    {
        LogState published;
        lock (Gate)
            published = Watermarks.Published;
        var nowMs = Math.Max(Context.Environment.NowMs, published.LastStampMs);
        return ProducerCheck.Match(published.Producers, batch, nowMs);
    }

    /// <summary>
    /// Returns the number of partitions by which the first request with an idempotency key was routed, by the published
    /// records. Null if the key is unknown or has expired.
    /// </summary>
    public int? FindKeyPartitions(string key) => PublishedKeys?.Find(key, Context.Environment.NowMs)?.Stamp.Partitions;

    /// <summary>
    /// Returns the outcome of a batch with an idempotency key by the published records, or null if it would be
    /// appended.
    /// </summary>
    public AppendResult? CheckKey(IdempotencyStamp stamp) =>
        IdempotencyCheck.Check(PublishedKeys, stamp, Context.Environment.NowMs);

    /// <summary>
    /// Continues with another configuration. Data that the old policy left unsynced is synced as the new one asks.
    /// </summary>
    public void Configure(TopicConfiguration configuration)
    {
        bool wasDue;
        lock (Gate)
        {
            Queue.Configuration = configuration;
            // Data acknowledged under the old policy is synced now, so no later than that policy promised.
            wasDue = Syncs.StopTimer();
        }
        RequireManifestSteps(ManifestSteps.Configuration);
        if (wasDue)
            Syncs.Submit();
        else
            Syncs.SyncInBackground();
    }

    /// <summary>
    /// Deletes files that an earlier trim could not delete, and compacts the manifest if it has grown. Any thread. The
    /// work runs in the turn, while no append waits.
    /// </summary>
    public void Tidy()
    {
        if (ManifestKeeper.NeedsTidying)
            RequireManifestSteps(ManifestSteps.Tidying);
    }

    /// <inheritdoc cref="CheckpointWriter.SetDamage"/>
    public void SetDamage(Segment segment, IReadOnlyList<DamagedRange> damage) =>
        Checkpoints.SetDamage(segment, damage);

    /// <summary>
    /// Finishes the accepted requests, makes all data durable and writes the checkpoint. Later appends are rejected.
    /// </summary>
    /// <param name="isDeletion">
    /// Whether the partition's files are deleted next. Then the journal records it durably.
    /// </param>
    public Task CloseAsync(bool isDeletion = false)
    {
        var closed = Queue.BeginClosing(isDeletion, out var beginsTurn);
        if (beginsTurn)
            ScheduleTurn();
        return closed;
    }

    /// <summary>Continues a turn that waited for the journal.</summary>
    public void Resume(IOException? failure)
    {
        Turn.Reservation.Failure = failure;
        ScheduleTurn();
    }

    /// <inheritdoc/>
    public void SyncFor(JournalCheckpoint checkpoint) => Syncs.SyncFor(checkpoint);

    /// <summary>Runs the turn's next step on the append scheduler. Only for the holder of the turn.</summary>
    public void ScheduleTurn() =>
        Context.Environment.AppendScheduler.Schedule(static turn => ((AppendTurn)turn!).Run(), Turn);

    void RequireManifestSteps(ManifestSteps steps)
    {
        if (Queue.RequireManifestSteps(steps))
            ScheduleTurn();
    }
}
