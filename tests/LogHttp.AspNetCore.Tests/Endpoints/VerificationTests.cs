using LogHttp.AspNetCore.Endpoints;

namespace LogHttp.AspNetCore.Tests.Endpoints;

public class VerificationTests
{
    [Fact]
    public void TryBegin_WhileAnotherRuns_ReturnsFalse()
    {
        using var verification = new Verification();
        Assert.True(verification.TryBegin(out var first));
        Assert.False(verification.TryBegin(out _));
        first.Dispose();
        Assert.True(verification.TryBegin(out _));
    }

    [Fact]
    public async Task AwaitAsync_SlowClient_ReleasesTurn()
    {
        using var verification = new Verification();
        Assert.True(verification.TryBegin(out var slow));
        var written = new TaskCompletionSource();
        var waiting = slow.AwaitAsync(written.Task, default);
        Assert.True(verification.TryBegin(out var other));

        // The slow request continues when its turn comes again.
        written.SetResult();
        await Task.Yield();
        Assert.False(waiting.IsCompleted);
        other.Dispose();
        await waiting;
        Assert.False(verification.TryBegin(out _));
        slow.Dispose();
        Assert.True(verification.TryBegin(out _));
    }

    [Fact]
    public async Task AwaitAsync_ClientDisconnected_ReleasesTurn()
    {
        using var verification = new Verification();
        Assert.True(verification.TryBegin(out var gone));
        var written = new TaskCompletionSource();
        var waiting = gone.AwaitAsync(written.Task, default);
        written.SetException(new IOException("reset"));
        await Assert.ThrowsAsync<IOException>(() => waiting);
        gone.Dispose();
        Assert.True(verification.TryBegin(out var next));
        next.Dispose();
        Assert.True(verification.TryBegin(out _));
    }

    [Fact]
    public async Task AwaitAsync_LineSentImmediately_KeepsTurn()
    {
        using var verification = new Verification();
        Assert.True(verification.TryBegin(out var run));
        await run.AwaitAsync(Task.CompletedTask, default);
        Assert.False(verification.TryBegin(out _));
        run.Dispose();
    }
}
