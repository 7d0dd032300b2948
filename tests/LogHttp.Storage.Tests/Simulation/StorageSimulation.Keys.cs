using System.Globalization;

namespace LogHttp.Storage.Tests.Simulation;

// Requests with an idempotency key, repeated and changed.
sealed partial class StorageSimulation
{
    /// <summary>The number of partitions by which most requests were routed, as they say.</summary>
    const int RoutedPartitions = 3;

    static readonly (string Text, string Json)[] KeyEnds = [("", ""), (" a\"\\b", " a\\\"\\\\b"), ("~!", "~!")];

    /// <summary>
    /// Null in 14 of 17 runs. These have no keys and draw the same numbers as without this feature.
    /// </summary>
    readonly Random? _keyRandom;
    int _keyCount;

    /// <summary>Draws the key of an append, and the records that were sent with it. Null for no key.</summary>
    DrawnKey? DrawKey(PartitionModel model)
    {
        if (_keyRandom is null || _keyRandom.Next(4) == 0)
            return null;
        var sent = model
            .Keys.Batches.Select(static pair => (pair.Stamp, Records: pair.Batch.Content))
            .Concat(
                model
                    .Pending.Where(static append => append.Key is not null)
                    .Select(static append => (Stamp: append.Key!, append.Records))
            )
            .ToArray();
        var kind = _keyRandom.Next(10);
        if (sent.Length == 0 || kind >= 6)
        {
            var number = (_keyCount++).ToString(CultureInfo.InvariantCulture);
            var (text, json) = KeyEnds[_keyRandom.Next(KeyEnds.Length)];
            return new($"k{number}{text}", $"\"k{number}{json}\"", [], CountWanted: null, RoutedPartitions);
        }
        // Mostly one of the latest, which may still be under way.
        var (stamp, records) = sent[Math.Max(0, sent.Length - 1 - _keyRandom.Next(kind < 3 ? 4 : sent.Length))];
        var repeat = new DrawnKey(stamp.Key, $"\"{Escaped(stamp.Key)}\"", records, records.Count, stamp.Partitions);
        return _keyRandom.Next(8) switch
        {
            0 => repeat with { Known = [], CountWanted = null },
            1 => repeat with { CountWanted = records.Count + 1 },
            2 => repeat with { Partitions = RoutedPartitions + 1 },
            _ => repeat,
        };
    }

    /// <param name="Key">The key.</param>
    /// <param name="KeyJson">The key as JSON.</param>
    /// <param name="Known">The content of its first records. Any records beyond them are new.</param>
    /// <param name="CountWanted">The number of its records, or null for any number.</param>
    /// <param name="Partitions">The number of partitions by which the request was routed.</param>
    internal sealed record DrawnKey(
        string Key,
        string KeyJson,
        IReadOnlyList<SimulatedRecord> Known,
        int? CountWanted,
        int Partitions
    );

    static string Escaped(string key) =>
        key.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal);

    /// <summary>
    /// The clock has moved. A turn may take the appends under way at any time that the clock showed meanwhile.
    /// </summary>
    void NoteClock()
    {
        _latestClockMs = Math.Max(_latestClockMs, NowMs);
        foreach (var append in Models.SelectMany(static model => model.Pending))
            append.EarliestClockMs = Math.Min(append.EarliestClockMs, NowMs);
    }
}
