namespace LogHttp.Benchmarks;

static class LiveRaces
{
    public static Task RunAsync(Bench bench) => Task.CompletedTask;
}
