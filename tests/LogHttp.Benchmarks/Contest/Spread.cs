namespace LogHttp.Benchmarks.Contest;

/// <summary>The median of some rounds, the least and the most.</summary>
readonly record struct Spread(double Median, double Least, double Most)
{
    public static Spread Of(IEnumerable<double> values)
    {
        var sorted = values.Where(double.IsFinite).Order().ToArray();
        if (sorted.Length == 0)
            return new(double.NaN, double.NaN, double.NaN);
        var middle = sorted.Length / 2;
        return new(
            sorted.Length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2,
            sorted[0],
            sorted[^1]
        );
    }

    public override string ToString() => double.IsNaN(Median) ? "–" : $"{Text(Median)} ({Text(Least)}–{Text(Most)})";

    static string Text(double value) =>
        value switch
        {
            double.NaN => "–",
            >= 1000 => value.ToString("#,0", System.Globalization.CultureInfo.InvariantCulture),
            >= 100 => value.ToString("0", System.Globalization.CultureInfo.InvariantCulture),
            >= 10 => value.ToString("0.0", System.Globalization.CultureInfo.InvariantCulture),
            _ => value.ToString("0.00", System.Globalization.CultureInfo.InvariantCulture),
        };
}
