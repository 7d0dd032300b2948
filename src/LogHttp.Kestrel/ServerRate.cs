using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;

namespace LogHttp.Kestrel;

/// <summary>The server's own MinResponseDataRate.</summary>
internal static class ServerRate
{
    /// <summary>
    /// Turns the rate off for one response. It counts the bytes given to WriteAsync, not those of Advance. So it takes
    /// every region for a handful of header bytes, and cuts an active reader after its grace of 5 s.
    /// <see cref="StalledReaderWatch"/> judges instead. HTTP/2 has no such setting and never gets here: it copies, and
    /// copies count.
    /// </summary>
    internal static void TurnOff(HttpContext context)
    {
        if (context.Features[typeof(IHttpMinResponseDataRateFeature)] is IHttpMinResponseDataRateFeature rate)
            rate.MinDataRate = null;
    }
}
