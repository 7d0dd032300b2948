using LogHttp.Testing;

namespace LogHttp.Storage.Tests;

public class AppendPoolTests
{
    readonly SimulatedTime _time = new(DateTimeOffset.UnixEpoch);
    readonly Queue<IThreadPoolWorkItem> _queued = new();
    readonly AppendPool _pool;

    public AppendPoolTests() => _pool = new(_queued.Enqueue, _time);

    [Fact]
    public void HasWaiting_UntilWorkBegins_IsTrue()
    {
        List<object?> ran = [];
        Assert.False(_pool.HasWaiting);
        _pool.Schedule(Run, 1);
        _pool.Schedule(Run, 2);
        Assert.True(_pool.HasWaiting);
        _queued.Dequeue().Execute();
        Assert.True(_pool.HasWaiting);
        _queued.Dequeue().Execute();
        Assert.Equal([1, 2], ran);

        void Run(object? state)
        {
            // What runs does not wait.
            Assert.Equal(_queued.Count > 0, _pool.HasWaiting);
            ran.Add(state);
        }
    }

    [Fact]
    public void HasWaiting_NoThreadFreed_EndsSoon()
    {
        _pool.Schedule(static _ => { }, null);
        _pool.Schedule(static _ => { }, null);
        _time.Advance(AppendPool.MaxWait / 2);
        _queued.Dequeue().Execute();
        Assert.True(_pool.HasWaiting);
        _time.Advance(AppendPool.MaxWait / 2);
        Assert.False(_pool.HasWaiting);
    }

    /// <summary>A pool whose threads hang gets a new one now and then, which begins old work.</summary>
    [Fact]
    public void HasWaiting_WorkWaitedLong_IsFalse()
    {
        for (var item = 0; item < 3; item++)
            _pool.Schedule(static _ => { }, null);
        _time.Advance(AppendPool.MaxWait * 10);
        _queued.Dequeue().Execute();
        Assert.False(_pool.HasWaiting);
        _pool.Schedule(static _ => { }, null);
        _queued.Dequeue().Execute();
        _queued.Dequeue().Execute();
        Assert.False(_pool.HasWaiting);
        // All that waited long has begun. What begins from now on waited shortly.
        _pool.Schedule(static _ => { }, null);
        _queued.Dequeue().Execute();
        Assert.True(_pool.HasWaiting);
    }
}
