using LogHttp.Storage.Appending;
using LogHttp.Storage.Journal;
using LogHttp.Testing;

namespace LogHttp.Storage.Tests.Appending;

/// <summary>Many partitions whose bytes only the journal has durably, on a volume that is synced as a whole.</summary>
public class AppenderUnsyncedTests
{
    const int Partitions = 12;
    const int Rounds = 4;

    // Partitions may keep half of it open until they are synced. That is one partition here.
    const int MaxOpenSegments = 4;

    static readonly string Text = new('x', 100);
    static readonly string LargeText = new('x', 6_000);

    [Fact]
    public void Append_AboveMaxOpenSegments_SyncsNoSegment()
    {
        var log = NewLog(seed: 1);
        // The very first append may have to wait for a journal file.
        log.Append(Text);
        var syncs = 0;
        log.FileSystem.Faults = call =>
        {
            syncs += call.Kind is FileSystemCallKind.SyncAll || IsSyncOfASegment(call) ? 1 : 0;
            return Fault.None;
        };

        AppendToAll(log);

        Assert.Equal(0, syncs);
        // The journal's files and the mark.
        var mostOpen = 2 * MaxOpenSegments + JournalOptions.MaxFiles + 1;
        Assert.InRange(log.FileSystem.OpenHandleCount, 1, mostOpen);
    }

    [Fact]
    public void PowerCut_WithClosedSegments_LosesNothing()
    {
        for (var seed = 1; seed <= 8; seed++)
        {
            var log = NewLog(seed);
            AppendToAll(log);

            log.CutPower();

            Assert.All(log.Partitions, static partition => Assert.Equal(Rounds, partition.EndOffset));
        }
    }

    [Fact]
    public void Sync_OfClosedSegmentsFails_IsRepairedFromJournal()
    {
        for (var seed = 1; seed <= 8; seed++)
        {
            var log = NewLog(seed);
            AppendToAll(log);
            var hasFailed = false;
            log.FileSystem.Faults = call =>
            {
                hasFailed |= call.Kind is FileSystemCallKind.SyncAll;
                return call.Kind is FileSystemCallKind.SyncAll ? Fault.InputOutputError : Fault.None;
            };
            // Until the journal requests a sync of all segments, and then until it has used its files again.
            for (var appended = 0; appended < 256; appended++)
                Assert.Equal(AppendStatus.Appended, ModelLog.StatusOf(log.BeginAppend(LargeText)));
            Assert.True(hasFailed);
            log.FileSystem.Faults = null;

            log.CutPower();

            Assert.All(log.Partitions.Skip(1), static partition => Assert.Equal(Rounds, partition.EndOffset));
            Assert.All(log.Partitions, static partition => Assert.Null(partition.StoppedReason));
        }
    }

    [Fact]
    public void Stop_WithClosedSegments_LeavesEmptyJournal()
    {
        var log = NewLog(seed: 1);
        AppendToAll(log);

        log.Restart(static disk => disk.DeleteFile("/data/journal/00000001.journal"));

        Assert.All(log.Partitions, static partition => Assert.Equal(Rounds, partition.EndOffset));
        Assert.All(log.Partitions, static partition => Assert.Null(partition.StoppedReason));
    }

    static bool IsSyncOfASegment(FileSystemCall call) =>
        call.Kind is FileSystemCallKind.Sync && call.Path.EndsWith(".ndjson", StringComparison.Ordinal);

    static void AppendToAll(ModelLog log)
    {
        for (var round = 0; round < Rounds; round++)
        {
            for (var partition = 0; partition < Partitions; partition++)
                Assert.Equal(AppendStatus.Appended, ModelLog.StatusOf(log.BeginAppend(Text, partition)));
        }
    }

    static ModelLog NewLog(int seed) =>
        new(
            new TopicConfiguration { Partitions = Partitions },
            canSyncAll: true,
            seed: seed,
            adjust: static options =>
                options with
                {
                    MaxOpenSegments = MaxOpenSegments,
                    MinJournalFileBytes = 512 << 10,
                    MaxJournalFileBytes = 512 << 10,
                }
        );
}
