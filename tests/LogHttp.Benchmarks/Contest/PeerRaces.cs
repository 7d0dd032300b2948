namespace LogHttp.Benchmarks;

static class PeerRaces
{
    public static Task RunAsync(Bench bench) => Task.CompletedTask;
}
