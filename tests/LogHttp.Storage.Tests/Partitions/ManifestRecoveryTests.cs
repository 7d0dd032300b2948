using LogHttp.Storage.Appending;
using LogHttp.Storage.Journal;
using LogHttp.Storage.Partitions;
using LogHttp.Storage.Reading;
using LogHttp.Storage.Segments;
using LogHttp.Testing;

namespace LogHttp.Storage.Tests.Partitions;

/// <summary>
/// The manifest is the truth about a partition's segments: the result of a start with it (api/FORMAT.md §14).
/// </summary>
public class ManifestRecoveryTests
{
    const long Hour = 3_600_000;
    static readonly string Large = new('x', 30_000);
    static readonly TopicConfiguration SmallSegments = new() { SegmentBytes = 64 << 10 };

    /// <summary>Creates segments 0, 2 and 4 of two records each, and the active one at 6 with one.</summary>
    static ModelLog FourSegments(TopicConfiguration? configuration = null, int seed = 1)
    {
        var log = new ModelLog(configuration ?? SmallSegments, seed: seed);
        for (var count = 0; count < 7; count++)
            log.Append(Large);
        Assert.Equal([0, 2, 4, 6], log.Partition.View.Segments.Select(segment => segment.BaseOffset));
        return log;
    }

    static string Path(string name) => $"{ModelLog.PartitionDirectory}/{name}";

    static string Data(long baseOffset) => Path(SegmentLayout.DataName(baseOffset));

    [Theory]
    [InlineData(0, 2)]
    [InlineData(2, 4)]
    [InlineData(4, 6)]
    [InlineData(6, 7)]
    public void Start_MissingSegment_ServesOthersReadOnly(long missing, long nextOffset)
    {
        var log = FourSegments();

        log.Restart(fileSystem => fileSystem.DeleteFile(Data(missing)));

        Assert.Contains($"segment {missing} is missing", log.Partition.StoppedReason, StringComparison.Ordinal);
        Assert.Equal(AppendStatus.PartitionStopped, log.Append("x").Status);
        Assert.Equal((0, 7), (log.Partition.EarliestOffset, log.Partition.EndOffset));
        for (var offset = 0L; offset < 7; offset++)
        {
            if (offset >= missing && offset < nextOffset)
            {
                var fault = Assert.Throws<CorruptionException>(() =>
                    log.Partition.Fetch(LogPlace.At(offset), PageSize.Default)
                );
                Assert.Equal(nextOffset, fault.NextOffset);
                continue;
            }
            using var page = log.Partition.Fetch(LogPlace.At(offset), PageSize.Default);
            Assert.Equal((FetchStatus.Page, offset), (page.Status, page.FirstOffset));
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Start_WithoutSegments_CreatesNoNewLog(bool hasManifest)
    {
        var log = FourSegments();

        log.Restart(fileSystem =>
        {
            foreach (var entry in fileSystem.List(ModelLog.PartitionDirectory))
            {
                if (entry.Name != Checkpoint.Name && (!hasManifest || entry.Name != SegmentManifest.Name))
                    fileSystem.DeleteFile(Path(entry.Name));
            }
        });

        Assert.Contains("missing", log.Partition.StoppedReason, StringComparison.Ordinal);
        Assert.Equal(7, log.Partition.EndOffset);
        Assert.Equal(AppendStatus.PartitionStopped, log.Append("x").Status);
        Assert.DoesNotContain(
            log.FileSystem.List(ModelLog.PartitionDirectory),
            entry => SegmentLayout.TryParseDataName(entry.Name, out _)
        );
        Assert.Throws<CorruptionException>(() => log.Partition.Fetch(LogPlace.At(3), PageSize.Default));
    }

    [Fact]
    public void Start_DamagedManifest_IsReadOnlyAndServesSegments()
    {
        var log = FourSegments();
        var whole = log.ReadAll();

        log.Restart(static fileSystem =>
        {
            using var file = fileSystem.Open(Path(SegmentManifest.Name));
            file.Write("?"u8, 3);
        });

        Assert.Contains("manifest", log.Partition.StoppedReason, StringComparison.Ordinal);
        Assert.Equal(whole, log.ReadAll());
        log.Restart(static fileSystem => fileSystem.DeleteFile(Path(SegmentManifest.Name)));
        Assert.Null(log.Partition.StoppedReason);
        Assert.Equal(whole, log.ReadAll());
    }

    [Fact]
    public void Start_MissingManifestAfterFullTrim_KeepsEnd()
    {
        var log = new ModelLog(SmallSegments);
        log.Append("a", "b");
        var trimmed = log.ReadFile(Data(0));
        log.Trim(2);

        // As an earlier format leaves it, if the process dies before the trimmed file is removed.
        log.Kill(fileSystem =>
        {
            fileSystem.DeleteFile(Path(SegmentManifest.Name));
            using var file = fileSystem.Create(Data(0));
            file.Write(trimmed, 0);
        });

        Assert.Equal((2, 2, 0), (log.Partition.EarliestOffset, log.Partition.EndOffset, log.Partition.SizeBytes));
        Assert.Equal([2], log.Partition.View.Segments.Select(segment => segment.BaseOffset));
    }

    [Fact]
    public void Start_SegmentUnknownToManifest_KeepsIt()
    {
        var log = FourSegments();

        log.Restart(static fileSystem =>
        {
            using var file = fileSystem.Create(Data(1_000));
            file.Write("{\"offset\":1000,\"timestamp\":1,\"value\":1}\n"u8, 0);
        });

        Assert.Contains("the manifest does not name it", log.Partition.StoppedReason, StringComparison.Ordinal);
        Assert.Contains(
            log.FileSystem.List(ModelLog.PartitionDirectory),
            entry => entry.Name == SegmentLayout.DataName(1_000)
        );
    }

    [Fact]
    public void Roll_WithManifest_TakesThreeSyncs()
    {
        var log = new ModelLog(SmallSegments);
        log.Append(Large, Large);
        var syncs = new List<string>();
        log.FileSystem.Faults = call =>
        {
            if (
                call.Kind is FileSystemCallKind.Sync or FileSystemCallKind.SyncDirectory
                && call.Path.StartsWith(ModelLog.PartitionDirectory, StringComparison.Ordinal)
            )
                syncs.Add(call.Path[(call.Path.LastIndexOf('/') + 1)..]);
            return Fault.None;
        };

        log.Append(Large);

        Assert.Equal([SegmentLayout.IndexName(0), "0", SegmentManifest.Name], syncs);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Roll_InterruptedAtAnyCall_LosesNothing(bool cutsPower)
    {
        for (var (calls, isCutOff) = (0, true); isCutOff; calls++)
        {
            var log = new ModelLog(SmallSegments, seed: calls);
            log.Append(Large, Large);
            var whole = log.ReadAll();
            var left = calls;
            log.FileSystem.Faults = _ => left-- == 0 ? throw new PowerCutException() : Fault.None;
            try
            {
                log.Append("next");
                isCutOff = false;
            }
            catch (PowerCutException) { }
            log.FileSystem.Faults = null;
            log.Die(cutsPower);
            Assert.Null(log.Partition.StoppedReason);
            Assert.True(log.ReadAll().AsSpan().StartsWith(whole));
            Assert.Equal(AppendStatus.Appended, log.Append("after").Status);
        }
    }

    [Fact]
    public void Append_ManifestCannotBeReplaced_IsRejected()
    {
        var log = new ModelLog(SmallSegments);
        log.Append(Large, Large);
        // The roll's edits may be on the disk, and then the segment before must not grow.
        log.FileSystem.Faults = static call =>
            call.Path.StartsWith(Path(SegmentManifest.Name), StringComparison.Ordinal)
            && (call.Kind == FileSystemCallKind.Sync || call.Path.EndsWith(".tmp", StringComparison.Ordinal))
                ? Fault.InputOutputError
                : Fault.None;
        Assert.Equal(AppendStatus.WriteFailed, log.Append(Large).Status);
        Assert.Equal(AppendStatus.WriteFailed, log.Append("small").Status);

        log.FileSystem.Faults = null;
        Assert.Equal(2, log.Append("small").FirstOffset);
        log.Restart();
        Assert.Equal(3, log.Partition.EndOffset);
    }

    [Fact]
    public void Start_RollWithSealedLineOnly_ContinuesSegment()
    {
        var log = new ModelLog(SmallSegments);
        log.Append(Large, Large);
        log.FileSystem.Faults = static call =>
            call.Kind == FileSystemCallKind.Write && call.Path == Data(2) ? Fault.DiskFull : Fault.None;
        Assert.Equal(AppendStatus.DiskFull, log.Append(Large).Status);
        log.FileSystem.Faults = null;

        log.Kill(fileSystem =>
        {
            var lines = log.ReadFile(Path(SegmentManifest.Name)).AsSpan().TrimEnd((byte)'\n');
            using var file = fileSystem.Open(Path(SegmentManifest.Name));
            file.Truncate(lines.LastIndexOf((byte)'\n') + 1);
        });

        Assert.Null(log.Partition.StoppedReason);
        Assert.Equal([0], log.Partition.View.Segments.Select(segment => segment.BaseOffset));
        Assert.Equal(2, log.Append("small").FirstOffset);
        Assert.Equal(3, log.Append(Large).FirstOffset);
        log.Restart();
        Assert.Equal([0, 3], log.Partition.View.Segments.Select(segment => segment.BaseOffset));
    }

    [Fact]
    public void Start_UnjournaledBytesAfterRoll_CutsThem()
    {
        var log = new ModelLog(SmallSegments);
        log.Append(Large, Large);

        log.Commits.Hold<JournalWriter>();
        Assert.Null(ModelLog.StatusOf(log.BeginAppend(Large)));
        log.Kill();

        Assert.Equal(2, log.Partition.EndOffset);
        Assert.Equal([0, 2], log.Partition.View.Segments.Select(segment => segment.BaseOffset));
        Assert.Contains(
            log.FileSystem.List(ModelLog.PartitionDirectory),
            entry => entry.Name == SegmentLayout.TornName(2, 0)
        );
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Trim_InterruptedAtAnyCall_LosesNothing(bool cutsPower)
    {
        for (var (calls, isCutOff) = (0, true); isCutOff; calls++)
        {
            for (var seed = 0; seed < 8; seed++)
            {
                var log = FourSegments(seed: seed);
                var left = calls;
                log.FileSystem.Faults = _ => left-- == 0 ? throw new PowerCutException() : Fault.None;
                try
                {
                    log.Trim(5);
                    isCutOff = false;
                }
                catch (PowerCutException) { }
                log.FileSystem.Faults = null;
                log.Die(cutsPower);
                Assert.Null(log.Partition.StoppedReason);
                Assert.Equal(7, log.Partition.EndOffset);
                Assert.True(log.Partition.EarliestOffset == 5 || (isCutOff && log.Partition.EarliestOffset == 0));
                Assert.Equal(AppendStatus.Appended, log.Append("after").Status);
            }
        }
    }

    [Fact]
    public void Ages_AfterKill_ComeFromFiles()
    {
        var log = new ModelLog(SmallSegments with { Flush = FlushPolicy.Os });
        log.Append("before");
        log.Restart();
        log.Pass(TimeSpan.FromMinutes(1));
        log.Append("after");
        var lastAppendMs = log.Time.GetUtcNow().ToUnixTimeMilliseconds();
        log.Pass(TimeSpan.FromMinutes(1));

        log.Kill();

        Assert.Equal(lastAppendMs, log.Partition.View.Active.LastAppendMs);
    }

    [Fact]
    public void Ages_AfterCopy_ComeFromAppends()
    {
        var log = new ModelLog(SmallSegments);
        for (var count = 0; count < 5; count++)
        {
            log.Append(Large);
            log.Pass(TimeSpan.FromMinutes(1));
        }
        long[] Ages() => [.. log.Partition.View.Segments.Select(segment => segment.LastAppendMs)];
        var ages = Ages();

        // Newest first, as a copy may do it.
        log.Restart(fileSystem =>
        {
            foreach (var baseOffset in (long[])[4, 2, 0])
            {
                log.Time.Advance(TimeSpan.FromHours(1));
                var content = log.ReadFile(Data(baseOffset));
                fileSystem.DeleteFile(Data(baseOffset));
                using var file = fileSystem.Create(Data(baseOffset));
                file.Write(content, 0);
            }
        });

        Assert.Equal(ages, Ages());
    }

    [Fact]
    public void Retention_OldBackup_WaitsForGrace()
    {
        var log = FourSegments(SmallSegments with { RetentionMs = Hour });

        log.Restart(_ => log.Time.Advance(TimeSpan.FromDays(30)));

        log.Pass(TimeSpan.FromMinutes(59));
        Assert.Equal(0, log.Partition.EarliestOffset);
        log.Pass(TimeSpan.FromMinutes(2));
        Assert.Equal(7, log.Partition.EarliestOffset);
    }

    [Fact]
    public void Retention_LogInUse_DoesNotWait()
    {
        var log = FourSegments(SmallSegments with { RetentionMs = 3 * Hour });
        log.Pass(TimeSpan.FromMinutes(170));
        log.Append("new");
        log.Restart();

        log.Pass(TimeSpan.FromMinutes(11));

        Assert.Equal((7, 8), (log.Partition.EarliestOffset, log.Partition.EndOffset));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Start_MissingTopicFile_RebuildsIt(bool isMissing)
    {
        var configuration = SmallSegments with
        {
            RetentionMs = Hour,
            Values = ValueForm.Text,
            Labels = TopicLabels.Of([new("team", "billing")]),
        };
        var log = FourSegments(configuration);
        log.Configure(before => before with { RetentionBytes = 1 << 30 });
        var (whole, topicFile) = (log.ReadAll(), log.ReadFile("/data/topics/t/topic.json"));

        log.Restart(fileSystem =>
        {
            fileSystem.DeleteFile("/data/topics/t/topic.json");
            if (!isMissing)
                fileSystem.Create("/data/topics/t/topic.json").Dispose();
        });

        Assert.Equal(topicFile, log.ReadFile("/data/topics/t/topic.json"));
        Assert.Equal(whole, log.ReadAll());
    }

    [Fact]
    public void Configuration_OfKilledProcess_StaysAfterStartReadIt()
    {
        for (var seed = 0; seed < 20; seed++)
        {
            var log = new ModelLog(SmallSegments, seed: seed);
            log.KillAt(
                FileSystemCallKind.SyncDirectory,
                "/topics/t",
                () => log.Configure(static before => before with { RetentionBytes = 1 << 30 })
            );
            Assert.Equal(1 << 30, log.Partition.Manifest!.State.Header.Configuration.RetentionBytes);

            log.CutPower();

            Assert.Equal(1 << 30, log.Partition.Manifest!.State.Header.Configuration.RetentionBytes);
        }
    }

    [Fact]
    public void Start_MissingCheckpoint_KnowsLogStart()
    {
        var log = FourSegments();
        log.Trim(3);

        log.Restart(static fileSystem => fileSystem.DeleteFile(Path(Checkpoint.Name)));

        Assert.Equal((3, 7), (log.Partition.EarliestOffset, log.Partition.EndOffset));
        Assert.Equal(AppendStatus.Appended, log.Append("x").Status);
    }

    [Fact]
    public void Start_DiskRejectsWrites_ServesDamagedPartition()
    {
        var log = FourSegments();
        log.Restart(static fileSystem =>
        {
            using (var file = fileSystem.Open(Data(2)))
                file.Write("\0"u8, 40_000);
            // A file that a start would remove.
            fileSystem.Create(Path(SegmentLayout.IndexName(77))).Dispose();
            fileSystem.DeleteFile(Path(Checkpoint.Name));
            fileSystem.Faults = static call =>
                call.Path.StartsWith(ModelLog.PartitionDirectory, StringComparison.Ordinal)
                && call.Kind
                    is not (
                        FileSystemCallKind.Open
                        or FileSystemCallKind.List
                        or FileSystemCallKind.VolumeOf
                        or FileSystemCallKind.Read
                    )
                    ? Fault.InputOutputError
                    : Fault.None;
        });

        Assert.Contains("read-only", log.Partition.StoppedReason, StringComparison.Ordinal);
        // The first record of the damaged segment, and the sound segments behind it.
        foreach (var offset in (long[])[0, 1, 2, 4, 5, 6])
        {
            using var page = log.Partition.Fetch(LogPlace.At(offset), PageSize.Default);
            Assert.Equal((FetchStatus.Page, offset), (page.Status, page.FirstOffset));
        }
        Assert.Equal(
            4,
            Assert.Throws<CorruptionException>(() => log.Partition.Fetch(LogPlace.At(3), PageSize.Default)).NextOffset
        );
        log.FileSystem.Faults = null;
    }

    [Fact]
    public void TrimmedFile_NotDeleted_IsDeletedByTimer()
    {
        var log = FourSegments();
        log.FileSystem.Faults = static call =>
            call.Kind == FileSystemCallKind.DeleteFile && call.Path.EndsWith(".ndjson", StringComparison.Ordinal)
                ? Fault.InputOutputError
                : Fault.None;
        log.Trim(5);
        log.FileSystem.Faults = null;
        Assert.Contains(SegmentLayout.DataName(0), DataNames(log));

        log.Pass(TimeSpan.FromSeconds(11));

        Assert.Equal([SegmentLayout.DataName(4), SegmentLayout.DataName(6)], DataNames(log));
    }

    [Fact]
    public void TrimmedFile_LeftByStartOnFullDisk_IsDeletedByTimer()
    {
        var log = FourSegments();
        // The checkpoint has the new start, and the manifest does not.
        log.StopAt(FileSystemCallKind.Write, "/manifest", () => log.Trim(5));
        log.Reopen(static fileSystem =>
            fileSystem.Faults = static call =>
                call.Kind == FileSystemCallKind.Write && call.Path.Contains("/manifest", StringComparison.Ordinal)
                    ? Fault.DiskFull
                    : Fault.None
        );
        Assert.Equal(5, log.Partition.EarliestOffset);
        Assert.Contains(SegmentLayout.DataName(0), DataNames(log));
        log.FileSystem.Faults = null;

        log.Pass(TimeSpan.FromSeconds(11));

        Assert.Equal([SegmentLayout.DataName(4), SegmentLayout.DataName(6)], DataNames(log));
    }

    static string[] DataNames(ModelLog log) =>
        [
            .. log
                .FileSystem.List(ModelLog.PartitionDirectory)
                .Select(static entry => entry.Name)
                .Where(static name => SegmentLayout.TryParseDataName(name, out _))
                .Order(StringComparer.Ordinal),
        ];
}
