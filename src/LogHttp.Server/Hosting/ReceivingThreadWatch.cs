using Microsoft.Extensions.Options;

namespace LogHttp.Server.Hosting;

/// <summary>
/// Reports a receiving thread that runs one request for too long. All connections of that thread wait meanwhile. Each
/// receiving thread writes its own slot, and a thread of the watch reads them.
/// </summary>
internal sealed partial class ReceivingThreadWatch(
    IOptions<ServerSettings> settings,
    ILogger<ReceivingThreadWatch> logger
) : IHostedService, IDisposable
{
    /// <summary>A request that is found running at two checks in a row has run for at least this long.</summary>
    internal static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(100);

    static readonly Lock Gate = new();

    // Guarded by Gate. The runtime has one receiving thread for each processor, and Kestrel one that ends idle
    // connections. Threads of the pool, which come and go, have no slot.
    static readonly List<Slot> Slots = [];

    [ThreadStatic]
    static Slot? CurrentSlot;

    // Used by the watch: the sequences at the last check and at the last report.
    readonly Dictionary<Slot, (long Checked, long Reported)> _seen = [];
    readonly ManualResetEventSlim _stopping = new();
    Thread? _thread;

    /// <summary>Notes that the current receiving thread begins to run a request. Dispose of it at the end.</summary>
    public static Run Begin()
    {
        var slot = CurrentSlot ??= AddSlot();
        slot.Endpoint = null;
        Volatile.Write(ref slot.Sequence, slot.Sequence + 1);
        return new Run(slot);
    }

    /// <summary>Notes which endpoint the current receiving thread runs. Does nothing on another thread.</summary>
    public static void SetEndpoint(Endpoint? endpoint)
    {
        if (CurrentSlot is { } slot)
            slot.Endpoint = endpoint;
    }

    public Task StartAsync(CancellationToken cancellationToken)
    {
        if (!settings.Value.SchedulesInline)
            return Task.CompletedTask;
        // Not a timer, because timers run on the pool, which may be just as busy.
        _thread = new Thread(Watch) { IsBackground = true, Name = "receiving watch" };
        _thread.Start();
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken)
    {
        _stopping.Set();
        return Task.CompletedTask;
    }

    public void Dispose()
    {
        _stopping.Set();
        // Not longer, because the log that it writes to may hang.
        _thread?.Join(10 * Interval);
        _stopping.Dispose();
    }

    void Watch()
    {
        while (!_stopping.Wait(Interval))
            Check();
    }

    /// <summary>Reports each slot that runs the same request as at the last check, once.</summary>
    internal void Check()
    {
        Slot[] slots;
        lock (Gate)
            slots = [.. Slots];
        foreach (var slot in slots)
        {
            var sequence = Volatile.Read(ref slot.Sequence);
            var seen = _seen.GetValueOrDefault(slot);
            var isStuck = sequence % 2 == 1 && sequence == seen.Checked && sequence != seen.Reported;
            _seen[slot] = (sequence, isStuck ? sequence : seen.Reported);
            if (!isStuck)
                continue;
            ReceivingThreadStuck(
                logger,
                slot.Thread.ManagedThreadId,
                Interval.TotalMilliseconds,
                slot.Endpoint?.DisplayName ?? "a request before its endpoint"
            );
        }
    }

    static Slot AddSlot()
    {
        var slot = new Slot(Thread.CurrentThread);
        lock (Gate)
            Slots.Add(slot);
        return slot;
    }

    [LoggerMessage(
        1,
        LogLevel.Warning,
        "Receiving thread {Thread} has run {Endpoint} for more than {IntervalMs} ms. The thread's other connections "
            + "wait. LogHttp:InlineRequests=false moves all requests to other threads"
    )]
    static partial void ReceivingThreadStuck(ILogger logger, int thread, double intervalMs, string endpoint);

    /// <summary>The time during which a receiving thread runs one request.</summary>
    internal readonly ref struct Run(Slot slot)
    {
        public void Dispose() => Volatile.Write(ref slot.Sequence, slot.Sequence + 1);
    }

    /// <summary>What one receiving thread does.</summary>
    internal sealed class Slot(Thread thread)
    {
        /// <summary>Odd while a request runs. Written by the receiving thread.</summary>
        public long Sequence;

        /// <summary>The endpoint that runs, or null before routing. Written by the receiving thread.</summary>
        public volatile Endpoint? Endpoint;

        public Thread Thread => thread;
    }
}
