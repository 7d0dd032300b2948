namespace LogHttp.AspNetCore.Threads;

/// <summary>
/// Marks an endpoint some of whose requests never wait for a disk or a lock and take only microseconds. They may run on
/// the thread that receives. An endpoint without the mark runs on the pool.
/// </summary>
/// <param name="allows">Whether a request is such a one, by its head. Any thread.</param>
internal sealed class InlineRequests(Func<HttpRequest, bool> allows)
{
    /// <summary>Whether a request may continue on its thread after routing.</summary>
    public static bool MayStay(HttpContext context) =>
        !ReceivingThread.HoldsUpOthers
        || (
            context.GetEndpoint() is { } endpoint
            && endpoint.Metadata.GetMetadata<InlineRequests>() is { } rule
            && rule.Allows(context.Request)
        );

    bool Allows(HttpRequest request) => allows(request);
}
