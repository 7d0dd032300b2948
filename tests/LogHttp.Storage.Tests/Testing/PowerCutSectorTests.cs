using LogHttp.Testing;
using static LogHttp.Storage.Tests.Testing.PowerCutWorld;

namespace LogHttp.Storage.Tests.Testing;

/// <summary>Pages torn into sectors, and pages that the kernel writes before any sync.</summary>
public class PowerCutSectorTests
{
    const string Old = $"{Here}/old";
    const int SectorSizeBytes = 512;
    const int Seeds = 400;

    [Fact]
    public void PowerCut_WithTears_LeavesWholePagesMostly()
    {
        var pages = Pages(fileSystem => fileSystem.Open(Old).Write(Fill('b', PageSizeBytes), 0));

        var torn = pages.Count(page => page.Distinct().Count() > 1);
        Assert.InRange(torn, Seeds / 40, Seeds / 4);
        Assert.Contains(pages, page => page is "aaaaaaaa");
        Assert.Contains(pages, page => page is "bbbbbbbb");
    }

    [Fact]
    public void PowerCut_WithoutTears_LeavesWholePages()
    {
        var pages = Pages(fileSystem => fileSystem.Open(Old).Write(Fill('b', PageSizeBytes), 0), tearsPages: false);

        Assert.Equal(["aaaaaaaa", "bbbbbbbb"], pages.Distinct().Order());
    }

    [Fact]
    public void PowerCut_AfterSync_TearsNothing()
    {
        var pages = Pages(fileSystem =>
        {
            var file = fileSystem.Open(Old);
            file.Write(Fill('b', PageSizeBytes), 0);
            file.Sync();
        });

        Assert.Equal(["bbbbbbbb"], pages.Distinct());
    }

    [Fact]
    public void FailedSync_WithTears_LosesSectorsForLaterSync()
    {
        var pages = Pages(fileSystem =>
        {
            var file = fileSystem.Open(Old);
            file.Write(Fill('b', PageSizeBytes), 0);
            StrikeNext(fileSystem, FileSystemCallKind.Sync, Fault.InputOutputError);
            Assert.Throws<IOException>(file.Sync);
            file.Sync();
        });

        Assert.Contains(pages, page => page.Distinct().Count() > 1);
        Assert.Contains("aaaaaaaa", pages);
        Assert.Contains("bbbbbbbb", pages);
    }

    [Fact]
    public void FailedSyncAll_WithTears_LosesSectorsForLaterSync()
    {
        var pages = Pages(fileSystem =>
        {
            fileSystem.Open(Old).Write(Fill('b', PageSizeBytes), 0);
            StrikeNext(fileSystem, FileSystemCallKind.SyncAll, Fault.InputOutputError);
            Assert.Throws<IOException>(fileSystem.SyncAll);
            fileSystem.SyncAll();
        });

        Assert.Contains(pages, page => page.Distinct().Count() > 1);
        Assert.Contains("aaaaaaaa", pages);
    }

    [Fact]
    public void Overwrite_DirtyPage_CanLeaveMiddleContent()
    {
        var pages = Pages(OverwriteTwice, tearsPages: false);

        Assert.Equal(["aaaaaaaa", "bbbbbbbb", "cccccccc"], pages.Distinct().Order());
    }

    [Fact]
    public void Overwrite_WithTears_CanLeaveSectorsOfThreeMoments()
    {
        var pages = Pages(OverwriteTwice);

        Assert.Contains(pages, page => page.Distinct().Count() == 3);
        Assert.Contains("aaaaaaaa", pages);
        Assert.Contains("cccccccc", pages);
    }

    [Fact]
    public void FailedSync_AfterEarlyWriteBack_CanLeaveMiddleContent()
    {
        var pages = Pages(
            fileSystem =>
            {
                OverwriteTwice(fileSystem);
                var file = fileSystem.Open(Old);
                StrikeNext(fileSystem, FileSystemCallKind.Sync, Fault.InputOutputError);
                Assert.Throws<IOException>(file.Sync);
            },
            tearsPages: false
        );

        Assert.Equal(["aaaaaaaa", "bbbbbbbb", "cccccccc"], pages.Distinct().Order());
    }

    [Fact]
    public void Truncate_DirtyPage_CanLeaveEarlierContent()
    {
        var pages = Pages(
            fileSystem =>
            {
                var file = fileSystem.Open(Old);
                file.Write(Fill('b', PageSizeBytes), 0);
                file.Truncate(0);
            },
            tearsPages: false
        );

        Assert.Equal(["", "aaaaaaaa", "bbbbbbbb"], pages.Distinct().Order());
    }

    [Fact]
    public void Tears_SameSeeds_Replay() => Assert.Equal(Pages(OverwriteTwice), Pages(OverwriteTwice));

    static void OverwriteTwice(PowerCutFileSystem fileSystem)
    {
        using var file = fileSystem.Open(Old);
        file.Write(Fill('b', PageSizeBytes), 0);
        file.Write(Fill('c', PageSizeBytes), 0);
    }

    /// <summary>The letters of the first page's sectors after a power cut, for each of many seeds.</summary>
    static string[] Pages(Action<PowerCutFileSystem> run, bool tearsPages = true)
    {
        var pages = new string[Seeds];
        for (var seed = 0; seed < Seeds; seed++)
        {
            var fileSystem = Create(seed);
            fileSystem.TearsPages = tearsPages;
            run(fileSystem);
            var content = ReadFile(fileSystem.PowerCut(), Old);
            var page = content.AsSpan(0, Math.Min(PageSizeBytes, content.Length)).ToArray();
            Assert.All(page.Chunk(SectorSizeBytes), sector => Assert.Single(sector.Distinct()));
            pages[seed] = string.Concat(page.Chunk(SectorSizeBytes).Select(sector => (char)sector[0]));
        }
        return pages;
    }
}
