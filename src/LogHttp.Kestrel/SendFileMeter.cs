using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace LogHttp.Kestrel;

/// <summary>What this library counts, and under which names.</summary>
public sealed class SendFileMeter
{
    /// <summary>The name of the meter.</summary>
    public const string Name = "LogHttp.Kestrel";

    /// <summary>
    /// Counter, bytes of file regions handed to the kernel or to the server; tag <c>path</c> is <c>sendfile</c>,
    /// <c>buffer</c> or <c>copy</c>.
    /// </summary>
    public const string RegionBytes = "loghttp.kestrel.region.bytes";

    /// <summary>
    /// Counter, readers dropped because they took nothing for too long; tag <c>limit</c> names the setting.
    /// </summary>
    public const string StalledReaders = "loghttp.kestrel.stalled_readers";

    private static readonly KeyValuePair<string, object?> SendFilePath = new("path", "sendfile");
    private static readonly KeyValuePair<string, object?> BufferPath = new("path", "buffer");
    private static readonly KeyValuePair<string, object?> CopyPath = new("path", "copy");
    private static readonly KeyValuePair<string, object?> RateLimit = new(
        "limit",
        nameof(SendFileOptions.MinReaderBytesPerSecond)
    );
    private static readonly KeyValuePair<string, object?> TimeoutLimit = new(
        "limit",
        nameof(SendFileOptions.StalledReaderTimeout)
    );

    private readonly ILogger _logger;
    private readonly Counter<long> _regionBytes;
    private readonly Counter<long> _stalledReaders;

    private int _hasFailed;

    internal SendFileMeter(IServiceProvider services, ILogger logger)
    {
        _logger = logger;
        // The factory hands out one meter per name and container, and a meter one instrument per name: listeners and
        // applications may each ask for theirs and still count together.
        var meter = services.GetService<IMeterFactory>()?.Create(Name) ?? new Meter(Name);
        _regionBytes = meter.CreateCounter<long>(
            RegionBytes,
            "By",
            "Bytes of file regions sent, by the path they took."
        );
        _stalledReaders = meter.CreateCounter<long>(
            StalledReaders,
            "{reader}",
            "Readers dropped because they stopped reading."
        );
    }

    internal void SentByFile(long bytes) => Add(_regionBytes, bytes, SendFilePath);

    internal void SentByBuffer(long bytes) => Add(_regionBytes, bytes, BufferPath);

    internal void SentByCopy(long bytes) => Add(_regionBytes, bytes, CopyPath);

    internal void SlowReaderDropped() => Add(_stalledReaders, 1, RateLimit);

    internal void StalledReaderDropped() => Add(_stalledReaders, 1, TimeoutLimit);

    /// <summary>
    /// Counts. A listener runs in here, in the middle of a connection's sends and in timers: one that throws hung the
    /// connection in the one and ended the process in the other.
    /// </summary>
    private void Add(Counter<long> counter, long count, KeyValuePair<string, object?> tag)
    {
        try
        {
            counter.Add(count, tag);
        }
        catch (Exception exception)
        {
            // Once: it would throw for every region.
            if (Interlocked.Exchange(ref _hasFailed, 1) == 0)
                SendFileLog.MeterListenerFailed(_logger, exception);
        }
    }
}
