namespace LogHttp.Benchmarks;

static class TopicRaces
{
    public static Task RunAsync(Bench bench) => Task.CompletedTask;
}
