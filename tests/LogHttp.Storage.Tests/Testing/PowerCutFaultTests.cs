using LogHttp.Storage.Files;
using LogHttp.Testing;
using static LogHttp.Storage.Tests.Testing.PowerCutWorld;

namespace LogHttp.Storage.Tests.Testing;

/// <summary>Calls are announced, and faults strike as told.</summary>
public class PowerCutFaultTests
{
    const string Old = $"{Here}/old";

    /// <summary>Makes each kind of call, in a way that succeeds without a fault.</summary>
    static void Call(PowerCutFileSystem fileSystem, FileSystemCallKind kind, OpenObjects open)
    {
        switch (kind)
        {
            case FileSystemCallKind.Create:
                fileSystem.Create($"{Here}/new");
                break;
            case FileSystemCallKind.Open:
                fileSystem.Open(Old);
                break;
            case FileSystemCallKind.List:
                fileSystem.List(Here);
                break;
            case FileSystemCallKind.CreateDirectory:
                fileSystem.CreateDirectory($"{Here}/new");
                break;
            case FileSystemCallKind.Rename:
                fileSystem.Rename(Old, $"{Here}/new");
                break;
            case FileSystemCallKind.Link:
                fileSystem.TryLink(Old, $"{Here}/new");
                break;
            case FileSystemCallKind.DeleteFile:
                fileSystem.DeleteFile(Old);
                break;
            case FileSystemCallKind.DeleteDirectory:
                fileSystem.DeleteDirectory(There);
                break;
            case FileSystemCallKind.SyncDirectory:
                fileSystem.SyncDirectory(Here);
                break;
            case FileSystemCallKind.VolumeOf:
                fileSystem.VolumeOf(Here);
                break;
            case FileSystemCallKind.SyncAll:
                open.Volume.SyncAll();
                break;
            case FileSystemCallKind.Lock:
                fileSystem.Lock("/lock");
                break;
            case FileSystemCallKind.Read:
                open.File.Read(new byte[1], 0);
                break;
            case FileSystemCallKind.Write:
                open.File.Write("b"u8, 0);
                break;
            case FileSystemCallKind.Truncate:
                open.File.Truncate(1);
                break;
            default:
                open.File.Sync();
                break;
        }
    }

    static (PowerCutFileSystem FileSystem, OpenObjects Open) CreateWithFile(int seed = 1)
    {
        var fileSystem = Create(seed);
        return (fileSystem, new OpenObjects(fileSystem.Open(Old), fileSystem.VolumeOf("/")));
    }

    sealed record OpenObjects(IFile File, IVolume Volume);

    public static TheoryData<FileSystemCallKind> Kinds => [.. Enum.GetValues<FileSystemCallKind>()];

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Call_Every_IsAnnouncedWithOwnNumber(FileSystemCallKind kind)
    {
        var (fileSystem, open) = CreateWithFile();
        List<FileSystemCall> calls = [];
        var before = fileSystem.CallCount;
        fileSystem.Faults = call =>
        {
            calls.Add(call);
            return Fault.None;
        };

        Call(fileSystem, kind, open);

        var announced = Assert.Single(calls);
        Assert.Equal(kind, announced.Kind);
        Assert.Equal(before + 1, announced.Number);
        Assert.Equal(fileSystem.CallCount, announced.Number);
        Assert.StartsWith("/", announced.Path, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Call_Every_CanFailWithInputOutputError(FileSystemCallKind kind)
    {
        var (fileSystem, open) = CreateWithFile();
        fileSystem.Faults = _ => Fault.InputOutputError;

        var exception = Assert.Throws<IOException>(() => Call(fileSystem, kind, open));

        Assert.Contains(kind.ToString(), exception.Message, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Call_ThatAllocates_CanFindDiskFull(FileSystemCallKind kind)
    {
        var (fileSystem, open) = CreateWithFile();
        fileSystem.Faults = _ => Fault.DiskFull;

        if (FileSystemCall.Admits(kind, Fault.DiskFull))
            Assert.Throws<DiskFullException>(() => Call(fileSystem, kind, open));
        else
            Assert.Throws<InvalidOperationException>(() => Call(fileSystem, kind, open));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Call_Every_CanBeLast(FileSystemCallKind kind)
    {
        foreach (var fault in new[] { Fault.PowerCutBefore, Fault.PowerCutDuring, Fault.PowerCutAfter })
        {
            var (fileSystem, open) = CreateWithFile();
            StrikeNext(fileSystem, kind, fault);

            Assert.Throws<PowerCutException>(() => Call(fileSystem, kind, open));
            Assert.True(fileSystem.IsOver);
            Assert.Throws<PowerCutException>(() => Call(fileSystem, kind, open));
            Assert.False(fileSystem.PowerCut().IsOver);
        }
    }

    [Fact]
    public void NameChange_Failed_HasNoEffect()
    {
        var (fileSystem, open) = CreateWithFile();
        var file = open.File;
        fileSystem.Faults = call => FileSystemCall.Admits(call.Kind, Fault.DiskFull) ? Fault.DiskFull : Fault.None;
        Assert.Throws<DiskFullException>(() => fileSystem.Create($"{Here}/new"));
        Assert.Throws<DiskFullException>(() => fileSystem.CreateDirectory($"{Here}/new"));
        Assert.Throws<DiskFullException>(() => fileSystem.Rename(Old, $"{Here}/new"));
        fileSystem.Faults = call => call.Kind is FileSystemCallKind.List ? Fault.None : Fault.InputOutputError;
        Assert.Throws<IOException>(() => fileSystem.DeleteFile(Old));
        Assert.Throws<IOException>(() => file.Truncate(0));

        Assert.Equal("old", Names(fileSystem));
        Assert.Equal(3 * PageSizeBytes, file.LengthBytes);
    }

    [Fact]
    public void ShortWrite_AnyFault_LeavesPrefixAndFails()
    {
        HashSet<long> lengths = [];
        HashSet<Type> errors = [];
        for (var seed = 0; seed < 300; seed++)
        {
            var (fileSystem, open) = CreateWithFile(seed);
            var file = open.File;
            StrikeNext(fileSystem, FileSystemCallKind.Write, Fault.ShortWrite);

            errors.Add(Assert.ThrowsAny<IOException>(() => file.Write(Fill('b', 5), 3 * PageSizeBytes)).GetType());

            lengths.Add(file.LengthBytes - 3 * PageSizeBytes);
            Assert.DoesNotContain((byte)0, ReadAll(file));
        }

        Assert.Equal([0, 1, 2, 3, 4], lengths.Order());
        Assert.Equal([typeof(DiskFullException), typeof(IOException)], errors.OrderBy(error => error.Name));
    }

    [Fact]
    public void PowerCut_WithinWrite_LeavesAnyPrefix()
    {
        var outcomes = Outcomes(fileSystem =>
        {
            var file = fileSystem.Open(Old);
            StrikeNext(fileSystem, FileSystemCallKind.Write, Fault.PowerCutDuring);
            Assert.Throws<PowerCutException>(() => file.Write("bbbb"u8, 0));
            return Describe(ReadFile(fileSystem.PowerCut(), Old));
        });

        Assert.Equal(["12288a", "1b 12287a", "2b 12286a", "3b 12285a"], outcomes);
    }

    [Fact]
    public void PowerCut_AfterSync_FindsAllDurable()
    {
        var outcomes = Outcomes(fileSystem =>
        {
            var file = fileSystem.Open(Old);
            file.Write(Fill('b', PageSizeBytes), 0);
            StrikeNext(fileSystem, FileSystemCallKind.Sync, Fault.PowerCutAfter);
            Assert.Throws<PowerCutException>(file.Sync);
            return Describe(ReadFile(fileSystem.PowerCut(), Old));
        });

        Assert.Equal(["4096b 8192a"], outcomes);
    }

    [Theory]
    [InlineData(FileSystemCallKind.Sync)]
    [InlineData(FileSystemCallKind.SyncAll)]
    public void PowerCut_WithinSync_LeavesAnyPart(FileSystemCallKind kind)
    {
        var outcomes = Outcomes(fileSystem =>
        {
            var open = new OpenObjects(fileSystem.Open(Old), fileSystem.VolumeOf("/"));
            open.File.Write(Fill('b', 2 * PageSizeBytes), 0);
            StrikeNext(fileSystem, kind, Fault.PowerCutDuring);
            Assert.Throws<PowerCutException>(() => Call(fileSystem, kind, open));
            return Describe(ReadFile(fileSystem.PowerCut(), Old));
        });

        Assert.Equal(["12288a", "4096a 4096b 4096a", "4096b 8192a", "8192b 4096a"], outcomes);
    }

    [Fact]
    public void PowerCut_WithinDirectorySync_LeavesAnyPart()
    {
        var outcomes = Outcomes(fileSystem =>
        {
            fileSystem.Create($"{There}/1").Dispose();
            fileSystem.Create($"{There}/2").Dispose();
            StrikeNext(fileSystem, FileSystemCallKind.SyncDirectory, Fault.PowerCutDuring);
            Assert.Throws<PowerCutException>(() => fileSystem.SyncDirectory(There));
            return Names(fileSystem.PowerCut(), There);
        });

        Assert.Equal(["", "1", "1 2", "2"], outcomes);
    }

    [Fact]
    public void PowerCut_AfterFailingCall_PrecedesNextCall()
    {
        var fileSystem = Create(1);
        StrikeNext(fileSystem, FileSystemCallKind.Open, Fault.PowerCutAfter);

        Assert.Throws<FileNotFoundException>(() => fileSystem.Open("/missing"));
        Assert.Throws<PowerCutException>(() => fileSystem.List("/"));
    }

    [Fact]
    public void Capacity_Reached_CutsWriteUntilSomethingIsDeleted()
    {
        var fileSystem = Create(1, capacityBytes: 5 * PageSizeBytes);
        using var file = fileSystem.Create($"{Here}/new");
        Assert.Throws<DiskFullException>(() => file.Write(Fill('b', 3 * PageSizeBytes), 0));
        Assert.Equal("8192b", Describe(ReadAll(file)));
        Assert.Equal(5 * PageSizeBytes, fileSystem.UsedBytes);

        // Existing bytes can be overwritten, and read.
        file.Write(Fill('c', 100), 0);
        Assert.Throws<DiskFullException>(() => file.Write("d"u8, 2 * PageSizeBytes));

        fileSystem.DeleteFile(Old);
        file.Write(Fill('d', PageSizeBytes), 2 * PageSizeBytes);
        Assert.Equal("100c 8092b 4096d", Describe(ReadAll(file)));
    }

    [Fact]
    public void Capacity_UnlinkedFile_CountsUntilClosed()
    {
        var fileSystem = Create(1);
        Assert.Equal(3 * PageSizeBytes, fileSystem.UsedBytes);
        var file = fileSystem.Open(Old);
        file.Truncate(PageSizeBytes + 1);
        Assert.Equal(2 * PageSizeBytes, fileSystem.UsedBytes);

        fileSystem.DeleteFile(Old);
        Assert.Equal(2 * PageSizeBytes, fileSystem.UsedBytes);
        file.Dispose();
        Assert.Equal(0, fileSystem.UsedBytes);
    }

    [Fact]
    public void Capacity_AfterKillOrPowerCut_IsCountedAgain()
    {
        var fileSystem = Create(1);
        fileSystem.Open(Old);
        fileSystem.DeleteFile(Old);

        fileSystem = fileSystem.Kill();
        Assert.Equal(0, fileSystem.UsedBytes);

        fileSystem = fileSystem.PowerCut();
        var comesBack = Names(fileSystem) == "old";
        Assert.Equal(comesBack ? 3 * PageSizeBytes : 0, fileSystem.UsedBytes);
    }

    [Fact]
    public void SeededPlan_NamedKinds_FailByProbability()
    {
        var plan = new SeededFaultPlan(new Random(1))
            .With(Fault.InputOutputError, 0.5, FileSystemCallKind.Read)
            .With(Fault.ShortWrite, 1);
        var faults = Enumerable
            .Range(1, 1_000)
            .Select(number => plan.Decide(new FileSystemCall(number, FileSystemCallKind.Read, "/", 0)));

        Assert.InRange(faults.Count(fault => fault is Fault.InputOutputError), 400, 600);
        Assert.Equal(Fault.ShortWrite, plan.Decide(new FileSystemCall(1, FileSystemCallKind.Write, "/", 0)));
        Assert.Equal(Fault.None, plan.Decide(new FileSystemCall(1, FileSystemCallKind.Sync, "/", 0)));
        Assert.Throws<ArgumentException>(() => plan.With(Fault.DiskFull, 1, FileSystemCallKind.Read));
    }

    [Fact]
    public void SeededPlan_NamedCall_CutsPowerOnce()
    {
        var plan = new SeededFaultPlan(new Random(1));
        var fileSystem = Create(1);
        fileSystem.Faults = plan.Decide;
        plan.PowerCutAtCall = fileSystem.CallCount + 3;

        fileSystem.List("/");
        fileSystem.List("/");
        Assert.Throws<PowerCutException>(() => fileSystem.List("/"));

        fileSystem = fileSystem.PowerCut();
        for (var call = 0; call < 10; call++)
            fileSystem.List("/");
    }
}
