using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;

namespace LogHttp.Kestrel;

/// <summary>What this library counts, and under which names.</summary>
public sealed class SendFileMeter
{
    /// <summary>The name of the meter.</summary>
    public const string Name = "LogHttp.Kestrel";

    /// <summary>Counter, bytes of file regions handed to the kernel or to the server; tag <c>path</c> is <c>sendfile</c>, <c>buffer</c> or <c>copy</c>.</summary>
    public const string RegionBytes = "loghttp.kestrel.region.bytes";

    /// <summary>Counter, readers dropped because they took nothing for too long; tag <c>limit</c> names the setting.</summary>
    public const string StalledReaders = "loghttp.kestrel.stalled_readers";

    private static readonly KeyValuePair<string, object?> SendFilePath = new("path", "sendfile");
    private static readonly KeyValuePair<string, object?> BufferPath = new("path", "buffer");
    private static readonly KeyValuePair<string, object?> CopyPath = new("path", "copy");
    private static readonly KeyValuePair<string, object?> TimeoutLimit = new("limit", nameof(SendFileOptions.StalledReaderTimeout));

    private readonly Counter<long> _regionBytes;
    private readonly Counter<long> _stalledReaders;

    internal SendFileMeter(IServiceProvider services)
    {
        // The factory hands out one meter per name and container, and a meter one instrument per name: listeners and
        // applications may each ask for theirs and still count together.
        var meter = services.GetService<IMeterFactory>()?.Create(Name) ?? new Meter(Name);
        _regionBytes = meter.CreateCounter<long>(RegionBytes, "By", "Bytes of file regions sent, by the path they took.");
        _stalledReaders = meter.CreateCounter<long>(StalledReaders, "{reader}", "Readers dropped because they stopped reading.");
    }

    internal void SentByFile(long bytes) => _regionBytes.Add(bytes, SendFilePath);

    internal void SentByBuffer(long bytes) => _regionBytes.Add(bytes, BufferPath);

    internal void SentByCopy(long bytes) => _regionBytes.Add(bytes, CopyPath);

    internal void StalledReaderDropped() => _stalledReaders.Add(1, TimeoutLimit);
}
