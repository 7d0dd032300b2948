using System.Globalization;
using BenchmarkDotNet.Attributes;
using LogHttp.Storage;
using LogHttp.Storage.Appending;
using LogHttp.Storage.Producers;
using LogHttp.Storage.Reading;
using LogHttp.Storage.Records;

namespace LogHttp.Benchmarks.Pieces;

/// <summary>Lookups of a request's producer and of its position in the log.</summary>
public class LookupPieces
{
    const int Producers = 1_000;
    const long NowMs = 1_763_800_000_123;

    ProducerTable _table = new(new ProducerLimits(Producers, ExpiryMs: 1_000_000));
    RecordBatch[] _batches = [];
    string[] _places = [];

    [GlobalSetup]
    public void Prepare()
    {
        _batches = [new(new RecordLimits(), new ProducerStamp("producer-777", 0, 1))];
        _batches[0].AddText("x"u8);
        for (var number = 0; number < Producers; number++)
            _table = _table.With(
                new(string.Create(CultureInfo.InvariantCulture, $"producer-{number}"), 0, 0),
                new ProducedBatch(0, 1, 0, number, number + 1, NowMs),
                NowMs
            );
        _places = ["1234567", "latest", "@1763800000123", "@2026-11-22T10:00:00Z"];
    }

    [GlobalCleanup]
    public void Clean() => _batches[0].Dispose();

    [Benchmark]
    public bool ProducerTableCheck() =>
        ProducerCheck.Check(_table, _batches[0], mayOverlap: false, NowMs, out _) is null;

    [Benchmark]
    public bool LogPlaceOffset() => LogPlace.TryParse(_places[0], out _);

    [Benchmark]
    public bool LogPlaceWord() => LogPlace.TryParse(_places[1], out _);

    [Benchmark]
    public bool LogPlaceMilliseconds() => LogPlace.TryParse(_places[2], out _);

    [Benchmark]
    public bool LogPlaceTime() => LogPlace.TryParse(_places[3], out _);
}
