using System.Globalization;
using LogHttp.Storage.Appending;
using LogHttp.Storage.Logs;
using LogHttp.Storage.Reading;
using LogHttp.Storage.Segments;
using LogHttp.Storage.Topics;
using LogHttp.Testing;

namespace LogHttp.Storage.Tests.Segments;

public class FoundPagesTests
{
    static readonly PageSize Small = PageSize.AtMost(4096);

    readonly PowerCutFileSystem _fileSystem = new(new Random(1));
    int _reads;

    static FoundPage At(long offset) =>
        new(offset, Small.MaxBytes, 10 * offset, offset, 10 * offset + 5, offset + 1, IsFixed: true);

    [Fact]
    public void Find_AddedPage_RequiresSameOffsetAndSize()
    {
        var pages = new FoundPages();
        Assert.Null(pages.Find(7, Small.MaxBytes));
        pages.Add(At(7));
        Assert.Equal(At(7), pages.Find(7, Small.MaxBytes));
        Assert.Null(pages.Find(8, Small.MaxBytes));
        Assert.Null(pages.Find(7, PageSize.Default.MaxBytes));
    }

    [Fact]
    public void Add_MoreThanSlots_ReturnsNoOtherPage()
    {
        var pages = new FoundPages();
        var offsets = Enumerable.Range(0, 100 * FoundPages.Slots).Select(static number => 13L * number).ToArray();
        foreach (var offset in offsets)
            pages.Add(At(offset));
        var found = offsets.Select(offset => pages.Find(offset, Small.MaxBytes)).OfType<FoundPage>().ToArray();
        Assert.InRange(found.Length, 1, FoundPages.Slots);
        Assert.All(found, static page => Assert.Equal(At(page.Offset), page));
    }

    [Fact]
    public async Task Fetch_KnownPageOfGrowingLog_ReadsNothing()
    {
        await using var catalog = Open();
        var log = await PartitionAsync(catalog);
        await AppendAsync(log, 1_000);
        var (inside, atEnd) = (Fetch(log, 500), Fetch(log, 999));
        Count();
        Assert.Equal(inside, Fetch(log, 500));
        Assert.Equal(atEnd, Fetch(log, 999));
        await AppendAsync(log, 1);
        Assert.Equal(inside, Fetch(log, 500));
        Assert.Equal((atEnd.Position, 1_001), (Fetch(log, 999).Position, Fetch(log, 999).NextOffset));
        Assert.Equal(0, _reads);
        Fetch(log, 501);
        Assert.NotEqual(0, _reads);
    }

    [Fact]
    public async Task Fetch_AfterOtherPages_EqualsNewlyOpenedLog()
    {
        var random = new Random(3);
        for (var round = 0; round < 20; round++)
        {
            (long Offset, int MaxBytes)[] asked;
            (long, long, long)[] pages;
            await using (var catalog = Open())
            {
                var log = await PartitionAsync(catalog);
                for (var batch = 0; batch < 3; batch++)
                {
                    await AppendAsync(log, random.Next(1, 60));
                    for (var i = 0; i < 100; i++)
                        Fetch(log, random.NextInt64(log.EndOffset), 4096 << random.Next(4));
                }
                asked =
                [
                    .. Enumerable.Range(0, 100).Select(_ => (random.NextInt64(log.EndOffset), 4096 << random.Next(4))),
                ];
                pages = Array.ConvertAll(asked, page => Fetch(log, page.Offset, page.MaxBytes));
            }
            await using var opened = Open();
            var anew = await PartitionAsync(opened);
            Assert.Equal(Array.ConvertAll(asked, page => Fetch(anew, page.Offset, page.MaxBytes)), pages);
        }
    }

    [Theory]
    [InlineData(4096)]
    [InlineData(1 << 20)]
    public void Fetch_AfterViewWasCut_EndsWithView(int maxBytes)
    {
        var log = new ModelLog(new TopicConfiguration { Flush = FlushPolicy.Every(TimeSpan.FromSeconds(1)) });
        log.Append(Enumerable.Repeat(new string('a', 100), 10));
        log.Pass(TimeSpan.FromSeconds(2));
        log.Append(Enumerable.Repeat(new string('b', 100), 500));
        Assert.InRange(Fetch(log.Partition, 5, maxBytes).NextOffset, 11, 510);
        log.FileSystem.Faults = static call =>
            call.Kind is FileSystemCallKind.Sync ? Fault.InputOutputError : Fault.None;

        log.Pass(TimeSpan.FromSeconds(2));

        Assert.Equal(10, log.Partition.EndOffset);
        Assert.Equal(10, Fetch(log.Partition, 5, maxBytes).NextOffset);
    }

    static (long Position, long LengthBytes, long NextOffset) Fetch(PartitionLog log, long offset, int maxBytes = 4096)
    {
        Assert.True(LogPlace.TryParse(offset.ToString(CultureInfo.InvariantCulture), out var place));
        using var page = log.Fetch(place, PageSize.AtMost(maxBytes));
        if (page.Region is null)
            return default;
        return (page.Region.Position, page.Region.LengthBytes, page.NextOffset);
    }

    static async Task AppendAsync(PartitionLog log, int records) =>
        Assert.Equal(
            AppendStatus.Appended,
            (
                await log.AppendAsync(
                    TestLog.Batch(
                        Enumerable
                            .Range(0, records)
                            .Select(static number => new string((char)(97 + number % 26), 100 + number % 7))
                    )
                )
            ).Status
        );

    static async Task<PartitionLog> PartitionAsync(TopicCatalog catalog) =>
        (await catalog.GetOrCreateAsync("t", new() { SegmentBytes = 1 << 20 })).Topic.Partitions[0];

    TopicCatalog Open() =>
        TopicCatalog.Open(
            new StorageEnvironment { FileSystem = _fileSystem },
            new StorageOptions { Directory = "/data" }
        );

    void Count() =>
        _fileSystem.Faults = call =>
        {
            if (call.Kind == FileSystemCallKind.Read)
                _reads++;
            return Fault.None;
        };
}
