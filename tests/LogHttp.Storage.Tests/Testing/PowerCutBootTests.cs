using LogHttp.Testing;
using static LogHttp.Storage.Tests.Testing.PowerCutWorld;

namespace LogHttp.Storage.Tests.Testing;

/// <summary>Power cuts, kills, and the state of handles, locks and caches in the next boot.</summary>
public class PowerCutBootTests
{
    const string Old = $"{Here}/old";

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Calls_AfterEndOfBoot_Throw(bool isCut)
    {
        var fileSystem = Create(1);
        var file = fileSystem.Open(Old);
        var held = fileSystem.Lock("/lock");
        var volume = fileSystem.VolumeOf(Here);
        var next = isCut ? fileSystem.PowerCut() : fileSystem.Kill();

        Assert.True(fileSystem.IsOver);
        Assert.False(next.IsOver);
        for (var attempt = 0; attempt < 2; attempt++)
        {
            Assert.Throws<PowerCutException>(() => file.Read(new byte[1], 0));
            Assert.Throws<PowerCutException>(() => file.Write("b"u8, 0));
            Assert.Throws<PowerCutException>(() => file.Truncate(0));
            Assert.Throws<PowerCutException>(file.Sync);
            Assert.Throws<PowerCutException>(() => file.LengthBytes);
            Assert.Throws<PowerCutException>(() => fileSystem.Create($"{Here}/new"));
            Assert.Throws<PowerCutException>(() => fileSystem.Open(Old));
            Assert.Throws<PowerCutException>(() => fileSystem.List(Here));
            Assert.Throws<PowerCutException>(() => fileSystem.CreateDirectory($"{Here}/new"));
            Assert.Throws<PowerCutException>(() => fileSystem.Rename(Old, $"{Here}/new"));
            Assert.Throws<PowerCutException>(() => fileSystem.DeleteFile(Old));
            Assert.Throws<PowerCutException>(() => fileSystem.DeleteDirectory(Here));
            Assert.Throws<PowerCutException>(() => fileSystem.SyncDirectory(Here));
            Assert.Throws<PowerCutException>(() => fileSystem.VolumeOf("/"));
            Assert.Throws<PowerCutException>(volume.SyncAll);
            Assert.Throws<PowerCutException>(() => fileSystem.Lock("/lock"));
        }
        file.Dispose();
        held.Dispose();
        Assert.Equal("12288a", Describe(ReadFile(next, Old)));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Lock_EndOfBoot_IsReleased(bool isCut)
    {
        var fileSystem = Create(1);
        var held = fileSystem.Lock("/lock");
        fileSystem.SyncDirectory("/");

        fileSystem = isCut ? fileSystem.PowerCut() : fileSystem.Kill();
        using var heldNow = fileSystem.Lock("/lock");

        held.Dispose();
        Assert.Throws<IOException>(() => fileSystem.Lock("/lock"));
    }

    [Fact]
    public void Kill_UnsyncedWrites_AreKeptButNotDurable()
    {
        var outcomes = Outcomes(fileSystem =>
        {
            var file = fileSystem.Create($"{Here}/new");
            file.Write(Fill('b', PageSizeBytes), 0);

            fileSystem = fileSystem.Kill();
            Assert.Equal("new old", Names(fileSystem));
            Assert.Equal("4096b", Describe(ReadFile(fileSystem, $"{Here}/new")));

            fileSystem = fileSystem.PowerCut();
            return Names(fileSystem) == "old" ? "vanished" : Describe(ReadFile(fileSystem, $"{Here}/new"));
        });

        Assert.Contains("vanished", outcomes);
        Assert.Contains("", outcomes);
        Assert.Contains("40960", outcomes);
        Assert.Contains("4096b", outcomes);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Sync_AfterKill_MakesWritesOfDeadProcessDurable(bool ofEverything)
    {
        var outcomes = Outcomes(fileSystem =>
        {
            fileSystem.Open(Old).Write(Fill('b', PageSizeBytes), 0);
            fileSystem = fileSystem.Kill();
            if (ofEverything)
                fileSystem.SyncAll();
            else
                fileSystem.Open(Old).Sync();
            return Describe(ReadFile(fileSystem.PowerCut(), Old));
        });

        Assert.Equal(["4096b 8192a"], outcomes);
    }

    [Fact]
    public void PowerCut_AfterSync_KeepsAllDurable()
    {
        for (var seed = 0; seed < 100; seed++)
        {
            var fileSystem = Create(seed);
            var file = fileSystem.Open(Old);
            file.Write(Fill('b', 4 * PageSizeBytes), 100);
            fileSystem.Rename(Old, $"{There}/moved");
            fileSystem.Create($"{Here}/new").Dispose();

            var first = fileSystem.PowerCut();
            var found = Image(first);
            Assert.Equal(found, Image(first.PowerCut()));
        }

        static string Image(PowerCutFileSystem fileSystem) =>
            string.Join(
                ", ",
                new[] { Here, There }
                    .SelectMany(directory => fileSystem.List(directory).Select(entry => $"{directory}/{entry.Name}"))
                    .Order(StringComparer.Ordinal)
                    .Select(path => $"{path}: {Describe(ReadFile(fileSystem, path))}")
            );
    }

    [Fact]
    public void PowerCut_TwiceInOneBoot_Throws()
    {
        var fileSystem = Create(1);
        fileSystem.PowerCut();

        Assert.Throws<InvalidOperationException>(fileSystem.PowerCut);
        Assert.Throws<InvalidOperationException>(fileSystem.Kill);
    }

    [Fact]
    public void UnlinkedFile_Open_WorksUntilClosed()
    {
        var fileSystem = Create(1);
        var file = fileSystem.Open(Old);
        fileSystem.DeleteFile(Old);
        fileSystem.SyncDirectory(Here);

        file.Write("bc"u8, 3 * PageSizeBytes);
        file.Sync();
        file.Truncate(3 * PageSizeBytes + 1);
        Assert.Equal("12288a 1b", Describe(ReadAll(file)));

        fileSystem = fileSystem.PowerCut();
        Assert.Equal("", Names(fileSystem));
        Assert.Equal(0, fileSystem.UsedBytes);
    }

    [Fact]
    public void Run_SameSeed_Replays()
    {
        for (var seed = 0; seed < 20; seed++)
            Assert.Equal(Run(seed), Run(seed));

        Assert.NotEqual(Run(1), Run(2));

        // A trace of every call, and the disk's content at the end.
        static string Run(int seed)
        {
            var random = new Random(seed);
            var plan = new SeededFaultPlan(random)
                .With(Fault.InputOutputError, 0.05)
                .With(Fault.DiskFull, 0.05)
                .With(Fault.ShortWrite, 0.2)
                .With(Fault.PowerCutDuring, 0.02);
            List<string> trace = [];
            var fileSystem = new PowerCutFileSystem(random);
            fileSystem.Faults = call =>
            {
                var fault = plan.Decide(call);
                trace.Add($"{call} {fault}");
                return fault;
            };
            for (var step = 0; step < 200; step++)
            {
                try
                {
                    var path = $"/{random.Next(5)}";
                    switch (random.Next(6))
                    {
                        case 0:
                            fileSystem.Create(path).Dispose();
                            break;
                        case 1:
                            fileSystem.Rename(path, $"/{random.Next(5)}");
                            break;
                        case 2:
                            fileSystem.SyncDirectory("/");
                            break;
                        case 3:
                            fileSystem.SyncAll();
                            break;
                        default:
                            using (var file = fileSystem.Open(path))
                            {
                                file.Write(Fill((char)('a' + step % 26), random.Next(10_000)), random.Next(10_000));
                                if (random.Next(2) == 0)
                                    file.Sync();
                            }
                            break;
                    }
                }
                catch (IOException exception)
                {
                    trace.Add(exception.Message);
                }
                catch (PowerCutException)
                {
                    fileSystem = fileSystem.PowerCut();
                    trace.Add("boot");
                }
            }
            fileSystem.Faults = null;
            fileSystem = fileSystem.PowerCut();
            foreach (var entry in fileSystem.List("/"))
                trace.Add($"{entry} {Describe(ReadFile(fileSystem, entry.Name))}");
            return string.Join('\n', trace);
        }
    }
}
