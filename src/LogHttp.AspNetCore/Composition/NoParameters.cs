using LogHttp.AspNetCore.Contract;

namespace LogHttp.AspNetCore.Composition;

/// <summary>
/// Refuses query parameters at endpoints that have none. Records are not behind a filter: it allocates a context and
/// boxes the arguments of each request.
/// </summary>
internal sealed class NoParameters : IEndpointFilter
{
    public ValueTask<object?> InvokeAsync(EndpointFilterInvocationContext context, EndpointFilterDelegate next) =>
        context.HttpContext.Request.Parameters().HasOnly([], out var problem) ? next(context) : new(problem);
}
