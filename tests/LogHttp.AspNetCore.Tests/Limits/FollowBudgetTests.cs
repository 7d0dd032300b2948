using LogHttp.AspNetCore.Limits;

namespace LogHttp.AspNetCore.Tests.Limits;

public class FollowBudgetTests
{
    const int Share = FollowBudget.ShareBytes;

    [Fact]
    public async Task Take_AboveASixteenth_GetsSmallSharesThenWaits()
    {
        var budget = new FollowBudget(16 * Share);
        for (var i = 0; i < 2; i++)
            Assert.Equal(Share, await budget.TakeAsync(CancellationToken.None));
        for (var i = 0; i < 56; i++)
            Assert.Equal(FollowBudget.SmallShareBytes, await budget.TakeAsync(CancellationToken.None));
        var (first, second) = (
            budget.TakeAsync(CancellationToken.None).AsTask(),
            budget.TakeAsync(CancellationToken.None).AsTask()
        );
        Assert.False(first.IsCompleted);
        budget.Release(FollowBudget.SmallShareBytes);
        Assert.Equal(FollowBudget.SmallShareBytes, await first);
        Assert.False(second.IsCompleted);
        budget.Release(Share);
        Assert.Equal(FollowBudget.SmallShareBytes, await second);
    }

    [Fact]
    public async Task Take_ClientDisconnected_PassesShareToNext()
    {
        var budget = new FollowBudget(Share);
        using var gone = new CancellationTokenSource();
        var held = await budget.TakeAsync(CancellationToken.None);
        var leaving = budget.TakeAsync(gone.Token).AsTask();
        var next = budget.TakeAsync(CancellationToken.None).AsTask();
        await gone.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => leaving);
        budget.Release(held);
        budget.Release(await next);
        Assert.Equal(0, budget.TakenBytes);
    }

    [Fact]
    public async Task Take_Concurrent_StaysWithinBudget()
    {
        const int MaxBytes = 5 * Share;
        var budget = new FollowBudget(MaxBytes);
        await Task.WhenAll(
                Enumerable
                    .Range(0, 64)
                    .Select(_ =>
                        Task.Run(async () =>
                        {
                            for (var i = 0; i < 200; i++)
                            {
                                var share = await budget.TakeAsync(CancellationToken.None);
                                Assert.InRange(share, 1, Share);
                                if (i % 3 == 0)
                                    await Task.Yield();
                                budget.Release(share);
                            }
                        })
                    )
            )
            .WaitAsync(TimeSpan.FromSeconds(60));
        Assert.Equal(0, budget.TakenBytes);
    }
}
