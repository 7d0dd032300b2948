using LogHttp.AspNetCore.Contract;
using LogHttp.Storage.Logs;

namespace LogHttp.AspNetCore.Producing;

/// <summary>
/// A request with an idempotency key, from the check of its key until its appends have their results. Other requests
/// with the key wait for it.
/// </summary>
internal sealed class KeyedRequest : IDisposable
{
    readonly IDisposable _turn;

    KeyedRequest(IDisposable turn) => _turn = turn;

    /// <summary>Why nothing of the request is appended, or null.</summary>
    public Problem? Problem { get; private init; }

    /// <summary>Waits for other requests with the key, stamps the batches and checks the key.</summary>
    /// <param name="context">The request.</param>
    /// <param name="topic">The topic.</param>
    /// <param name="key">The key.</param>
    /// <param name="batch">The records of the request, all of them.</param>
    /// <param name="budget">Counts the records while the request waits.</param>
    public static async ValueTask<KeyedRequest> EnterAsync(
        HttpContext context,
        Topic topic,
        string key,
        PartitionedBatch batch,
        BodyBudget budget
    )
    {
        var heldBytes = 0L;
        if (!budget.TryHold(context, ref heldBytes, batch.HeldBytes))
            return new(NoTurn.Instance) { Problem = Problems.ReadingBudgetExhausted() };
        IDisposable turn;
        try
        {
            turn = await topic.KeyedAppends.EnterAsync(key, context.RequestAborted);
        }
        finally
        {
            budget.Release(context, ref heldBytes);
        }
        try
        {
            var stamp = batch.Stamp(key);
            var refusal = topic.KeyedAppends.Check(stamp, batch.IsUsed);
            return new(turn) { Problem = refusal is { } refused ? Problems.Of(refused) : null };
        }
        catch
        {
            // Otherwise all later requests with the key would wait.
            turn.Dispose();
            throw;
        }
    }

    public void Dispose() => _turn.Dispose();

    sealed class NoTurn : IDisposable
    {
        public static readonly NoTurn Instance = new();

        public void Dispose() { }
    }
}
