using LogHttp.Storage.Appending;
using LogHttp.Storage.Committing;
using LogHttp.Storage.Journal;
using LogHttp.Testing;

namespace LogHttp.Storage.Tests.Journal;

/// <summary>
/// The rounds that the writer puts into the journal's files, and the times when it creates these (api/FORMAT.md §13).
/// </summary>
public class JournalRotationTests
{
    const string JournalDirectory = "/data/journal";
    const int FileBytes = 64 << 10;
    const int MaxFileBytes = 256 << 10;

    // Two appends of this size would be a large group, which bypasses the journal.
    static readonly string Text = new('x', 6_000);

    [Fact]
    public void Append_UnderLoad_KeepsSpareReady()
    {
        var log = Open();

        log.Append(Text);

        Assert.Equal([FileBytes, FileBytes], FileSizes(log));
    }

    [Fact]
    public void Append_FasterThanCheckpoints_GrowsFiles()
    {
        var log = Open();
        log.Commits.Hold<SegmentSyncer>();

        AppendUntilOneWaits(log);

        Assert.Equal([FileBytes, FileBytes, FileBytes, 2 * FileBytes], FileSizes(log));
    }

    [Fact]
    public void Append_SegmentsHang_StaysWithinFourFiles()
    {
        var log = Open();
        log.Commits.Hold<SegmentSyncer>();

        var waiting = AppendUntilOneWaits(log);

        Assert.Equal(JournalOptions.MaxFiles, FileSizes(log).Length);
        // Three files are retired at once, and the live one has room for one of them.
        log.Release();
        Assert.Equal(AppendStatus.Appended, ModelLog.StatusOf(waiting));
    }

    [Fact]
    public void Append_JournalHangs_StopsAtLimit()
    {
        var log = Open();
        log.Append(Text);
        log.Commits.Hold<JournalWriter>();

        var appends = Enumerable.Range(0, 40).Select(_ => log.BeginAppend(Text)).ToArray();

        // Units of four rounds, each a quarter of a file, and the group that did not fit.
        var writtenBytes = log.ReadFile($"{ModelLog.PartitionDirectory}/00000000000000000000.ndjson").Length;
        Assert.InRange(writtenBytes, FileBytes, FileBytes + 3 * Text.Length);
        log.Release();
        Assert.All(appends, append => Assert.Equal(AppendStatus.Appended, append.Result.Status));
    }

    [Fact]
    public void Append_WithoutRoomForSecondFile_IsRejected()
    {
        var log = Open();
        log.FileSystem.Faults = static call =>
            call.Kind is FileSystemCallKind.Create && call.Path.EndsWith("2.journal.tmp", StringComparison.Ordinal)
                ? Fault.DiskFull
                : Fault.None;

        var refused = AppendStatus.Appended;
        for (var appended = 0; appended < 20 && refused == AppendStatus.Appended; appended++)
            refused = ModelLog.StatusOf(log.BeginAppend(Text))!.Value;

        Assert.NotEqual(AppendStatus.Appended, refused);
        Assert.Null(log.Partition.StoppedReason);
        log.FileSystem.Faults = null;
        log.Append(Text);
    }

    [Fact]
    public void Append_NewSegment_JournalsSegmentFirst()
    {
        var log = Open(new() { SegmentBytes = FileBytes });
        for (var appended = 0; appended < 12; appended++)
            log.Append(Text);

        var entries = Entries(log).FindAll(static entry => entry.SegmentBaseOffset > 0);

        Assert.Equal(JournalEntryKind.SegmentMade, entries[0].Kind);
        Assert.Equal(JournalEntryKind.Records, entries[1].Kind);
    }

    [Fact]
    public void Append_AfterUnknownOutcome_IsNotJournaled()
    {
        var log = Open();
        log.Append("first");
        log.Commits.Hold<JournalWriter>();
        // A full group does not wait for the one in flight. A round takes two groups, so others wait for the next.
        var appends = Enumerable.Range(0, 6).Select(_ => log.BeginAppend(Text)).ToArray();
        var failures = 0;
        log.FileSystem.Faults = call =>
            call.Kind is FileSystemCallKind.Write
            && call.Path.StartsWith(JournalDirectory, StringComparison.Ordinal)
            && failures++ < 2
                ? Fault.InputOutputError
                : Fault.None;

        log.Release();

        Assert.All(appends, append => Assert.Equal(AppendStatus.PartitionStopped, append.Result.Status));
        Assert.Single(Entries(log), static entry => entry.Kind == JournalEntryKind.Records);
    }

    [Fact]
    public void Append_WhileUnknownRoundExists_IsNotAppended()
    {
        var log = Open(new() { Partitions = 2 });
        log.Append("first");
        var failures = 0;
        log.FileSystem.Faults = call =>
            call switch
            {
                { Kind: FileSystemCallKind.DeleteFile } when call.Path.EndsWith(".journal", StringComparison.Ordinal) =>
                    Fault.InputOutputError,
                { Kind: FileSystemCallKind.Sync } when failures++ < 2 => Fault.InputOutputError,
                _ => Fault.None,
            };

        var unknown = log.BeginAppend("unknown");
        var next = log.BeginAppend("next", partition: 1);

        Assert.Equal(AppendStatus.PartitionStopped, ModelLog.StatusOf(unknown));
        // A second durable round of the same number would make it ambiguous which one was acknowledged.
        Assert.NotEqual(AppendStatus.Appended, ModelLog.StatusOf(next));
        log.FileSystem.Faults = null;
        log.CutPower();
        Assert.All(log.Partitions, static partition => Assert.Null(partition.StoppedReason));
    }

    static ModelLog Open(TopicConfiguration? configuration = null) =>
        new(
            configuration,
            adjust: static options =>
                options with
                {
                    MinJournalFileBytes = FileBytes,
                    MaxJournalFileBytes = MaxFileBytes,
                    CheckpointBytes = 1 << 20,
                }
        );

    static Task<AppendResult> AppendUntilOneWaits(ModelLog log)
    {
        for (var appended = 0; appended < 300; appended++)
        {
            var append = log.BeginAppend(Text);
            if (!append.IsCompleted)
                return append;
        }
        throw new InvalidOperationException("The journal has no end.");
    }

    static long[] FileSizes(ModelLog log) =>
        [
            .. log
                .FileSystem.List(JournalDirectory)
                .Where(static entry => JournalFile.TryParseName(entry.Name, out _))
                .Select(static entry => entry.LengthBytes),
        ];

    static List<JournalEntry> Entries(ModelLog log)
    {
        List<JournalEntry> entries = [];
        var scan = JournalScan.Read(log.FileSystem, JournalDirectory);
        Assert.Null(scan.Damage);
        JournalReader.Read(
            log.FileSystem,
            JournalDirectory,
            scan.Rounds,
            1,
            ulong.MaxValue,
            (in entry, _, _) => entries.Add(entry)
        );
        return entries;
    }
}
