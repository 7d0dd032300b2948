using System.Text;
using LogHttp.Storage.Appending;
using LogHttp.Storage.Committing;
using LogHttp.Storage.Reading;
using LogHttp.Storage.Records;
using LogHttp.Testing;

namespace LogHttp.Storage.Tests.Appending;

/// <summary>The effect of one error on a partition. The simulation tries combinations.</summary>
public class AppenderFaultTests
{
    readonly ModelLog _log = new();

    void StrikeNext(FileSystemCallKind kind, Fault fault, string pathEnd = "")
    {
        var fileSystem = _log.FileSystem;
        fileSystem.Faults = call =>
        {
            // A journal file keeps the name that it was created under.
            if (
                call.Kind != kind
                || !call.Path.Replace(".tmp", "", StringComparison.Ordinal).EndsWith(pathEnd, StringComparison.Ordinal)
            )
                return Fault.None;
            fileSystem.Faults = null;
            return fault;
        };
    }

    string[] Values() =>
        [
            .. Encoding
                .UTF8.GetString(_log.ReadAll())
                .Split('\n', StringSplitOptions.RemoveEmptyEntries)
                .Select(line => line.Split("\"value\":")[1]),
        ];

    [Theory]
    [InlineData(Fault.ShortWrite)]
    [InlineData(Fault.DiskFull)]
    [InlineData(Fault.InputOutputError)]
    public void Append_WriteFails_LeavesNothingAndOffsetIsReused(Fault fault)
    {
        _log.Append("before");
        StrikeNext(FileSystemCallKind.Write, fault, ".ndjson");
        var failed = _log.Append("one", "two");
        Assert.True(failed.Status is AppendStatus.DiskFull or AppendStatus.WriteFailed);
        Assert.Equal(1, _log.Append("after").FirstOffset);
        _log.CutPower();
        Assert.Equal(["\"before\"}", "\"after\"}"], Values());
    }

    [Fact]
    public void Append_FarAheadWriteFails_KeepsEnd()
    {
        _log.Append("before");
        StrikeNext(FileSystemCallKind.Write, Fault.DiskFull, "4294967400.ndjson");
        Assert.Equal(AppendStatus.DiskFull, Append(offset: 4294967400).Status);
        Assert.Equal(AppendStatus.OffsetNotAfterLast, Append(offset: 5).Status);
        // Seed 1729: a waiting reader was refused as behind an end that no record had moved.
        Assert.Equal(1, _log.Partition.EndOffset);
        // Seed 31639: a second append behind it moved the end to the first one.
        StrikeNext(FileSystemCallKind.Write, Fault.DiskFull, "8589934900.ndjson");
        Assert.Equal(AppendStatus.DiskFull, Append(offset: 8589934900).Status);
        Assert.Equal(1, _log.Partition.EndOffset);
    }

    [Fact]
    public void Stop_AfterFailedRoll_PublishesWhatRollMadeDurable()
    {
        var log = new ModelLog(new() { Flush = FlushPolicy.Os });
        log.Append("one");
        log.Append("two");
        log.FileSystem.Faults = static call =>
            call switch
            {
                { Kind: FileSystemCallKind.Create } when call.Path.EndsWith(".ndjson", StringComparison.Ordinal) =>
                    Fault.InputOutputError,
                _ => Fault.None,
            };
        Assert.Equal(AppendStatus.WriteFailed, log.Append(FarAhead()).Status);
        log.FileSystem.Faults = static call =>
            call.Kind == FileSystemCallKind.Sync ? Fault.InputOutputError : Fault.None;
        Assert.Equal(AppendStatus.PartitionStopped, log.Append(FarAhead()).Status);
        // Seed 299: the commit before a roll was taken for one in the middle of a batch, and the two records were not
        // visible.
        Assert.Equal(2, log.Partition.EndOffset);

        static RecordBatch FarAhead()
        {
            var batch = new RecordBatch(new RecordLimits());
            Assert.Null(batch.AddText("x"u8, new RecordMetadata { Offset = 4294967400 }));
            return batch;
        }
    }

    AppendResult Append(long offset)
    {
        var batch = new RecordBatch(new RecordLimits());
        Assert.Null(batch.AddText("x"u8, new RecordMetadata { Offset = offset }));
        return _log.Append(batch);
    }

    [Fact]
    public void Append_RoundFails_IsWrittenToSpare()
    {
        _log.Append("before");
        StrikeNext(FileSystemCallKind.Sync, Fault.InputOutputError, ".journal");
        Assert.Equal(AppendStatus.Appended, _log.Append("after").Status);
        Assert.Null(_log.Partition.StoppedReason);
        _log.CutPower();
        Assert.Equal(["\"before\"}", "\"after\"}"], Values());
    }

    [Fact]
    public void Append_RoundFailsTwice_StopsPartition()
    {
        _log.Append("before");
        _log.FileSystem.Faults = static call =>
            call.Kind == FileSystemCallKind.Sync && call.Path.Contains(".journal", StringComparison.Ordinal)
                ? Fault.InputOutputError
                : Fault.None;
        Assert.Equal(AppendStatus.PartitionStopped, _log.Append("unknown").Status);
        Assert.Equal(AppendStatus.PartitionStopped, _log.Append("later").Status);
        Assert.Contains("journal could not be written", _log.Partition.StoppedReason, StringComparison.Ordinal);
        Assert.Equal(["\"before\"}"], Values());
        _log.FileSystem.Faults = null;
        _log.CutPower();
        Assert.Null(_log.Partition.StoppedReason);
        Assert.Equal(AppendStatus.Appended, _log.Append("again").Status);
    }

    [Fact]
    public void Sync_OfJournaledSegmentFails_IsRepaired()
    {
        _log.Append("one");
        _log.Append("two");
        StrikeNext(FileSystemCallKind.Sync, Fault.InputOutputError, ".ndjson");
        // A trim syncs the segment. Data that the failed sync may have lost is written again from the journal.
        Assert.Equal(1, _log.Trim(1));
        Assert.Null(_log.Partition.StoppedReason);
        Assert.Equal(AppendStatus.Appended, _log.Append("three").Status);
        _log.CutPower();
        Assert.Equal(["\"two\"}", "\"three\"}"], Values());
    }

    [Fact]
    public void Append_SyncFailsUnderInterval_StopsUntilRestart()
    {
        var log = new ModelLog(new() { Flush = FlushPolicy.Every(TimeSpan.FromMilliseconds(1)) });
        string[] Values() =>
            [
                .. Encoding
                    .UTF8.GetString(log.ReadAll())
                    .Split('\n', StringSplitOptions.RemoveEmptyEntries)
                    .Select(line => line.Split("\"value\":")[1]),
            ];
        log.Append("before");
        log.Pass(TimeSpan.FromMilliseconds(5));
        log.FileSystem.Faults = static call =>
            call.Kind == FileSystemCallKind.Sync ? Fault.InputOutputError : Fault.None;
        log.Append("in flight");
        log.Pass(TimeSpan.FromMilliseconds(5));
        log.FileSystem.Faults = null;
        Assert.Equal(AppendStatus.PartitionStopped, log.Append("later").Status);
        Assert.Contains("sync failed", log.Partition.StoppedReason, StringComparison.Ordinal);
        Assert.Equal(["\"before\"}"], Values());

        // The page cache still has it, and the start writes it once more before any reader gets it.
        log.Restart();
        Assert.Null(log.Partition.StoppedReason);
        Assert.Equal(["\"before\"}", "\"in flight\"}"], Values());
        log.CutPower();
        Assert.Equal(["\"before\"}", "\"in flight\"}"], Values());
    }

    [Fact]
    public void Sync_FailsAfterPolicyChangedWithinBatch_ShowsNoHalf()
    {
        var syncs = 0;
        _log.FileSystem.Faults = call =>
        {
            if (call.Kind != FileSystemCallKind.Sync || !call.Path.EndsWith(".ndjson", StringComparison.Ordinal))
                return Fault.None;
            // The first slice becomes durable, the rest is only written. Then the sync of the rest fails.
            if (++syncs == 1)
                _log.Partition.Configure(new TopicConfiguration { Flush = FlushPolicy.Os });
            return syncs == 1 ? Fault.None : Fault.InputOutputError;
        };
        _log.Append(Enumerable.Repeat(new string('x', 1_000), 300));
        Assert.Equal(2, syncs);
        Assert.NotNull(_log.Partition.StoppedReason);
        Assert.Equal(0, _log.Partition.EndOffset);
    }

    [Fact]
    public void Append_PolicyBecomesStricter_WaitsForSync()
    {
        var log = new ModelLog(new TopicConfiguration { Flush = FlushPolicy.Os });
        log.Commits.Hold<SegmentSyncer>();
        log.FileSystem.Faults = call =>
        {
            if (call.Kind is FileSystemCallKind.Write && call.Path.EndsWith(".ndjson", StringComparison.Ordinal))
                log.Partition.Configure(new TopicConfiguration { Flush = FlushPolicy.Always });
            return Fault.None;
        };

        var append = log.BeginAppend("in between");

        Assert.False(append.IsCompleted);
        log.Release();
        Assert.Equal(AppendStatus.Appended, ModelLog.StatusOf(append));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Append_AfterPolicyChange_WaitsForSegment(bool becomesAlways)
    {
        var (before, after) = becomesAlways
            ? (FlushPolicy.Os, FlushPolicy.Always)
            : (FlushPolicy.Always, FlushPolicy.Os);
        var log = new ModelLog(new TopicConfiguration { Flush = before });
        // While the first append waits for a journal file, the journal has the segment synced.
        log.Append("first");
        log.Append("before");
        log.Commits.Hold<SegmentSyncer>();
        log.Partition.Configure(new TopicConfiguration { Flush = after });

        var append = log.BeginAppend("after");

        Assert.False(append.IsCompleted);
        log.Release();
        Assert.Equal(AppendStatus.Appended, ModelLog.StatusOf(append));
    }

    [Fact]
    public void Append_FilesCannotBeOpened_IsRejectedOnce()
    {
        _log.Restart();
        StrikeNext(FileSystemCallKind.Open, Fault.InputOutputError, ".ndjson");
        Assert.Equal(AppendStatus.WriteFailed, _log.Append("refused").Status);
        Assert.Equal(0, _log.Append("taken").FirstOffset);
    }

    [Fact]
    public void Append_DiskFull_SucceedsAfterRoomIsMade()
    {
        _log.Append("before");
        _log.FileSystem.CapacityBytes = _log.FileSystem.UsedBytes;
        Assert.Equal(AppendStatus.DiskFull, _log.Append(new string('x', 10_000)).Status);
        Assert.Equal(["\"before\"}"], Values());
        _log.FileSystem.CapacityBytes = long.MaxValue;
        Assert.Equal(1, _log.Append("after").FirstOffset);
    }

    [Fact]
    public void Restart_DiskFullWithoutReserve_ServesReads()
    {
        // The appends never reach the size of a checkpoint, so that the index lags, and a power cut removes it.
        for (var i = 0; i < 4; i++)
            _log.Append(new string('x', 5_000));
        _log.Restart(fileSystem =>
        {
            fileSystem.DeleteFile($"{ModelLog.PartitionDirectory}/checkpoint");
            fileSystem.DeleteFile($"{ModelLog.PartitionDirectory}/00000000000000000000.index");
            fileSystem.DeleteFile("/data/reserve");
            fileSystem.CapacityBytes = fileSystem.UsedBytes;
        });
        Assert.Contains("the disk was full", _log.Partition.StoppedReason, StringComparison.Ordinal);
        Assert.Equal(4, Values().Length);
        Assert.Equal(AppendStatus.PartitionStopped, _log.Append("refused").Status);

        _log.Restart(fileSystem => fileSystem.CapacityBytes = long.MaxValue);
        Assert.Equal(4, _log.Append("after").FirstOffset);
    }

    [Fact]
    public void Append_AfterOffsetJump_IsIndexedFromJump()
    {
        var jumped = new RecordBatch(new RecordLimits());
        Assert.Null(jumped.AddText("jumped"u8, new RecordMetadata { Offset = uint.MaxValue - 3 }));
        var first = _log.Partition.AppendAsync(jumped);
        var second = _log.Append("a", "b", "c", "d", "e", "f");
        Assert.True(first.IsCompletedSuccessfully);
        Assert.Equal(uint.MaxValue - 2, second.FirstOffset);
        _log.CutPower();
        Assert.Null(_log.Partition.StoppedReason);
        Assert.Equal(7, Values().Length);
    }

    [Fact]
    public void Fetch_InGapBetweenSegments_StartsAtNextRecord()
    {
        _log.Append("before");
        var far = new RecordBatch(new RecordLimits());
        for (var i = 0; i < 5; i++)
            Assert.Null(
                far.AddText(
                    Encoding.UTF8.GetBytes(new string('x', 3_000)),
                    new RecordMetadata { Offset = (1L << 40) + i }
                )
            );
        _log.Append(far);
        using var page = _log.Partition.Fetch(LogPlace.At(77), PageSize.Default);
        Assert.Equal((1L << 40, (1L << 40) + 5), (page.FirstOffset, page.NextOffset));
    }

    [Fact]
    public void Append_RoundSucceeds_IsKeptIfNextRoundStopsPartition()
    {
        for (var order = 0; order < 40; order++)
        {
            var log = new ModelLog(order: order);
            log.Append("before");
            Task<AppendResult>? second = null;
            log.FileSystem.Faults = call =>
            {
                if (!call.Path.StartsWith("/data/journal/", StringComparison.Ordinal))
                    return Fault.None;
                if (second is not null && call.Kind == FileSystemCallKind.Write)
                    return Fault.InputOutputError;
                // While the first append's round is synced, a full group of others does not wait for it.
                if (second is null && call.Kind == FileSystemCallKind.Sync)
                {
                    second = log.BeginAppend(new string('2', 150_000));
                    log.BeginAppend(new string('3', 150_000));
                }
                return Fault.None;
            };

            var first = log.BeginAppend("first");

            Assert.Equal(AppendStatus.Appended, ModelLog.StatusOf(first));
            Assert.Equal(AppendStatus.PartitionStopped, ModelLog.StatusOf(second!));
            Assert.Equal(2, log.Partition.EndOffset);
        }
    }

    [Fact]
    public void Append_RoundFailedInEachNewFile_IsRejected()
    {
        var log = new ModelLog(new() { Partitions = 2 });
        var syncs = new Dictionary<string, int>();
        var isFailing = true;
        log.FileSystem.Faults = call =>
        {
            if (!call.Path.StartsWith("/data/journal/", StringComparison.Ordinal))
                return Fault.None;
            if (call is { Kind: FileSystemCallKind.DeleteFile, Path: "/data/journal/00000002.journal" })
                return Fault.InputOutputError;
            if (call.Kind != FileSystemCallKind.Sync)
                return Fault.None;
            syncs[call.Path] = syncs.GetValueOrDefault(call.Path) + 1;
            // A file's first sync belongs to its creation, its second one to its first round.
            return isFailing && syncs[call.Path] == 2 ? Fault.InputOutputError : Fault.None;
        };
        Assert.Equal(AppendStatus.PartitionStopped, ModelLog.StatusOf(log.BeginAppend("unknown", partition: 0)));
        isFailing = false;
        // Its round would have the number of the failed one.
        Assert.NotEqual(AppendStatus.Appended, ModelLog.StatusOf(log.BeginAppend("refused", partition: 1)));

        log.Kill();

        Assert.All(log.Partitions, static partition => Assert.Null(partition.StoppedReason));
    }
}
