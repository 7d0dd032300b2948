using LogHttp.AspNetCore.Endpoints;
using LogHttp.Storage;
using LogHttp.Storage.Files;
using LogHttp.Storage.Topics;
using LogHttp.Testing;

namespace LogHttp.AspNetCore.Tests.Endpoints;

public sealed class SortedTopicNamesTests : IDisposable
{
    readonly TemporaryDirectory _directory = new();
    readonly PhysicalFileSystem _files;

    public SortedTopicNamesTests() => _files = new PhysicalFileSystem(_directory.Path);

    public void Dispose()
    {
        _files.Dispose();
        _directory.Dispose();
    }

    TopicCatalog Open() =>
        TopicCatalog.Open(
            new StorageEnvironment { FileSystem = _files },
            new StorageOptions { Directory = _directory.Path }
        );

    [Fact]
    public async Task After_TopicsChanged_FollowsThem()
    {
        await using var catalog = Open();
        var names = new SortedTopicNames(catalog);
        Assert.Empty(names.After(null));
        foreach (var name in new[] { "b", "a", "Z", "c" })
            await catalog.GetOrCreateAsync(name);
        Assert.Equal(["Z", "a", "b", "c"], names.After(null));
        Assert.Equal(["b", "c"], names.After("a"));
        Assert.Equal(["b", "c"], names.After("aa"));
        Assert.Empty(names.After("c"));
        await catalog.DeleteAsync("b");
        Assert.Equal(["Z", "a", "c"], names.After(null));
    }

    [Fact]
    public async Task After_DamagedTopic_IncludesIt()
    {
        await using (var catalog = Open())
        {
            await catalog.GetOrCreateAsync("sound");
            await catalog.GetOrCreateAsync("damaged");
        }
        File.WriteAllText(Path.Combine(_directory.Path, "topics", "damaged", "topic.json"), "?");
        await using var reopened = Open();
        var names = new SortedTopicNames(reopened);
        Assert.Equal(["damaged", "sound"], names.After(null));
        await reopened.DeleteAsync("damaged");
        Assert.Equal(["sound"], names.After(null));
    }

    [Fact]
    public async Task After_Unchanged_DoesNotSortAgain()
    {
        await using var catalog = Open();
        for (var number = 0; number < 200; number++)
            await catalog.GetOrCreateAsync($"topic-{number}");
        var names = new SortedTopicNames(catalog);
        Assert.Equal(200, names.After(null).Count());
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Equal("topic-150", names.After("topic-15").First());
        // An array of 200 names takes 1,600 bytes.
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1000);
    }
}
