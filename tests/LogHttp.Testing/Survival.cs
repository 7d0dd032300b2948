namespace LogHttp.Testing;

/// <summary>
/// Decides, item by item, which unsynced changes reached the disk. It often draws none or all of them: with a fair coin
/// for each of many pages, both cases would be very rare.
/// </summary>
readonly struct Survival
{
    readonly Random _random;
    readonly double _probability;

    Survival(Random random, double probability)
    {
        _random = random;
        _probability = probability;
    }

    /// <summary>Everything reaches the disk.</summary>
    public static Survival Certain(Random random) => new(random, 1);

    /// <summary>Draws the probability with which each item has reached the disk.</summary>
    public static Survival Draw(Random random) =>
        new(
            random,
            random.Next(4) switch
            {
                0 => 0,
                1 => 1,
                _ => random.NextDouble(),
            }
        );

    /// <summary>Whether the next item reached the disk.</summary>
    public bool Next() => _probability >= 1 || (_probability > 0 && _random.NextDouble() < _probability);
}
