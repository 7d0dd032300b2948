using System.Collections.Concurrent;
using System.Diagnostics.Metrics;

namespace LogHttp.Kestrel.Tests.Support;

/// <summary>The bytes counted by one host's meter. Other hosts of the test run have meters of their own.</summary>
internal sealed class CountedBytes : IDisposable
{
    private readonly MeterListener _listener = new();
    private readonly ConcurrentDictionary<string, long> _counts = new();

    internal CountedBytes(IMeterFactory factory)
    {
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter.Name == SendFileMeter.Name && ReferenceEquals(instrument.Meter.Scope, factory))
                listener.EnableMeasurementEvents(instrument);
        };
        _listener.SetMeasurementEventCallback<long>(
            (instrument, measurement, tags, _) =>
                _counts.AddOrUpdate(
                    $"{instrument.Name} {tags[0].Key}={tags[0].Value}",
                    measurement,
                    (_, before) => before + measurement
                )
        );
        _listener.Start();
    }

    internal long SendFile => Of($"{SendFileMeter.RegionBytes} path=sendfile");

    internal long Buffer => Of($"{SendFileMeter.RegionBytes} path=buffer");

    internal long Copy => Of($"{SendFileMeter.RegionBytes} path=copy");

    internal long StalledReaders =>
        Of($"{SendFileMeter.StalledReaders} limit={nameof(SendFileOptions.StalledReaderTimeout)}");

    private long Of(string key) => _counts.GetValueOrDefault(key);

    public void Dispose() => _listener.Dispose();
}
