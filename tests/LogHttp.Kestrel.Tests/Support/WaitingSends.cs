using LogHttp.Testing;

namespace LogHttp.Kestrel.Tests.Support;

internal static class WaitingSends
{
    /// <summary>
    /// Waits until a send waits for its reader. Only then is a timer set: no other code uses the clock of
    /// <see cref="SendFileOptions.TimeProvider"/>.
    /// </summary>
    internal static Task SendWaitsAsync(this SimulatedTime time) =>
        Eventually.TrueAsync(() => time.UntilNextTimer is not null);
}
