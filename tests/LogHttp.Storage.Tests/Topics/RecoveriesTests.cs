using LogHttp.Storage.Topics;

namespace LogHttp.Storage.Tests.Topics;

public class RecoveriesTests
{
    [Fact]
    public void ForEach_TwoItems_RunsThemConcurrently()
    {
        using var barrier = new Barrier(2);
        new Recoveries(isParallel: true).ForEach(
            [1, 2],
            _ => Assert.True(barrier.SignalAndWait(TimeSpan.FromSeconds(20)))
        );
    }

    [Fact]
    public void ForEach_WithinForEach_CompletesAll()
    {
        var recoveries = new Recoveries(isParallel: true);
        var done = 0;
        recoveries.ForEach(
            Enumerable.Range(0, 50),
            _ => recoveries.ForEach(Enumerable.Range(0, 50), _ => Interlocked.Increment(ref done))
        );
        Assert.Equal(2500, done);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void ForEach_OneFails_ThrowsItsException(bool isParallel) =>
        Assert.Throws<IOException>(() =>
            new Recoveries(isParallel).ForEach([1, 2], static _ => throw new IOException())
        );
}
