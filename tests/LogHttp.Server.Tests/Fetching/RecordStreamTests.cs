using System.Text;
using System.Text.Json;
using LogHttp.AspNetCore.Fetching;
using LogHttp.AspNetCore.Limits;
using LogHttp.Storage;
using LogHttp.Storage.Appending;
using LogHttp.Storage.Files;
using LogHttp.Storage.Reading;
using LogHttp.Storage.Records;
using LogHttp.Storage.Topics;
using LogHttp.Testing;
using Microsoft.AspNetCore.Http.Features;

namespace LogHttp.Server.Tests.Fetching;

/// <summary>
/// The memory of a page in another form than the segment's, while its client is slow (api/PROTOCOL.md §3).
/// </summary>
public sealed class RecordStreamTests : IDisposable
{
    static readonly int[] Sizes =
    [
        10,
        900_000,
        5,
        12_200,
        12_300,
        15_400,
        24_000,
        49_200,
        60_000,
        1,
        30_000,
        12,
        .. Enumerable.Repeat(100, 3000),
    ];

    readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData("JsonArray", true, true, 1 << 20)]
    [InlineData("JsonArray", false, false, 1 << 20)]
    [InlineData("JsonArray", false, true, 1 << 16)]
    [InlineData("TextLines", true, true, 1 << 20)]
    [InlineData("TextLines", true, false, 1 << 16)]
    [InlineData("JsonLines", true, true, 1 << 16)]
    public async Task Write_AnyClient_HoldsItsShareAlone(string form, bool showsValues, bool isSlow, long maxBytes)
    {
        using var fileSystem = new PhysicalFileSystem(_directory.Path);
        await using var catalog = TopicCatalog.Open(
            new StorageEnvironment { FileSystem = fileSystem },
            new StorageOptions { Directory = _directory.Path }
        );
        var partition = (await catalog.GetOrCreateAsync("t", new TopicConfiguration { Flush = FlushPolicy.Os }))
            .Topic
            .Partitions[0];
        var batch = new RecordBatch(new RecordLimits());
        foreach (var size in Sizes)
            Assert.Null(batch.AddText(Encoding.UTF8.GetBytes(new string('x', size))));
        Assert.Equal(AppendStatus.Appended, (await partition.AppendAsync(batch)).Status);
        using var page = await partition.FetchAsync(
            LogPlace.Earliest,
            PageSize.AtMost(4 << 20),
            CancellationToken.None
        );

        var budget = new FollowBudget(maxBytes);
        var writer = new MeasuringWriter
        {
            IsSlow = isSlow,
            Flushing = unflushedBytes => Assert.InRange(unflushedBytes, 1, budget.TakenBytes),
        };
        var context = new DefaultHttpContext();
        context.Features.Set<IHttpResponseBodyFeature>(writer);
        using (var stream = new RecordStream(context, Enum.Parse<Representation>(form), showsValues, budget))
        {
            await stream.WriteAsync(partition, page.Region!, key: null, page.Region!.Position, CancellationToken.None);
            Assert.InRange(budget.TakenBytes, 1, long.MaxValue);
        }
        Assert.Equal(0, budget.TakenBytes);
        Assert.Equal(Sizes, SizesIn(Encoding.UTF8.GetString(writer.Written.ToArray()), form, showsValues));
    }

    [Fact]
    public async Task Get_MoreClientsThanBudget_ServesAll()
    {
        using var server = new TestServer(("MaxFollowingBytes", "65536"));
        var lines = string.Concat(Enumerable.Range(0, 200).Select(number => $"{number} {new string('x', 9_000)}\n"));
        await server.PostAsync("/topics/t?split=lines", "text/plain", lines);
        await server.PostAsync("/topics/t", "text/plain", new string('y', 500_000));
        var pages = await Task.WhenAll(
            Enumerable
                .Range(0, 20)
                .Select(number =>
                    number % 2 == 0
                        ? server.Client.GetStringAsync("/topics/t/0?view=values&maxBytes=4194304")
                        : server.Client.GetStringAsync("/topics/t/200/value")
                )
        );
        // A string value keeps its quotes.
        Assert.All(
            pages.Where((_, number) => number % 2 == 0),
            page => Assert.Equal(lines.Length + 500_001 + 2 * 201, page.Length)
        );
        Assert.All(pages.Where((_, number) => number % 2 == 1), page => Assert.Equal(500_000, page.Length));
    }

    static IEnumerable<int> SizesIn(string text, string form, bool showsValues)
    {
        if (form == "TextLines")
            return text.Split('\n')[..^1].Select(line => line.Length);
        var array = form == "JsonArray" ? text : "[" + text[..^1].Replace('\n', ',') + "]";
        return JsonSerializer
            .Deserialize<JsonElement[]>(array)!
            .Select(record => (showsValues ? record : record.GetProperty("value")).GetString()!.Length);
    }
}
