using BenchmarkDotNet.Attributes;
using LogHttp.Benchmarks.Contest;
using LogHttp.Storage;
using LogHttp.Storage.Files;
using LogHttp.Storage.Logs;
using LogHttp.Storage.Reading;
using LogHttp.Storage.Records;
using LogHttp.Storage.Topics;

namespace LogHttp.Benchmarks.Pieces;

/// <summary>Finds a page in a log of 100 MB, on the disk and in the page cache, and a topic among a thousand.</summary>
public class PagePieces
{
    const int RecordBytes = 300;
    const int Batches = 20;
    const int Topics = 1_000;

    readonly string _directory = Directory.CreateTempSubdirectory("loghttp-pieces-").FullName;
    TopicCatalog _catalog = null!;
    PartitionLog _log = null!;
    LogPlace _boundary;
    LogPlace _within;

    [GlobalSetup]
    public async Task PrepareAsync()
    {
        _catalog = TopicCatalog.Open(
            new StorageEnvironment { FileSystem = new PhysicalFileSystem(_directory) },
            new StorageOptions { Directory = _directory }
        );
        for (var number = 0; number < Topics; number++)
            await _catalog.GetOrCreateAsync($"topic-{number}");
        var found = await _catalog.GetOrCreateAsync("pages");
        _log = found.Topic.Partitions[0];
        var json = Payloads.Json(RecordBytes);
        for (var number = 0; number < Batches; number++)
        {
            // The log owns the batch from then on.
            var batch = new RecordBatch(new RecordLimits());
            while (batch.SizeBytes < 5_000_000)
                batch.AddJson(json);
            await _log.AppendAsync(batch);
        }
        // Pages end at a block's boundary. So the next page begins at one, and an offset some records on is within the
        // block.
        using var page = _log.Fetch(LogPlace.At(_log.EndOffset / 2), PageSize.Default);
        (_boundary, _within) = (LogPlace.At(page.NextOffset), LogPlace.At(page.NextOffset + 8));
    }

    [GlobalCleanup]
    public async Task CleanAsync()
    {
        await _catalog.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
    }

    [Benchmark]
    public long FetchAtBlockStart() => Fetch(_boundary);

    [Benchmark]
    public long FetchWithinBlock() => Fetch(_within);

    [Benchmark]
    public bool TopicCatalogFind() => _catalog.Find("topic-777") is not null;

    long Fetch(LogPlace place)
    {
        using var page = _log.Fetch(place, PageSize.Default);
        return page.NextOffset;
    }
}
