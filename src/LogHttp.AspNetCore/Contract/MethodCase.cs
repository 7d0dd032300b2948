namespace LogHttp.AspNetCore.Contract;

/// <summary>Compares a request's method with those of its endpoint.</summary>
internal static class MethodCase
{
    /// <summary>
    /// Methods are case-sensitive, but routing takes "head" for HEAD, and so do handlers that ask HttpMethods: they
    /// then leave out a body that Kestrel, which does not, waits for.
    /// </summary>
    public static bool IsOther(HttpContext context)
    {
        if (
            context.GetEndpoint()?.Metadata.GetMetadata<IHttpMethodMetadata>() is not { } takes
            || Takes(takes.HttpMethods, context.Request.Method)
        )
            return false;
        // A preflight is answered in the place of the endpoint.
        if (takes.AcceptCorsPreflight && HttpMethods.IsOptions(context.Request.Method))
            return false;
        context.Response.StatusCode = StatusCodes.Status405MethodNotAllowed;
        context.Response.Headers.Allow = string.Join(", ", takes.HttpMethods);
        return true;

        static bool Takes(IReadOnlyList<string> methods, string method)
        {
            // An enumerator is an object for each request.
            for (var i = 0; i < methods.Count; i++)
            {
                if (methods[i] == method)
                    return true;
            }
            return false;
        }
    }
}
