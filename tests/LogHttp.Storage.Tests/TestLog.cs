using System.Text;
using System.Text.Json;
using LogHttp.Storage.Appending;
using LogHttp.Storage.Files;
using LogHttp.Storage.Logs;
using LogHttp.Storage.Reading;
using LogHttp.Storage.Records;
using LogHttp.Storage.Topics;
using LogHttp.Testing;

namespace LogHttp.Storage.Tests;

/// <summary>A catalog with one topic on the real file system, and short methods for tests.</summary>
sealed class TestLog : IAsyncDisposable
{
    readonly TemporaryDirectory _directory = new();
    readonly TopicConfiguration _configuration;
    readonly Func<StorageOptions, StorageOptions> _adjust;
    readonly Func<IFileSystem, IFileSystem> _wrap;
    PhysicalFileSystem _fileSystem;
    TopicCatalog _catalog;

    TestLog(
        TopicConfiguration configuration,
        Func<StorageOptions, StorageOptions> adjust,
        Func<IFileSystem, IFileSystem> wrap
    )
    {
        (_configuration, _adjust, _wrap) = (configuration, adjust, wrap);
        (_fileSystem, _catalog) = OpenCatalog();
    }

    public Topic Topic { get; private set; } = null!;

    /// <summary>The catalog's file system since the last start.</summary>
    public IFileSystem FileSystem { get; private set; } = null!;

    public PartitionLog Partition => Topic.Partitions[0];

    public string DataDirectory => _directory.Path;

    public string PartitionDirectory => Path.Combine(_directory.Path, "topics", "t", "0");

    public IEnumerable<string> SegmentPaths =>
        Directory.GetFiles(PartitionDirectory, "*.ndjson").Order(StringComparer.Ordinal);

    public static async Task<TestLog> OpenAsync(
        TopicConfiguration? configuration = null,
        Func<StorageOptions, StorageOptions>? adjust = null,
        Func<IFileSystem, IFileSystem>? wrap = null
    )
    {
        var log = new TestLog(
            configuration ?? new(),
            adjust ?? (options => options),
            wrap ?? (fileSystem => fileSystem)
        );
        await log.FindPartitionAsync();
        return log;
    }

    public static RecordBatch Batch(params IEnumerable<string> values)
    {
        var batch = new RecordBatch(new RecordLimits());
        foreach (var value in values)
            Assert.Null(batch.AddText(Encoding.UTF8.GetBytes(value)));
        return batch;
    }

    public async Task<AppendResult> AppendAsync(params IEnumerable<string> values)
    {
        var result = await Partition.AppendAsync(Batch(values));
        Assert.Equal(AppendStatus.Appended, result.Status);
        return result;
    }

    public FetchResult Fetch(string place, int maxBytes = 1 << 20)
    {
        Assert.True(LogPlace.TryParse(place, out var parsed));
        return Partition.Fetch(parsed, PageSize.AtMost(maxBytes));
    }

    /// <summary>Reads all records from a position to the end, page by page.</summary>
    public List<JsonElement> ReadAll(string place = "earliest", int maxBytes = 1 << 20)
    {
        var records = new List<JsonElement>();
        while (true)
        {
            using var page = Fetch(place, maxBytes);
            if (page.Status != FetchStatus.Page)
                return records;
            records.AddRange(Parse(page.Region!));
            place = page.NextOffset.ToString(System.Globalization.CultureInfo.InvariantCulture);
        }
    }

    public static string Text(LogRegion region)
    {
        var bytes = new byte[region.LengthBytes];
        region.File.ReadExactly(bytes, region.Position);
        return Encoding.UTF8.GetString(bytes);
    }

    public static IEnumerable<JsonElement> Parse(LogRegion region) =>
        Text(region)
            .Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => JsonDocument.Parse(line).RootElement);

    /// <summary>Stops cleanly, changes the files, and starts again.</summary>
    public async Task RestartAsync(Action? meanwhile = null)
    {
        await _catalog.DisposeAsync();
        _fileSystem.Dispose();
        meanwhile?.Invoke();
        (_fileSystem, _catalog) = OpenCatalog();
        await FindPartitionAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await _catalog.DisposeAsync();
        _fileSystem.Dispose();
        _directory.Dispose();
    }

    (PhysicalFileSystem, TopicCatalog) OpenCatalog()
    {
        var fileSystem = new PhysicalFileSystem(_directory.Path);
        var options = _adjust(new StorageOptions { Directory = _directory.Path });
        FileSystem = _wrap(fileSystem);
        return (fileSystem, TopicCatalog.Open(new StorageEnvironment { FileSystem = FileSystem }, options));
    }

    async Task FindPartitionAsync() => Topic = (await _catalog.GetOrCreateAsync("t", _configuration)).Topic;
}
