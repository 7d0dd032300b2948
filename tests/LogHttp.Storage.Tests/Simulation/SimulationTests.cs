using System.Globalization;

namespace LogHttp.Storage.Tests.Simulation;

/// <summary>
/// Seeded runs of the whole log against a disk that fails. LOGHTTP_SIMULATION_SEED=n runs one seed, or some (n,m).
/// LOGHTTP_SIMULATION_SEEDS runs a range of seeds (from-to), or a number of them.
/// </summary>
public class SimulationTests
{
    const int DefaultSeeds = 500;

    [Fact]
    public void Simulation_ManySeeds_KeepsEveryPromise()
    {
        var failures = new List<string>();
        foreach (var seed in Seeds())
        {
            try
            {
                StorageSimulation.Run(seed);
            }
            catch (SimulationException exception)
            {
                failures.Add(exception.ToString());
                if (failures.Count == 10)
                    break;
            }
        }
        Assert.True(failures.Count == 0, string.Join("\n\n", failures));
    }

    [Theory]
    [InlineData(SimulatedSchedule.OneTopic)]
    [InlineData(SimulatedSchedule.ThreeTopics)]
    [InlineData(SimulatedSchedule.Rotation)]
    [InlineData(SimulatedSchedule.Growth)]
    public void Schedule_InterruptedAtEveryCall_KeepsEveryPromise(SimulatedSchedule schedule)
    {
        var calls = 0;
        while (StorageSimulation.RunSchedule(schedule, calls + 1))
            calls++;
        Assert.True(calls > 100, $"{schedule} has {calls} calls only.");
    }

    [Fact]
    public void Simulation_SameSeed_Replays()
    {
        for (var seed = 1; seed <= 5; seed++)
            Assert.Equal(Trace(seed), Trace(seed));

        static string Trace(int seed)
        {
            var trace = new SimulationTrace(int.MaxValue);
            StorageSimulation.Run(seed, trace);
            return trace.ToString();
        }
    }

    static IEnumerable<int> Seeds()
    {
        if (Environment.GetEnvironmentVariable("LOGHTTP_SIMULATION_SEED") is { Length: > 0 } named)
            return named.Split(',').Select(Parse);
        if (Environment.GetEnvironmentVariable("LOGHTTP_SIMULATION_SEEDS") is not { Length: > 0 } range)
            return Enumerable.Range(1, DefaultSeeds);
        return range.Split('-') is [var from, var to]
            ? Enumerable.Range(Parse(from), Parse(to) - Parse(from) + 1)
            : Enumerable.Range(1, Parse(range));
    }

    static int Parse(string text) => int.Parse(text, NumberStyles.None, CultureInfo.InvariantCulture);
}
