using System.Text;
using LogHttp.AspNetCore.Following;
using LogHttp.AspNetCore.Limits;
using LogHttp.AspNetCore.Settings;
using LogHttp.Kestrel;
using LogHttp.Storage;
using LogHttp.Storage.Appending;
using LogHttp.Storage.Files;
using LogHttp.Storage.Reading;
using LogHttp.Storage.Records;
using LogHttp.Storage.Topics;
using LogHttp.Storage.Waiting;
using LogHttp.Testing;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Options;

namespace LogHttp.Server.Tests.Following;

/// <summary>Endings of responses that have no end of their own (api/PROTOCOL.md §10).</summary>
public sealed class FollowStreamTests : IDisposable
{
    const int Partitions = 4;
    const int RecordBytes = 1000;

    readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData("events")]
    [InlineData("lines of many")]
    [InlineData("lines of one")]
    public async Task Run_ConnectionClosed_StopsReading(string form)
    {
        using var fileSystem = new PhysicalFileSystem(_directory.Path);
        await using var catalog = TopicCatalog.Open(
            new StorageEnvironment { FileSystem = fileSystem },
            new StorageOptions { Directory = _directory.Path }
        );
        var configuration = new TopicConfiguration { Partitions = Partitions, Flush = FlushPolicy.Os };
        var topic = (await catalog.GetOrCreateAsync("t", configuration)).Topic;
        foreach (var partition in topic.Partitions)
        {
            var batch = new RecordBatch(new RecordLimits());
            for (var i = 0; i < 2000; i++)
                Assert.Null(batch.AddText(Encoding.UTF8.GetBytes(new string('x', RecordBytes))));
            Assert.Equal(AppendStatus.Appended, (await partition.AppendAsync(batch)).Status);
        }

        // The token is not cancelled: Kestrel does that later, on a pool that may be busy.
        var writer = new MeasuringWriter { IsGone = true };
        var context = new DefaultHttpContext();
        context.Features.Set<IHttpResponseBodyFeature>(writer);
        context.Features.Set<IHttpSendFileFeature>(writer);
        var sources = new List<FollowSource>();
        foreach (var partition in topic.Partitions)
        {
            var start = new FollowStart(topic, partition, LogPlace.Earliest);
            sources.Add((await FollowSource.OpenAsync(start, until: null, CancellationToken.None)).Source!);
        }
        FollowFormat format = form switch
        {
            "events" => new EventsFollow(context, sources, namesPartitions: true),
            "lines of many" => new ManyLinesFollow(context, "application/x-ndjson", sources, TimeProvider.System),
            _ => new LinesFollow(context, "application/x-ndjson", smallRegionBytes: 0),
        };
        using var deadlines = new Deadlines(TimeProvider.System);
        var services = new FollowServices(
            new WaitingRequests(1),
            new FollowBudget(1 << 20),
            deadlines,
            TimeProvider.System,
            Options.Create(new LogHttpSettings())
        );
        await new FollowStream(context, sources, FollowScope.Default, format, services)
            .ExecuteAsync(context)
            .WaitAsync(TimeSpan.FromSeconds(10));

        Assert.InRange(writer.Written.Length, 0, format.PageSize.MaxBytes + FollowBudget.ShareBytes);
    }
}
