using System.Collections.Concurrent;

namespace Embedding;

/// <summary>The sum of each customer's orders, computed from the log. Any thread.</summary>
sealed class OrderTotals
{
    readonly ConcurrentDictionary<string, decimal> _totals = new();

    public void Add(Order order) => _totals.AddOrUpdate(order.Customer, order.Total, (_, total) => total + order.Total);

    public IReadOnlyDictionary<string, decimal> Snapshot() => new SortedDictionary<string, decimal>(_totals);
}
