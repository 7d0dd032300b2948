using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace LogHttp.Kestrel;

/// <summary>The counters of this library, and their names.</summary>
public sealed class SendFileMeter
{
    /// <summary>The name of the meter.</summary>
    public const string Name = "LogHttp.Kestrel";

    /// <summary>
    /// Counts the bytes of file regions handed to the kernel or to the server. The tag <c>path</c> is <c>sendfile</c>,
    /// <c>buffer</c> or <c>copy</c>.
    /// </summary>
    public const string RegionBytes = "loghttp.kestrel.region.bytes";

    /// <summary>
    /// Counts the readers dropped because they took nothing for too long. The tag <c>limit</c> names the setting.
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
        // The factory returns one meter per name and container, and a meter has one instrument per name. So listeners
        // and applications that each create theirs count together.
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
    /// Counts. A meter listener runs inside this call, in the middle of a connection's sends and in timers. A listener
    /// that throws would hang the connection or end the process.
    /// </summary>
    private void Add(Counter<long> counter, long count, KeyValuePair<string, object?> tag)
    {
        try
        {
            counter.Add(count, tag);
        }
        catch (Exception exception)
        {
            // Logged once, because it would throw for every region.
            if (Interlocked.Exchange(ref _hasFailed, 1) == 0)
                SendFileLog.MeterListenerFailed(_logger, exception);
        }
    }
}
