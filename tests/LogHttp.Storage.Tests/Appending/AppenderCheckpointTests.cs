using LogHttp.Storage.Appending;
using LogHttp.Storage.Committing;
using LogHttp.Storage.Journal;
using LogHttp.Storage.Records;
using LogHttp.Testing;

namespace LogHttp.Storage.Tests.Appending;

/// <summary>The content of a checkpoint while groups are under way.</summary>
public class AppenderCheckpointTests
{
    static readonly string Text = new('x', 6_000);

    [Fact]
    public void Checkpoint_AfterLostGroup_OmitsItsProducer()
    {
        var log = new ModelLog(adjust: static options =>
            options with
            {
                MinJournalFileBytes = 128 << 10,
                MaxJournalFileBytes = 128 << 10,
                CheckpointBytes = 64 << 10,
            }
        );
        // The journal requests a sync when it creates its first file, and the next one when a file is full.
        log.Append("first");
        log.Commits.Hold<SegmentSyncer>();
        for (var appended = 0; appended < 32; appended++)
            Assert.Equal(AppendStatus.Appended, ModelLog.StatusOf(log.BeginAppend(Text)));
        log.Commits.Hold<JournalWriter>();
        var lost = log.BeginAppend(ProducedBatch());
        // The segment is synced before the group is in the journal, and a checkpoint follows.
        log.Commits.RunHeld<SegmentSyncer>();
        Assert.False(lost.IsCompleted);

        log.CutPower();

        Assert.Equal(33, log.Partition.EndOffset);
        Assert.Equal(AppendStatus.Appended, log.Append(ProducedBatch()).Status);
    }

    static RecordBatch ProducedBatch()
    {
        var batch = new RecordBatch(new RecordLimits(), new ProducerStamp("p", 0, 0));
        Assert.Null(batch.AddText("x"u8));
        return batch;
    }

    [Fact]
    public void Close_Unchanged_MakesFoundCheckpointDurable()
    {
        for (var seed = 0; seed < 20; seed++)
        {
            var log = new ModelLog(seed: seed);
            log.Append("a");
            log.Restart();
            log.Configure(static configuration => configuration with { Flush = FlushPolicy.Os });
            log.Append("b");
            log.FileSystem.Faults = static call =>
                call is { Kind: FileSystemCallKind.SyncDirectory, Path: ModelLog.PartitionDirectory }
                    ? Fault.InputOutputError
                    : Fault.None;
            log.Restart(static fileSystem => fileSystem.Faults = null);
            log.Restart();

            log.CutPower();

            // Seed 25679: the mark said that no journal is needed, and the previous checkpoint came back.
            Assert.Equal(2, log.Partition.EndOffset);
        }
    }
}
