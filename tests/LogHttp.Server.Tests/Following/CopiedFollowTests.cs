using System.Text;
using LogHttp.AspNetCore.Following;
using LogHttp.AspNetCore.Limits;
using LogHttp.Kestrel;
using LogHttp.Storage;
using LogHttp.Storage.Appending;
using LogHttp.Storage.Files;
using LogHttp.Storage.Logs;
using LogHttp.Storage.Reading;
using LogHttp.Storage.Records;
using LogHttp.Storage.Topics;
using LogHttp.Testing;
using Microsoft.AspNetCore.Http.Features;

namespace LogHttp.Server.Tests.Following;

/// <summary>
/// The memory of a follower whose bytes pass through the process, while its client is slow (api/PROTOCOL.md §10).
/// </summary>
public sealed class CopiedFollowTests : IDisposable
{
    const int Partitions = 64;

    static readonly string LongName = new('n', 249);

    readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData(FollowBudget.ShareBytes)]
    [InlineData(FollowBudget.SmallShareBytes)]
    public async Task Events_ManyPartitions_StayWithinShare(int shareBytes)
    {
        using var fileSystem = new PhysicalFileSystem(_directory.Path);
        await using var catalog = Open(fileSystem, _directory.Path);
        var topic = (
            await catalog.GetOrCreateAsync(
                LongName,
                new TopicConfiguration { Partitions = Partitions, Flush = FlushPolicy.Os }
            )
        ).Topic;
        foreach (var partition in topic.Partitions)
            await AppendAsync(partition, Enumerable.Repeat(new string('x', 100), 500));

        var (text, writer) = await FollowAsync(topic, shareBytes, namesPartitions: true);
        Assert.Equal(
            Partitions * 500,
            text.Split('\n').Count(line => line.StartsWith("data: ", StringComparison.Ordinal))
        );
        Assert.InRange(writer.MostUnflushedBytes, 1, shareBytes);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Events_LargeRecords_AreWholeAndInOrder(bool namesPartitions)
    {
        using var fileSystem = new PhysicalFileSystem(_directory.Path);
        await using var catalog = Open(fileSystem, _directory.Path);
        var topic = (await catalog.GetOrCreateAsync("t", new TopicConfiguration { Flush = FlushPolicy.Os })).Topic;
        int[] sizes = [10, 900_000, 5, 24_000, 24_500, 24_600, 24_700, 60_000, 60_000, 1, 30_000, 12];
        foreach (var size in sizes)
            await AppendAsync(topic.Partitions[0], [new string('x', size)]);

        var (text, writer) = await FollowAsync(topic, FollowBudget.ShareBytes, namesPartitions);
        var data = text.Split('\n').Where(line => line.StartsWith("data: ", StringComparison.Ordinal)).ToArray();
        var prefix = namesPartitions ? "data: {\"topic\":\"t\",\"partition\":0,\"offset\":" : "data: {\"offset\":";
        Assert.Equal(sizes.Length, data.Length);
        for (var i = 0; i < sizes.Length; i++)
        {
            Assert.StartsWith($"{prefix}{i},", data[i], StringComparison.Ordinal);
            Assert.EndsWith($"\"value\":\"{new string('x', sizes[i])}\"}}", data[i], StringComparison.Ordinal);
        }
        Assert.Equal(sizes.Length, text.Split('\n').Count(line => line.Length == 0) - 1);
        Assert.InRange(writer.MostUnflushedBytes, 1, FollowBudget.ShareBytes);
    }

    static TopicCatalog Open(PhysicalFileSystem fileSystem, string directory) =>
        TopicCatalog.Open(
            new StorageEnvironment { FileSystem = fileSystem },
            new StorageOptions { Directory = directory }
        );

    static async Task AppendAsync(PartitionLog partition, IEnumerable<string> values)
    {
        var batch = new RecordBatch(new RecordLimits());
        foreach (var value in values)
            Assert.Null(batch.AddText(Encoding.UTF8.GetBytes(value)));
        Assert.Equal(AppendStatus.Appended, (await partition.AppendAsync(batch)).Status);
    }

    /// <summary>Writes all records of a topic as events.</summary>
    static async Task<(string Text, MeasuringWriter Writer)> FollowAsync(
        Topic topic,
        int shareBytes,
        bool namesPartitions
    )
    {
        var writer = new MeasuringWriter();
        var context = new DefaultHttpContext();
        context.Features.Set<IHttpResponseBodyFeature>(writer);
        context.Features.Set<IHttpSendFileFeature>(writer);
        var sources = new List<FollowSource>();
        foreach (var partition in topic.Partitions)
            sources.Add(
                (
                    await FollowSource.OpenAsync(new(topic, partition, LogPlace.Earliest), null, CancellationToken.None)
                ).Source!
            );
        var format = new EventsFollow(context, sources, namesPartitions);
        for (var isMore = true; isMore; )
        {
            isMore = false;
            foreach (var source in sources)
            {
                using var page = await source.Follower.ReadAsync(format.PageSize, CancellationToken.None);
                if (page.Region is null)
                    continue;
                isMore = true;
                if (await format.WriteAsync(source, page, shareBytes, CancellationToken.None))
                    await format.FlushAsync(CancellationToken.None);
            }
        }
        await format.FlushAsync(CancellationToken.None);
        return (Encoding.UTF8.GetString(writer.Written.ToArray()), writer);
    }
}
