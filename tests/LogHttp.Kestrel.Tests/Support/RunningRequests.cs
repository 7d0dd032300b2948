using Microsoft.AspNetCore.Http;

namespace LogHttp.Kestrel.Tests.Support;

internal sealed class RunningRequests
{
    private int _count;

    internal int Count => Volatile.Read(ref _count);

    internal async Task TrackAsync(HttpContext context, RequestDelegate next)
    {
        Interlocked.Increment(ref _count);
        try
        {
            await next(context);
        }
        finally
        {
            Interlocked.Decrement(ref _count);
        }
    }
}
