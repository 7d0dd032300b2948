using System.Text.Json;
using BenchmarkDotNet.Attributes;
using LogHttp.Benchmarks.Contest;

namespace LogHttp.Benchmarks.Pieces;

/// <summary>
/// Whether a line is one JSON value: LogHttp's scanner, and the framework's reader that it calls only in doubt.
/// </summary>
public class JsonPieces
{
    const int MaxDepth = 60;

    byte[] _json = [];

    [Params(100, 1024)]
    public int Bytes { get; set; }

    [GlobalSetup]
    public void Prepare() => _json = Payloads.Json(Bytes);

    [Benchmark]
    public int JsonScanner() => new Storage.Records.JsonScanner(_json, MaxDepth).FindEnd(0);

    [Benchmark(Baseline = true)]
    public bool Utf8JsonReader()
    {
        var reader = new Utf8JsonReader(_json, new JsonReaderOptions { MaxDepth = MaxDepth });
        while (reader.Read())
        {
            // The reader is called only for its exceptions.
        }
        return reader.CurrentDepth == 0;
    }
}
