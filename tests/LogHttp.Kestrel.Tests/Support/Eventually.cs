using System.Diagnostics;

namespace LogHttp.Kestrel.Tests.Support;

internal static class Eventually
{
    internal static async Task TrueAsync(Func<bool> condition)
    {
        var waited = Stopwatch.StartNew();
        while (!condition())
        {
            Assert.True(waited.Elapsed < TimeSpan.FromSeconds(30), "What the test waits for did not happen.");
            await Task.Delay(10);
        }
    }
}
