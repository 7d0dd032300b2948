using System.Collections.Concurrent;
using System.Text;
using System.Text.Json;
using LogHttp.Storage;
using LogHttp.Storage.Appending;
using LogHttp.Storage.Files;
using LogHttp.Storage.Logs;
using LogHttp.Storage.Reading;
using LogHttp.Storage.Records;
using LogHttp.Storage.Topics;
using LogHttp.Storage.Verifying;
using LogHttp.Testing;

namespace LogHttp.Cli.Tests;

public sealed class BackupCommandTests : IDisposable
{
    static readonly TopicConfiguration SmallSegments = new() { SegmentBytes = 64 << 10 };

    readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    string Data => Path.Combine(_directory.Path, "data");

    static TopicCatalog Open(string directory) =>
        TopicCatalog.Open(
            new StorageEnvironment { FileSystem = new PhysicalFileSystem(directory) },
            new StorageOptions { Directory = directory, CheckpointBytes = 64 << 10 }
        );

    static async Task<(long Offset, string Value)> AppendAsync(Topic topic, string value)
    {
        var batch = new RecordBatch(new RecordLimits());
        Assert.Null(batch.AddText(Encoding.UTF8.GetBytes(value)));
        var result = await topic.Partitions[0].AppendAsync(batch);
        Assert.Equal(AppendStatus.Appended, result.Status);
        return (result.FirstOffset, value);
    }

    static Dictionary<long, string> ReadAll(Topic topic)
    {
        var records = new Dictionary<long, string>();
        for (var place = LogPlace.Earliest; ; )
        {
            using var page = topic.Partitions[0].Fetch(place, PageSize.Default);
            if (page.Region is null)
                return records;
            var bytes = new byte[page.Region.LengthBytes];
            page.Region.File.ReadExactly(bytes, page.Region.Position);
            foreach (var line in Encoding.UTF8.GetString(bytes).Split('\n', StringSplitOptions.RemoveEmptyEntries))
            {
                var record = JsonDocument.Parse(line).RootElement;
                records.Add(record.GetProperty("offset").GetInt64(), record.GetProperty("value").GetString()!);
            }
            place = LogPlace.At(page.NextOffset);
        }
    }

    (int ExitCode, string Output, string Error) Backup(string target) => Run("backup", target, "--data", Data);

    static (int ExitCode, string Output, string Error) Run(params string[] arguments)
    {
        var (output, error) = (new StringWriter(), new StringWriter());
        var exitCode = CommandTree.Create().Parse(arguments).Invoke(new() { Output = output, Error = error });
        return (exitCode, output.ToString(), error.ToString());
    }

    static void CopyDirectory(string source, string target)
    {
        Directory.CreateDirectory(target);
        foreach (var directory in Directory.GetDirectories(source))
            CopyDirectory(directory, Path.Combine(target, Path.GetFileName(directory)));
        // A file with the suffix .tmp gets its name at any moment, while the catalog is open.
        var files = Directory.GetFiles(source).Where(static file => !file.EndsWith(".tmp", StringComparison.Ordinal));
        foreach (var file in files.Where(static file => Path.GetFileName(file) != "loghttp.lock"))
            File.Copy(file, Path.Combine(target, Path.GetFileName(file)));
    }

    [Fact]
    public async Task Backup_CrashedLog_AppliesJournalToCopy()
    {
        var (crashed, target) = (Path.Combine(_directory.Path, "crashed"), Path.Combine(_directory.Path, "copy"));
        await using var catalog = Open(Data);
        var topic = (await catalog.GetOrCreateAsync("t", SmallSegments)).Topic;
        for (var i = 0; i < 6; i++)
            await AppendAsync(topic, new string('x', 20_000));
        // As a power cut leaves it: a page is missing that only the journal has durably.
        CopyDirectory(Data, crashed);
        var segment = Directory
            .GetFiles(Path.Combine(crashed, "topics", "t", "0"), "*.ndjson")
            .Order(StringComparer.Ordinal)
            .Last();
        using (var stream = File.OpenWrite(segment))
            stream.Write(new byte[4096]);
        var before = File.ReadAllBytes(segment);

        var verified = Run("verify", "--data", crashed);
        var backup = Run("backup", target, "--data", crashed);

        Assert.Contains("the journal waits to be applied", verified.Output, StringComparison.Ordinal);
        Assert.Equal((0, ""), (backup.ExitCode, backup.Error));
        Assert.Contains("The journal was applied to the copy.", backup.Output, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(Path.Combine(target, "journal")));
        Assert.Equal(before, File.ReadAllBytes(segment));
        await using var copy = Open(target);
        Assert.Equal(ReadAll(topic), ReadAll(copy.Find("t")!));
    }

    [Fact]
    public async Task Backup_UnderLoad_HoldsAllAcknowledged()
    {
        await using var catalog = Open(Data);
        var kept = (await catalog.GetOrCreateAsync("kept", SmallSegments)).Topic;
        var trimmed = (await catalog.GetOrCreateAsync("trimmed", SmallSegments)).Topic;
        var acknowledged = new ConcurrentDictionary<Topic, ConcurrentDictionary<long, string>>
        {
            [kept] = [],
            [trimmed] = [],
        };
        using var enough = new CancellationTokenSource();
        var load = new[] { kept, kept, trimmed }
            .Select(
                (topic, number) =>
                    Task.Run(async () =>
                    {
                        for (var i = 0; !enough.IsCancellationRequested; i++)
                        {
                            var (offset, value) = await AppendAsync(
                                topic,
                                $"{number} {i} {new string('x', i * 131 % 9000)}"
                            );
                            acknowledged[topic][offset] = value;
                            if (topic == trimmed && i % 7 == 6)
                                await topic.Partitions[0].TrimAsync(Math.Max(0, offset - 20));
                        }
                    })
            )
            .Append(
                Task.Run(async () =>
                {
                    while (!enough.IsCancellationRequested)
                    {
                        var topic = (await catalog.GetOrCreateAsync("comes-and-goes", SmallSegments)).Topic;
                        await AppendAsync(topic, topic.Id);
                        await catalog.DeleteAsync("comes-and-goes");
                    }
                })
            )
            .ToArray();
        var backups = new List<(string Path, Dictionary<Topic, KeyValuePair<long, string>[]> Acknowledged)>();
        for (var number = 0; number < 4; number++)
        {
            // Some segments later.
            var target = kept.Partitions[0].SizeBytes + (300 << 10);
            while (kept.Partitions[0].SizeBytes < target)
                await Task.WhenAny(load.Append(Task.Delay(1)));
            var before = acknowledged.ToDictionary(topic => topic.Key, topic => topic.Value.ToArray());
            var path = Path.Combine(_directory.Path, $"backup-{number}");
            var (exitCode, output, error) = Backup(path);
            Assert.True(exitCode == 0, error);
            Assert.Contains(" files linked, ", output, StringComparison.Ordinal);
            backups.Add((path, before));
        }
        await enough.CancelAsync();
        await Task.WhenAll(load);
        var whole = ReadAll(kept);

        foreach (var (path, before) in backups)
        {
            var findings = new List<Finding>();
            DirectoryVerifier.Run(new ReadOnlyFileSystem(), path, topic: null, findings.Add);
            Assert.DoesNotContain(findings, finding => finding.Kind != FindingKind.Note);
            await using var copy = Open(path);
            Assert.Empty(copy.DamagedTopics);
            foreach (var (topic, records) in before)
            {
                var found = ReadAll(copy.Find(topic.Name)!);
                var earliest = copy.Find(topic.Name)!.Partitions[0].EarliestOffset;
                Assert.Equal((topic == kept, topic.Id), (earliest == 0, copy.Find(topic.Name)!.Id));
                Assert.All(
                    records.Where(record => record.Key >= earliest),
                    record => Assert.Equal(record.Value, found[record.Key])
                );
                // Appends continue behind it, and do not change the original.
                var (offset, _) = await AppendAsync(copy.Find(topic.Name)!, "in the copy");
                Assert.Equal(found.Keys.Max() + 1, offset);
            }
        }
        Assert.Equal(whole, ReadAll(kept));
    }

    [Fact]
    public async Task Backup_ClosedLog_LinksSealedSegmentsAlone()
    {
        await using (var catalog = Open(Data))
        {
            var topic = (await catalog.GetOrCreateAsync("t", SmallSegments)).Topic;
            for (var i = 0; i < 6; i++)
                await AppendAsync(topic, new string('x', 30_000));
        }
        var target = Path.Combine(_directory.Path, "copy");
        Assert.Contains("1 topics, 2 files linked, ", Backup(target).Output, StringComparison.Ordinal);
        var (originals, copies) = (Contents(Data), Contents(target));
        Assert.Equal(originals.OrderBy(file => file.Key), copies.OrderBy(file => file.Key));
        await using (var copy = Open(target))
            await AppendAsync(copy.Find("t")!, "in the copy");
        Assert.Equal(originals.OrderBy(file => file.Key), Contents(Data).OrderBy(file => file.Key));

        // The copy needs no journal, and so has no mark.
        static Dictionary<string, string> Contents(string directory) =>
            Directory
                .GetFiles(Path.Combine(directory, "topics"), "*", SearchOption.AllDirectories)
                .Where(static path => Path.GetFileName(path) != "__journal")
                .ToDictionary(path => Path.GetRelativePath(directory, path), File.ReadAllText);
    }

    [Fact]
    public async Task Backup_FailedRoll_CopiesLastSegment()
    {
        await using (var catalog = Open(Data))
            await AppendAsync((await catalog.GetOrCreateAsync("t", SmallSegments)).Topic, new string('x', 30_000));
        // As after a crash just behind it.
        File.WriteAllText(Path.Combine(Data, "topics", "t", "0", "00000000000000000001.ndjson"), "");
        var original = Path.Combine(Data, "topics", "t", "0", "00000000000000000000.ndjson");
        var lengthBytes = new FileInfo(original).Length;
        var target = Path.Combine(_directory.Path, "copy");
        Assert.Equal(0, Backup(target).ExitCode);
        await using (var copy = Open(target))
            Assert.Equal(1, (await AppendAsync(copy.Find("t")!, "in the copy")).Offset);
        Assert.Equal(lengthBytes, new FileInfo(original).Length);
    }

    [Fact]
    public async Task Backup_TargetNotEmpty_IsRejected()
    {
        await using (Open(Data)) { }
        var (exitCode, _, error) = Backup(Data);
        Assert.Equal(2, exitCode);
        Assert.Contains("is there already, and not empty", error, StringComparison.Ordinal);
        (exitCode, _, error) = Backup(Path.Combine(_directory.Path, "new"));
        Assert.Equal((0, ""), (exitCode, error));
        Assert.False(Directory.Exists(Path.Combine(_directory.Path, "new.partial")));
    }
}
