using LogHttp.Testing;
using static LogHttp.Storage.Tests.Testing.PowerCutWorld;

namespace LogHttp.Storage.Tests.Testing;

/// <summary>Calls that hang until the test releases them.</summary>
public class PowerCutHangTests
{
    static readonly TimeSpan LongEnough = TimeSpan.FromMinutes(1);

    readonly PowerCutFileSystem _fileSystem = Create(1);

    [Fact]
    public async Task Hang_OneThread_LetsOtherCallsContinue()
    {
        using var file = _fileSystem.Open($"{Here}/old");
        StrikeNext(_fileSystem, FileSystemCallKind.Sync, Fault.Hang);
        var syncing = StartThread(file.Sync);
        Assert.True(_fileSystem.WaitForHang(LongEnough));

        file.Write(Fill('b', PageSizeBytes), 0);

        Assert.False(syncing.IsCompleted);
        Assert.Equal(FileSystemCallKind.Sync, Assert.Single(_fileSystem.HangingCalls).Kind);
        _fileSystem.ReleaseHangs();
        await syncing.WaitAsync(LongEnough);
        Assert.Empty(_fileSystem.HangingCalls);
        Assert.Equal("4096b 8192a", Describe(ReadFile(_fileSystem.PowerCut(), $"{Here}/old")));
    }

    [Fact]
    public async Task ReleaseHangs_WithError_FailsCall()
    {
        StrikeNext(_fileSystem, FileSystemCallKind.List, Fault.Hang);
        var listing = StartThread(() => _fileSystem.List(Here));
        Assert.True(_fileSystem.WaitForHang(LongEnough));

        _fileSystem.ReleaseHangs(Fault.InputOutputError);

        await Assert.ThrowsAsync<IOException>(() => listing.WaitAsync(LongEnough));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Hang_EndOfBoot_Ends(bool isCut)
    {
        StrikeNext(_fileSystem, FileSystemCallKind.Create, Fault.Hang);
        var creating = StartThread(() => _fileSystem.Create($"{Here}/new"));
        Assert.True(_fileSystem.WaitForHang(LongEnough));

        var next = isCut ? _fileSystem.PowerCut() : _fileSystem.Kill();

        await Assert.ThrowsAsync<PowerCutException>(() => creating.WaitAsync(LongEnough));
        Assert.Equal("old", Names(next));
    }

    static Task StartThread(Action act) =>
        Task.Factory.StartNew(act, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
}
