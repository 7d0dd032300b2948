using System.Text;
using LogHttp.Storage.Appending;
using LogHttp.Storage.Files;
using LogHttp.Storage.Journal;
using LogHttp.Storage.Topics;
using LogHttp.Testing;

namespace LogHttp.Storage.Tests.Topics;

/// <summary>The result of a start with a journal and the segments that it finds (api/FORMAT.md §14).</summary>
public class JournalRecoveryTests
{
    const string JournalDirectory = "/data/journal";
    const string SegmentPath = $"{ModelLog.PartitionDirectory}/00000000000000000000.ndjson";
    const int PageBytes = 4096;

    static readonly string Text = new('x', 6_000);

    [Fact]
    public void Decide_EarlierPosition_IsEnd()
    {
        var redo = new JournalRedo("/data/topics/t/0", isPresent: true);
        var entry = new JournalEntry(JournalEntryKind.Records, 1, 0, 0, 0, 100);

        redo.Decide(entry, payloadBytes: 50);
        redo.Decide(entry with { Kind = JournalEntryKind.SyncedUpTo, Position = 120 }, payloadBytes: 0);

        Assert.Equal(120, redo.End!.Value.Position);
    }

    [Fact]
    public void Open_JournaledPageZeroed_RestoresIt()
    {
        var log = new ModelLog();
        log.Append(Text);
        log.Append("last");

        log.Kill(static fileSystem => Overwrite(fileSystem, SegmentPath, 0, new byte[PageBytes]));

        Assert.Null(log.Partition.StoppedReason);
        Assert.Equal(2, Lines(log).Length);
    }

    [Fact]
    public void Open_PageBeforeEndZeroed_CutsNothing()
    {
        // The journal's files are used again and again, so they have the last records only.
        var log = new ModelLog(adjust: static options =>
            options with
            {
                MinJournalFileBytes = 64 << 10,
                MaxJournalFileBytes = 64 << 10,
                CheckpointBytes = 1 << 20,
            }
        );
        for (var appended = 0; appended < 100; appended++)
            log.Append(Text);
        var before = log.ReadFile(SegmentPath);
        before.AsSpan(PageBytes, PageBytes).Clear();

        log.Kill(static fileSystem => Overwrite(fileSystem, SegmentPath, PageBytes, new byte[PageBytes]));

        Assert.Contains("read-only", log.Partition.StoppedReason, StringComparison.Ordinal);
        Assert.Equal(before, log.ReadFile(SegmentPath));
    }

    [Fact]
    public void Open_SegmentCutShort_WritesNothingAfterGap()
    {
        var log = new ModelLog();
        log.Append("first");
        log.Restart();
        log.Append("second");
        var whole = log.ReadFile(SegmentPath);

        log.Kill(static fileSystem => Truncate(fileSystem, SegmentPath));

        Assert.Contains("read-only", log.Partition.StoppedReason, StringComparison.Ordinal);
        Assert.Empty(log.ReadFile(SegmentPath));
        // The journal keeps the entries until an operator has restored the beginning.
        log.Restart(fileSystem =>
            Overwrite(fileSystem, SegmentPath, 0, whole[..(Array.IndexOf(whole, (byte)'\n') + 1)])
        );
        Assert.Null(log.Partition.StoppedReason);
        Assert.Equal(whole, log.ReadAll());
    }

    [Fact]
    public void Open_EarlierRoundDamaged_CutsNothing()
    {
        var log = new ModelLog();
        log.Append("first");
        log.Append("second");
        log.Append("third");
        var before = log.ReadFile(SegmentPath);

        // The second round begins with the second block.
        log.Kill(static fileSystem =>
            Overwrite(fileSystem, $"{JournalDirectory}/00000001.journal", PageBytes + 100, new byte[8])
        );

        Assert.Contains("read-only", log.Partition.StoppedReason, StringComparison.Ordinal);
        Assert.Equal(before, log.ReadFile(SegmentPath));
    }

    [Fact]
    public void Open_MissingJournal_CutsNothing()
    {
        var log = new ModelLog();
        log.Append("first");
        var before = log.ReadFile(SegmentPath);

        log.Kill(static fileSystem => fileSystem.DeleteDirectory(JournalDirectory));

        Assert.Contains("read-only", log.Partition.StoppedReason, StringComparison.Ordinal);
        Assert.Equal(before, log.ReadFile(SegmentPath));
    }

    [Fact]
    public void Open_MissingMark_ContinuesAfterRounds()
    {
        var log = new ModelLog(adjust: static options => options with { MinJournalFileBytes = 64 << 10 });
        // Rounds in two files: the next start overwrites one of them.
        for (var appended = 0; appended < 12; appended++)
            log.Append(Text);
        log.Kill(static fileSystem => fileSystem.DeleteFile($"/data/topics/{JournalMark.Name}"));
        log.Append("last");

        log.CutPower();

        Assert.Null(log.Partition.StoppedReason);
        Assert.Equal(13, log.Partition.EndOffset);
    }

    [Fact]
    public void Open_UnwrittenMark_ContinuesAfterRounds()
    {
        const int Partitions = 12;
        var log = new ModelLog(
            new() { Partitions = Partitions },
            adjust: static options => options with { MinJournalFileBytes = 64 << 10 }
        );
        log.Append("first");
        // The mark says that no journal is needed.
        log.Restart();
        log.FileSystem.Faults = static call =>
            call.Kind is FileSystemCallKind.Write && call.Path.EndsWith(JournalMark.Name, StringComparison.Ordinal)
                ? Fault.InputOutputError
                : Fault.None;
        // Rounds in two files: the next start overwrites one of them.
        for (var partition = 0; partition < Partitions; partition++)
            Assert.Equal(AppendStatus.PartitionStopped, ModelLog.StatusOf(log.BeginAppend(Text, partition)));
        log.Kill(static fileSystem => fileSystem.Faults = null);
        var position = log.Append("last");

        log.CutPower();

        Assert.Null(log.Partition.StoppedReason);
        Assert.Equal(position.NextOffset, log.Partition.EndOffset);
    }

    [Fact]
    public void Open_UnsyncedFileName_MakesItDurable()
    {
        // The seed chooses whether a power cut loses the name.
        for (var seed = 1; seed <= 8; seed++)
        {
            var log = new ModelLog(seed: seed);
            log.KillAt(FileSystemCallKind.SyncDirectory, JournalDirectory, () => log.Append("lost"));
            // The creation of another file, at the time of the first append, would sync the directory.
            log.FileSystem.Faults = static call =>
                call.Kind is FileSystemCallKind.Create && call.Path.EndsWith(".journal.tmp", StringComparison.Ordinal)
                    ? Fault.DiskFull
                    : Fault.None;
            log.Append("kept");
            log.FileSystem.Faults = null;

            log.CutPower();

            Assert.Null(log.Partition.StoppedReason);
            Assert.Equal(1, log.Partition.EndOffset);
        }
    }

    [Fact]
    public void Open_UnsyncedRound_SurvivesPowerCut()
    {
        var isBrokenOff = true;
        for (var calls = 0; isBrokenOff; calls++)
        {
            var log = new ModelLog(
                adjust: static options => options with { MinJournalFileBytes = 64 << 10 },
                seed: calls
            );
            // They fill the first file, and the keeper has created the second one.
            for (var appended = 0; appended < 8; appended++)
                log.Append(Text);
            // The first round of the second file is written, but only the page cache has it.
            log.StopAt(FileSystemCallKind.Sync, "2.journal.tmp", () => log.Append(Text));

            isBrokenOff = log.TryOpenBrokenOff(calls, cutsPower: true);

            Assert.Null(log.Partition.StoppedReason);
            Assert.InRange(log.Partition.EndOffset, 8, 9);
        }
    }

    [Fact]
    public void Open_AfterDeletion_KeepsNoEntries()
    {
        var log = new ModelLog();
        log.Append("gone");
        log.Delete();

        log.CutPower();

        Assert.Empty(log.FileSystem.List($"{JournalDirectory}/unplaced"));
        Assert.Equal(0, log.Partition.EndOffset);
    }

    static string[] Lines(ModelLog log) =>
        Encoding.UTF8.GetString(log.ReadAll()).Split('\n', StringSplitOptions.RemoveEmptyEntries);

    static void Overwrite(IFileSystem fileSystem, string path, long position, byte[] bytes)
    {
        using var file = fileSystem.Open(path);
        file.Write(bytes, position);
        file.Sync();
    }

    static void Truncate(IFileSystem fileSystem, string path)
    {
        using var file = fileSystem.Open(path);
        file.Truncate(0);
        file.Sync();
    }
}
