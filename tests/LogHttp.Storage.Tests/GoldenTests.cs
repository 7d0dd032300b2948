using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using LogHttp.Storage.Appending;
using LogHttp.Storage.Files;
using LogHttp.Storage.Reading;
using LogHttp.Storage.Records;
using LogHttp.Storage.Topics;
using LogHttp.Testing;

namespace LogHttp.Storage.Tests;

/// <summary>
/// Golden/t is a topic as today's version of the format writes it (api/FORMAT.md), and Golden/format2 one of the
/// version before. Both stay readable for ever. If the writing changes on purpose, so does the format's version.
/// LOGHTTP_UPDATE_GOLDEN=1 writes Golden/t again.
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
        "0/manifest",
    ];

    static string Directory => Path.Combine(AppContext.BaseDirectory, "Golden", "t");

    static string DirectoryBefore => Path.Combine(AppContext.BaseDirectory, "Golden", "format2");

    [Fact]
    public void GoldenDirectory_SameAppends_HasSameBytes()
    {
        var log = new ModelLog(new TopicConfiguration { Flush = FlushPolicy.Every(TimeSpan.FromMilliseconds(250)) });
        AppendAll(log);
        log.Close();
        Assert.Equal(
            Names,
            Files(log.FileSystem, "/data/topics/t")
                .Order(StringComparer.Ordinal)
                .OrderBy(name => name.Contains('/', StringComparison.Ordinal))
        );
        foreach (var name in Names)
        {
            var bytes = log.ReadFile($"/data/topics/t/{name}");
            if (Environment.GetEnvironmentVariable("LOGHTTP_UPDATE_GOLDEN") == "1")
                Update(name, bytes);
            else
                Assert.True(
                    File.ReadAllBytes(Path.Combine(Directory, name)).AsSpan().SequenceEqual(bytes),
                    $"{name} is written otherwise than in Golden/t:\n{Encoding.UTF8.GetString(bytes)}"
                );
        }
    }

    [Fact]
    public async Task GoldenDirectory_Opened_ReadsBackUnchanged()
    {
        using var temporary = new TemporaryDirectory();
        Copy(Directory, temporary.Path);
        using var fileSystem = new PhysicalFileSystem(temporary.Path);
        await using (
            var catalog = TopicCatalog.Open(
                new StorageEnvironment { FileSystem = fileSystem },
                new StorageOptions { Directory = temporary.Path }
            )
        )
        {
            var topic = catalog.Find("t")!;
            Assert.Equal(("0123456789abcdef", "250ms"), (topic.Id, topic.Configuration.Flush.ToString()));
            var partition = topic.Partitions[0];
            Assert.Null(partition.StoppedReason);
            Assert.Equal((0, (1L << 33) + 1), (partition.EarliestOffset, partition.EndOffset));

            using var first = partition.Fetch(LogPlace.At(0), PageSize.Default);
            Assert.Equal((0, 7), (first.FirstOffset, first.NextOffset));
            Assert.Equal(File.ReadAllText(Path.Combine(Directory, Names[2])), TestLog.Text(first.Region!));
            using var second = partition.Fetch(LogPlace.At(7), PageSize.Default);
            Assert.Equal(File.ReadAllText(Path.Combine(Directory, Names[4])), TestLog.Text(second.Region!));
        }
        foreach (var name in Names)
            Assert.Equal(
                File.ReadAllBytes(Path.Combine(Directory, name)),
                File.ReadAllBytes(Path.Combine(temporary.Path, "topics", "t", name))
            );
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task GoldenDirectory_OfFormat2_IsUpgraded(bool hasCheckpoint)
    {
        using var temporary = new TemporaryDirectory();
        Copy(DirectoryBefore, temporary.Path);
        var directory = Path.Combine(temporary.Path, "topics", "t");
        // Without the checkpoint the producers are those that the lines name.
        if (!hasCheckpoint)
            File.Delete(Path.Combine(directory, "0", "checkpoint"));
        using var fileSystem = new PhysicalFileSystem(temporary.Path);
        var environment = new StorageEnvironment { FileSystem = fileSystem, Time = new FixedTime(ModelLog.Now) };
        for (var start = 0; start < 2; start++)
        {
            await using var catalog = TopicCatalog.Open(environment, new StorageOptions { Directory = temporary.Path });
            Assert.Empty(catalog.DamagedTopics);
            var topic = catalog.Find("t")!;
            Assert.Equal(
                ("0123456789abcdef", "250ms", ValueForm.Auto, 0),
                (
                    topic.Id,
                    topic.Configuration.Flush.ToString(),
                    topic.Configuration.Values,
                    topic.Configuration.MaxRecordBytes
                )
            );
            Assert.Contains(
                "\"format\":3",
                File.ReadAllText(Path.Combine(directory, "topic.json")),
                StringComparison.Ordinal
            );
            var partition = topic.Partitions[0];
            Assert.Null(partition.StoppedReason);
            using (var first = partition.Fetch(LogPlace.At(0), PageSize.Default))
                Assert.Equal(File.ReadAllText(Path.Combine(DirectoryBefore, Names[2])), TestLog.Text(first.Region!));

            // The batch of the first format was number 0, of three records: the next record is number 1, and a repeat
            // needs no checksum.
            Assert.Equal((0, 1 + 2 * start), partition.FindProducer("p1"));
            AppendResult Append(long sequence, bool mayOverlap, params string[] values)
            {
                var batch = new RecordBatch(new RecordLimits(), new("p1", 0, sequence));
                foreach (var value in values)
                    Assert.Null(batch.AddText(Encoding.UTF8.GetBytes(value)));
                return partition
                    .AppendAsync(batch, options: mayOverlap ? AppendOptions.MayOverlap : AppendOptions.None)
                    .Result;
            }
            Assert.Equal(
                (AppendStatus.Repeated, 1, 4),
                (
                    Append(0, false, "a", "b", "c").Status,
                    Append(0, false, "a", "b", "c").FirstOffset,
                    Append(0, true, "a", "b", "c").NextOffset
                )
            );
            Assert.Equal(AppendStatus.BatchDiffers, Append(0, false, "a", "b").Status);
            // Format 2 does not tell which of its records are in the three.
            var differs = Append(0, true, "a", "b", "c", "d");
            Assert.Equal((AppendStatus.BatchDiffers, 1 + 2 * start), (differs.Status, differs.ExpectedSequence));
            Assert.Contains("before format 3", differs.Reason, StringComparison.Ordinal);
            Assert.Equal(AppendStatus.Appended, Append(1 + 2 * start, false, "d", "e").Status);
        }
    }

    [Theory]
    [InlineData(true, true)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(false, false)]
    public void Upgrade_InterruptedAtAnyCall_LosesNothing(bool cutsPower, bool hasCheckpoint)
    {
        var lines =
            File.ReadAllText(Path.Combine(DirectoryBefore, Names[2]))
            + File.ReadAllText(Path.Combine(DirectoryBefore, Names[4]));
        var calls = 0;
        for (var isBrokenOff = true; isBrokenOff; calls++)
        {
            var log = new ModelLog();
            log.Close();
            foreach (var name in Names)
            {
                var path = $"/data/topics/t/{name}";
                log.FileSystem.DeleteFile(path);
                if (name == "0/manifest" || (!hasCheckpoint && name == "0/checkpoint"))
                    continue;
                using var file = log.FileSystem.Create(path);
                file.Write(File.ReadAllBytes(Path.Combine(DirectoryBefore, name)), 0);
                file.Sync();
            }
            log.FileSystem.DeleteFile("/data/reserve");
            log.FileSystem.SyncDirectory("/data/topics/t");
            log.FileSystem.SyncDirectory("/data/topics/t/0");
            isBrokenOff = log.TryOpenBrokenOff(calls, cutsPower);
            Assert.Null(log.Partition.StoppedReason);
            Assert.Equal(lines, Encoding.UTF8.GetString(log.ReadAll()));
            Assert.Equal((0, 1), log.Partition.FindProducer("p1"));
            Assert.Contains(
                "\"format\":3",
                Encoding.UTF8.GetString(log.ReadFile("/data/topics/t/topic.json")),
                StringComparison.Ordinal
            );
        }
        Assert.True(calls > 10, $"The start made {calls} calls only.");
    }

    [Theory]
    [InlineData("topic.json")]
    [InlineData("0/checkpoint")]
    public void Open_NewerFormat_IsRejectedNamingBoth(string name)
    {
        using var temporary = new TemporaryDirectory();
        Copy(Directory, temporary.Path);
        var path = Path.Combine(temporary.Path, "topics", "t", name);
        var line =
            File.ReadAllLines(path)[0].Replace("{\"format\":3,", "{\"format\":4,\"new\":[],", StringComparison.Ordinal)
            + "\n";
        File.WriteAllText(
            path,
            name == "topic.json"
                ? line
                : string.Create(
                    CultureInfo.InvariantCulture,
                    $"{line}crc32c:{Storage.Bytes.Crc32C.Of(Encoding.ASCII.GetBytes(line)):x8}\n"
                )
        );
        var before = File.ReadAllBytes(path);
        using var fileSystem = new PhysicalFileSystem(temporary.Path);
        var refused = Assert.Throws<NotSupportedException>(() =>
            TopicCatalog.Open(
                new StorageEnvironment { FileSystem = fileSystem },
                new StorageOptions { Directory = temporary.Path }
            )
        );
        Assert.Contains("format 4; this server knows formats up to 3", refused.Message, StringComparison.Ordinal);
        Assert.Equal(before, File.ReadAllBytes(path));
    }

    static void Copy(string golden, string dataDirectory)
    {
        foreach (var name in Names.Where(name => File.Exists(Path.Combine(golden, name))))
        {
            var path = Path.Combine(dataDirectory, "topics", "t", name);
            System.IO.Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.Copy(Path.Combine(golden, name), path);
        }
    }

    sealed class FixedTime(DateTimeOffset now) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => now;
    }

    /// <summary>
    /// Appends every field and every kind of value, a full block, and a jump that begins a second segment.
    /// </summary>
    static void AppendAll(ModelLog log)
    {
        log.Append("hello");
        var batch = new RecordBatch(new RecordLimits(), new ProducerStamp("p1", 0, 0));
        Assert.Null(batch.AddJson("{\"id\":1,\n \"price\":1.50e2}"u8, new RecordMetadata { Key = "user-7" }));
        Assert.Null(
            batch.AddText(
                "née \"☃\" 🎈\n"u8,
                new RecordMetadata { Headers = [new("Trace", "9f"), new("a", "1"), new("A", "2")] }
            )
        );
        Assert.Null(batch.AddBytes([0xFF, 0x00, 0x7F], new RecordMetadata { Key = "", TimestampMs = 1_000 }));
        log.Append(batch);
        var pairs = new RecordBatch(new RecordLimits());
        Assert.Null(
            pairs.AddJson(
                "[]"u8,
                new RecordMetadata
                {
                    HeaderPairs = [new("A", "1"u8.ToArray()), new("b", null), new("c", new byte[] { 0xFF })],
                }
            )
        );
        log.Append(pairs);
        log.Append(new string('x', 5_000));
        log.Time.Advance(TimeSpan.FromMilliseconds(1));
        log.Append("in the next block");
        var far = new RecordBatch(new RecordLimits());
        Assert.Null(far.AddJson("null"u8, new RecordMetadata { Offset = 1L << 33 }));
        log.Append(far);
    }

    static IEnumerable<string> Files(IFileSystem fileSystem, string directory, string prefix = "") =>
        fileSystem
            .List(directory)
            .SelectMany(entry =>
                entry.IsDirectory
                    ? Files(fileSystem, $"{directory}/{entry.Name}", $"{prefix}{entry.Name}/")
                    : [prefix + entry.Name]
            );

    static void Update(string name, byte[] bytes, [CallerFilePath] string source = "")
    {
        var path = Path.Combine(Path.GetDirectoryName(source)!, "Golden", "t", name);
        System.IO.Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllBytes(path, bytes);
    }
}
