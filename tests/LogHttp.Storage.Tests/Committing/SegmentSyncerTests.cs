using LogHttp.Storage.Committing;
using LogHttp.Storage.Files;
using LogHttp.Testing;
using Microsoft.Extensions.Logging.Abstractions;

namespace LogHttp.Storage.Tests.Committing;

public class SegmentSyncerTests
{
    readonly SimulatedScheduler _scheduler = new(new Random(1));
    readonly List<FileSystemCall> _calls = [];
    Func<FileSystemCall, Fault> _fault = static _ => Fault.None;

    (SegmentSyncer, WrittenFile[]) Create(int files, int threshold, bool canSyncAll = true)
    {
        var fileSystem = new PowerCutFileSystem(new Random(3), canSyncAll);
        var written = Enumerable.Range(0, files).Select(number => new WrittenFile(fileSystem, $"/{number}")).ToArray();
        var volume = fileSystem.VolumeOf("/");
        fileSystem.Faults = call =>
        {
            _calls.Add(call);
            return _fault(call);
        };
        return (new SegmentSyncer(volume, _scheduler, threshold, NullLogger.Instance), written);
    }

    FileSystemCallKind[] Kinds => [.. _calls.Select(call => call.Kind)];

    [Theory]
    [InlineData(3, 4, true, false)]
    [InlineData(4, 4, true, true)]
    [InlineData(4, 4, false, false)]
    [InlineData(9, 0, true, false)]
    public void Round_FromThreshold_SyncsWholeVolume(int files, int threshold, bool canSyncAll, bool isAtOnce)
    {
        var (syncer, written) = Create(files, threshold, canSyncAll);
        foreach (var file in written)
            syncer.Submit(file);
        _scheduler.RunAll();
        Assert.Equal(
            isAtOnce ? [FileSystemCallKind.SyncAll] : Enumerable.Repeat(FileSystemCallKind.Sync, files),
            Kinds
        );
        Assert.All(written, file => Assert.True(file.IsDurable));
    }

    [Fact]
    public void Submit_WhileRoundRuns_SharesNextRound()
    {
        var (syncer, written) = Create(files: 5, threshold: 4);
        written[0].Then = () =>
        {
            foreach (var file in written[1..])
                syncer.Submit(file);
        };
        syncer.Submit(written[0]);
        _scheduler.RunAll();
        Assert.Equal([FileSystemCallKind.Sync, FileSystemCallKind.SyncAll], Kinds);
    }

    [Fact]
    public void Submit_ErrorOfOneFile_FailsItAlone()
    {
        var (syncer, written) = Create(files: 3, threshold: 0);
        _fault = call => call.Path == "/1" ? Fault.InputOutputError : Fault.None;
        foreach (var file in written)
            syncer.Submit(file);
        _scheduler.RunAll();
        Assert.Equal([true, false, true], written.Select(file => file.IsDurable));
    }

    [Fact]
    public void Submit_AfterFailedSyncAll_SyncsEachFileAlone()
    {
        var (syncer, written) = Create(files: 8, threshold: 4);
        _fault = call => call.Kind == FileSystemCallKind.SyncAll ? Fault.InputOutputError : Fault.None;
        // Files 4 to 7 are dirty as well, but no sync of them is requested yet: the error may be theirs.
        foreach (var file in written[..4])
            syncer.Submit(file);
        _scheduler.RunAll();
        _fault = static _ => Fault.None;
        foreach (var file in written[4..])
            syncer.Submit(file);
        _scheduler.RunAll();
        Assert.Equal(FileSystemCallKind.SyncAll, Kinds[0]);
        Assert.Equal(Enumerable.Repeat(FileSystemCallKind.Sync, 8), Kinds[1..]);
        Assert.All(written, file => Assert.NotNull(file.IsDurable));
        Assert.Contains(written, file => file.IsDurable == false);
    }

    [Fact]
    public void Submit_ClosedFile_SyncsWholeVolume()
    {
        var (syncer, files) = Create(files: 1, threshold: 4);
        files[0].Close();

        syncer.Submit(files[0]);
        _scheduler.RunAll();

        Assert.Equal([FileSystemCallKind.SyncAll], Kinds);
        Assert.True(files[0].IsDurable);
    }

    [Fact]
    public void Submit_ClosedFileAfterFailedSyncAll_Fails()
    {
        var (syncer, files) = Create(files: 2, threshold: 1);
        _fault = call => call.Kind == FileSystemCallKind.SyncAll ? Fault.InputOutputError : Fault.None;
        files[0].Close();
        files[1].Close();

        syncer.Submit(files[0]);
        _scheduler.RunAll();
        Assert.False(syncer.CanSyncAll);
        syncer.Submit(files[1]);
        _scheduler.RunAll();

        // A handle opened now would not report the loss.
        Assert.Equal([FileSystemCallKind.SyncAll], Kinds);
        Assert.All(files, static file => Assert.False(file.IsDurable));
    }

    sealed class WrittenFile : Commit
    {
        bool _isClosed;

        public WrittenFile(IFileSystem fileSystem, string path)
        {
            File = fileSystem.Create(path);
            File.Write("written"u8, 0);
        }

        public override IFile File { get; }

        public override bool NeedsSyncAll => _isClosed;

        public bool? IsDurable { get; private set; }

        public Action Then { get; set; } = static () => { };

        public void Close()
        {
            File.Dispose();
            _isClosed = true;
        }

        public override void Completed(IOException? error)
        {
            Assert.Null(IsDurable);
            IsDurable = error is null;
            Then();
        }
    }
}
