namespace LogHttp.Benchmarks;

static class PlaceRaces
{
    public static Task RunAsync(Bench bench) => Task.CompletedTask;
}
