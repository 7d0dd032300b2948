using System.Runtime.CompilerServices;
using System.Text;
using LogHttp.Storage.Files;
using LogHttp.Storage.Records;
using LogHttp.Testing;

namespace LogHttp.Storage.Tests;

/// <summary>
/// Golden/t is a topic as today's version of the format writes it (api/FORMAT.md). What is in it can be read for ever; if the
/// writing changes on purpose, so does the format's version. LOGHTTP_UPDATE_GOLDEN=1 writes the files anew.
/// </summary>
public class GoldenTests
{
    static readonly string[] Names =
    [
        "topic.json",
        "0/00000000000000000000.index",
        "0/00000000000000000000.ndjson",
        "0/00000000008589934592.index",
        "0/00000000008589934592.ndjson",
        "0/checkpoint",
    ];

    static string Directory => Path.Combine(AppContext.BaseDirectory, "Golden", "t");

    [Fact]
    public void SameAppends_GiveTheSameBytes()
    {
        var log = new ModelLog(new TopicConfiguration { Flush = FlushPolicy.Every(TimeSpan.FromMilliseconds(250)) });
        AppendAll(log);
        log.Close();
        Assert.Equal(Names, Files(log.FileSystem, "/data/topics/t").Order(StringComparer.Ordinal).OrderBy(name => name.Contains('/', StringComparison.Ordinal)));
        foreach (var name in Names)
        {
            var bytes = log.ReadFile($"/data/topics/t/{name}");
            if (Environment.GetEnvironmentVariable("LOGHTTP_UPDATE_GOLDEN") == "1")
                Update(name, bytes);
            else
                Assert.True(File.ReadAllBytes(Path.Combine(Directory, name)).AsSpan().SequenceEqual(bytes), $"{name} is written otherwise than in Golden/t:\n{Encoding.UTF8.GetString(bytes)}");
        }
    }

    [Fact]
    public async Task GoldenDirectory_OpensAndReadsBack_AndStaysAsItIs()
    {
        using var temporary = new TemporaryDirectory();
        foreach (var name in Names)
        {
            var path = Path.Combine(temporary.Path, "topics", "t", name);
            System.IO.Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.Copy(Path.Combine(Directory, name), path);
        }
        using var fileSystem = new PhysicalFileSystem(temporary.Path);
        await using (var catalog = TopicCatalog.Open(new StorageEnvironment { FileSystem = fileSystem }, new StorageOptions { Directory = temporary.Path }))
        {
            var topic = catalog.Find("t")!;
            Assert.Equal(("0123456789abcdef", "250ms"), (topic.Id, topic.Configuration.Flush.ToString()));
            var partition = topic.Partitions[0];
            Assert.Null(partition.StoppedReason);
            Assert.Equal((0, (1L << 33) + 1), (partition.EarliestOffset, partition.EndOffset));

            using var first = partition.Fetch(LogPlace.At(0), PageSize.Default);
            Assert.Equal((0, 6), (first.FirstOffset, first.NextOffset));
            Assert.Equal(File.ReadAllText(Path.Combine(Directory, Names[2])), TestLog.Text(first.Region!));
            using var second = partition.Fetch(LogPlace.At(6), PageSize.Default);
            Assert.Equal(File.ReadAllText(Path.Combine(Directory, Names[4])), TestLog.Text(second.Region!));
        }
        foreach (var name in Names)
            Assert.Equal(File.ReadAllBytes(Path.Combine(Directory, name)), File.ReadAllBytes(Path.Combine(temporary.Path, "topics", "t", name)));
    }

    /// <summary>Every field and every kind of value, a block that is full, and a jump that begins a second segment.</summary>
    static void AppendAll(ModelLog log)
    {
        log.Append("hello");
        var batch = new RecordBatch(new RecordLimits(), new ProducerStamp("p1", 0, 0));
        Assert.Null(batch.AddJson("{\"id\":1,\n \"price\":1.50e2}"u8, new RecordMetadata { Key = "user-7" }));
        Assert.Null(batch.AddText("née \"☃\" 🎈\n"u8, new RecordMetadata { Headers = [new("Trace", "9f"), new("a", "1"), new("A", "2")] }));
        Assert.Null(batch.AddBytes([0xFF, 0x00, 0x7F], new RecordMetadata { Key = "", TimestampMs = 1_000 }));
        log.Append(batch);
        log.Append(new string('x', 5_000));
        log.Time.Advance(TimeSpan.FromMilliseconds(1));
        log.Append("in the next block");
        var far = new RecordBatch(new RecordLimits());
        Assert.Null(far.AddJson("null"u8, new RecordMetadata { Offset = 1L << 33 }));
        log.Append(far);
    }

    static IEnumerable<string> Files(IFileSystem fileSystem, string directory, string prefix = "") => fileSystem.List(directory).SelectMany(entry => entry.IsDirectory
        ? Files(fileSystem, $"{directory}/{entry.Name}", $"{prefix}{entry.Name}/")
        : [prefix + entry.Name]);

    static void Update(string name, byte[] bytes, [CallerFilePath] string source = "")
    {
        var path = Path.Combine(Path.GetDirectoryName(source)!, "Golden", "t", name);
        System.IO.Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllBytes(path, bytes);
    }
}
