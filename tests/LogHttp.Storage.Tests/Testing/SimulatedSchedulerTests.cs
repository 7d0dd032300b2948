using System.IO.Pipelines;
using LogHttp.Testing;

namespace LogHttp.Storage.Tests.Testing;

public class SimulatedSchedulerTests
{
    static string RunOrder(int seed)
    {
        var scheduler = new SimulatedScheduler(new Random(seed));
        var order = "";
        foreach (var letter in "abcdef")
            scheduler.Schedule(state => order += state, letter);
        scheduler.RunAll();
        return order;
    }

    [Fact]
    public void Schedule_Item_RunsNothingByItself()
    {
        var scheduler = new SimulatedScheduler(new Random(1));
        var count = 0;
        scheduler.Schedule(_ => count++, null);
        Assert.Equal(0, count);
        Assert.Equal(1, scheduler.Count);

        Assert.True(scheduler.RunOne());
        Assert.Equal(1, count);
        Assert.False(scheduler.RunOne());
    }

    [Fact]
    public void RunAll_AnySeed_DecidesOrder()
    {
        var orders = Enumerable.Range(0, 50).Select(RunOrder).ToArray();

        Assert.Equal(orders, Enumerable.Range(0, 50).Select(RunOrder));
        Assert.True(orders.Distinct().Count() > 10);
        Assert.All(orders, order => Assert.Equal("abcdef", string.Concat(order.Order())));
    }

    [Fact]
    public void RunAll_ItemsScheduleMore_StopsAtLimit()
    {
        var scheduler = new SimulatedScheduler(new Random(1));
        scheduler.Schedule(_ => scheduler.Schedule(_ => { }, null), null);
        Assert.Equal(2, scheduler.RunAll());

        scheduler.Schedule(Again, null);
        Assert.Throws<InvalidOperationException>(() => scheduler.RunAll(100));

        void Again(object? state) => scheduler.Schedule(Again, null);
    }

    [Fact]
    public void RunOne_ItemThrows_RethrowsAndKeepsRest()
    {
        var scheduler = new SimulatedScheduler(new Random(1));
        scheduler.Schedule(_ => throw new PowerCutException(), null);
        Assert.Throws<PowerCutException>(() => scheduler.RunOne());

        scheduler.Schedule(_ => { }, null);
        Assert.Equal(1, scheduler.RunAll());
    }

    [Fact]
    public void Lanes_OnOneQueue_CanBeClearedAlone()
    {
        var scheduler = new SimulatedScheduler(new Random(1));
        SimulatedLane dying = scheduler.CreateLane(),
            living = scheduler.CreateLane();
        List<string> ran = [];
        foreach (PipeScheduler lane in new PipeScheduler[] { scheduler, dying, living, dying })
            lane.Schedule(
                _ =>
                    ran.Add(
                        lane == living ? "living"
                        : lane == dying ? "dying"
                        : "own"
                    ),
                null
            );
        Assert.Equal(4, scheduler.Count);

        dying.Clear();
        scheduler.RunAll();

        Assert.Equal(["living", "own"], ran.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Schedule_FromOtherThread_Throws()
    {
        var scheduler = new SimulatedScheduler(new Random(1));
        scheduler.Schedule(_ => { }, null);
        Exception? refusal = null;
        var thread = new Thread(() => refusal = Record.Exception(() => scheduler.Schedule(_ => { }, null)));
        thread.Start();
        thread.Join();

        Assert.IsType<InvalidOperationException>(refusal);
        Assert.Equal(1, scheduler.RunAll());
    }
}
