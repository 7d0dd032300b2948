using LogHttp.Storage.Files;
using LogHttp.Testing;

namespace LogHttp.Storage.Tests;

public class CommitterTests
{
    readonly SimulatedScheduler _scheduler = new(new Random(1));
    readonly List<FileSystemCall> _calls = [];
    Func<FileSystemCall, Fault> _fault = static _ => Fault.None;

    (Committer, WrittenFile[]) Create(int files, int threshold, bool canSyncAll = true)
    {
        var fileSystem = new PowerCutFileSystem(new Random(3), canSyncAll);
        var written = Enumerable.Range(0, files).Select(number => new WrittenFile(fileSystem, $"/{number}")).ToArray();
        fileSystem.Faults = call =>
        {
            _calls.Add(call);
            return _fault(call);
        };
        return (new Committer(new StorageEnvironment { FileSystem = fileSystem }, _scheduler, threshold), written);
    }

    FileSystemCallKind[] Kinds => [.. _calls.Select(call => call.Kind)];

    [Theory]
    [InlineData(3, 4, true, false)]
    [InlineData(4, 4, true, true)]
    [InlineData(4, 4, false, false)]
    [InlineData(9, 0, true, false)]
    public void Round_OfSoManyFiles_SyncsAllAtOnceFromTheThresholdOn(int files, int threshold, bool canSyncAll, bool isAtOnce)
    {
        var (committer, written) = Create(files, threshold, canSyncAll);
        foreach (var file in written)
            committer.Submit(file);
        _scheduler.RunAll();
        Assert.Equal(isAtOnce ? [FileSystemCallKind.SyncAll] : Enumerable.Repeat(FileSystemCallKind.Sync, files), Kinds);
        Assert.All(written, file => Assert.True(file.IsDurable));
    }

    [Fact]
    public void Submit_WhileARoundRuns_SharesTheNext()
    {
        var (committer, written) = Create(files: 5, threshold: 4);
        written[0].Then = () =>
        {
            foreach (var file in written[1..])
                committer.Submit(file);
        };
        committer.Submit(written[0]);
        _scheduler.RunAll();
        Assert.Equal([FileSystemCallKind.Sync, FileSystemCallKind.SyncAll], Kinds);
    }

    [Fact]
    public void Error_OfOneFile_IsToldToThatOneAlone()
    {
        var (committer, written) = Create(files: 3, threshold: 0);
        _fault = call => call.Path == "/1" ? Fault.InputOutputError : Fault.None;
        foreach (var file in written)
            committer.Submit(file);
        _scheduler.RunAll();
        Assert.Equal([true, false, true], written.Select(file => file.IsDurable));
    }

    [Fact]
    public void Error_OfASyncOfAll_IsFoundAtItsFile_AndNoSyncOfAllIsTrustedAfterIt()
    {
        var (committer, written) = Create(files: 8, threshold: 4);
        _fault = call => call.Kind == FileSystemCallKind.SyncAll ? Fault.InputOutputError : Fault.None;
        // Files 4 to 7 are dirty as well, but nobody has asked for them yet: the error may be theirs.
        foreach (var file in written[..4])
            committer.Submit(file);
        _scheduler.RunAll();
        _fault = static _ => Fault.None;
        foreach (var file in written[4..])
            committer.Submit(file);
        _scheduler.RunAll();
        Assert.Equal(FileSystemCallKind.SyncAll, Kinds[0]);
        Assert.Equal(Enumerable.Repeat(FileSystemCallKind.Sync, 8), Kinds[1..]);
        Assert.All(written, file => Assert.NotNull(file.IsDurable));
        Assert.Contains(written, file => file.IsDurable == false);
    }

    sealed class WrittenFile : Commit
    {
        public WrittenFile(IFileSystem fileSystem, string path)
        {
            File = fileSystem.Create(path);
            File.Write("written"u8, 0);
        }

        public override IFile File { get; }

        public bool? IsDurable { get; private set; }

        public Action Then { get; set; } = static () => { };

        public override void Completed(IOException? error)
        {
            Assert.Null(IsDurable);
            IsDurable = error is null;
            Then();
        }
    }
}
