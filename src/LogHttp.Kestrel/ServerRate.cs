using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;

namespace LogHttp.Kestrel;

/// <summary>The server's own MinResponseDataRate.</summary>
internal static class ServerRate
{
    /// <summary>
    /// Turns the rate off for one response. It counts what is given to WriteAsync, not what is advanced over, so it
    /// takes every region for a handful of header bytes and cuts a living reader after its grace (5 s); <see
    /// cref="StalledReaderWatch"/> judges instead. HTTP/2, where this setting does not exist, never gets here: it
    /// copies, and copies count.
    /// </summary>
    internal static void TurnOff(HttpContext context)
    {
        if (context.Features[typeof(IHttpMinResponseDataRateFeature)] is IHttpMinResponseDataRateFeature rate)
            rate.MinDataRate = null;
    }
}
