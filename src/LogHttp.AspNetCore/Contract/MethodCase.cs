namespace LogHttp.AspNetCore.Contract;

/// <summary>Compares a request's method with those of its endpoint.</summary>
internal static class MethodCase
{
    /// <summary>
    /// Whether the request's method has another case than the endpoint's. Methods are case-sensitive, but routing takes
    /// "head" for HEAD, and so do handlers that ask HttpMethods. They then omit a body that Kestrel waits for.
    /// </summary>
    public static bool DiffersFromEndpoint(HttpContext context)
    {
        if (
            context.GetEndpoint()?.Metadata.GetMetadata<IHttpMethodMetadata>() is not { } takes
            || Allows(takes.HttpMethods, context.Request.Method)
        )
            return false;
        // The CORS middleware responds to a preflight instead of the endpoint.
        if (takes.AcceptCorsPreflight && HttpMethods.IsOptions(context.Request.Method))
            return false;
        context.Response.StatusCode = StatusCodes.Status405MethodNotAllowed;
        context.Response.Headers.Allow = string.Join(", ", takes.HttpMethods);
        return true;

        static bool Allows(IReadOnlyList<string> methods, string method)
        {
            // By index, because an enumerator would be an object for each request.
            for (var i = 0; i < methods.Count; i++)
            {
                if (methods[i] == method)
                    return true;
            }
            return false;
        }
    }
}
