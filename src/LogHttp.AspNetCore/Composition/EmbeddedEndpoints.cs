using LogHttp.AspNetCore.Contract;
using LogHttp.AspNetCore.Threads;
using LogHttp.Kestrel;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;

namespace LogHttp.AspNetCore.Composition;

/// <summary>
/// Adds the protocol's requirements to the endpoints of an app that embeds the log. The program has them in its
/// pipeline, for all paths. Any thread.
/// </summary>
/// <remarks>
/// Not an <c>IExceptionHandler</c>: it runs only in apps that call <c>UseExceptionHandler</c>, for the exceptions of
/// all their endpoints, and after the app's own headers were cleared. Not an endpoint filter: it would allocate a
/// context and box the arguments of every POST and GET of records.
/// </remarks>
internal sealed partial class EmbeddedEndpoints
{
    readonly RequestDelegate _attachSendFile;
    readonly ILogger _logger;

    public EmbeddedEndpoints(IServiceProvider services)
    {
        _logger = services.GetRequiredService<ILoggerFactory>().CreateLogger<EmbeddedEndpoints>();
        // One for all endpoints, because each has a bound of its own on cold reads.
        var attaching = new ApplicationBuilder(services);
        attaching.UseSendFile();
        attaching.Run(static _ => Task.CompletedTask);
        _attachSendFile = attaching.Build();
    }

    /// <summary>Wraps the handler of an endpoint.</summary>
    public void Wrap(EndpointBuilder endpoint)
    {
        if (endpoint.RequestDelegate is { } handler)
            endpoint.RequestDelegate = context => RunAsync(context, handler);
    }

    async Task RunAsync(HttpContext context, RequestDelegate handler)
    {
        SecurityHeaders.Apply(context.Response.Headers);
        RemoveBodyLimits(context);
        if (!InlineRequests.MayStay(context))
            await ReceivingThread.LeaveAsync();
        try
        {
            // After all middleware that may replace the response's body. An app with UseSendFile has the feature
            // already.
            if (context.Features.Get<IHttpSendFileFeature>() is null)
                await _attachSendFile(context);
            if (MethodCase.DiffersFromEndpoint(context))
                await Problems.Of(context.Response).ExecuteAsync(context);
            else
                await handler(context);
        }
        catch (Exception exception) when (CanRespond(context))
        {
            var problem = Problems.Of(exception);
            if (problem.Status == StatusCodes.Status500InternalServerError)
                Failed(_logger, exception);
            RemoveHeaders(context.Response.Headers);
            await problem.ExecuteAsync(context);
        }
    }

    static bool CanRespond(HttpContext context) =>
        !context.Response.HasStarted && !context.RequestAborted.IsCancellationRequested;

    /// <summary>
    /// Lifts Kestrel's bounds on bodies. Kestrel closes the connection of a too large body before its client has read
    /// the reason. Its rate is an average since the body began, so a stream that pauses would end.
    /// </summary>
    static void RemoveBodyLimits(HttpContext context)
    {
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size)
            size.MaxRequestBodySize = null;
        if (context.Features.Get<IHttpMinRequestBodyDataRateFeature>() is { } rate)
            rate.MinDataRate = null;
    }

    /// <summary>Removes the headers of the failed response. The app's own headers stay.</summary>
    static void RemoveHeaders(IHeaderDictionary headers)
    {
        headers.ETag = default;
        headers.Link = default;
        headers.Location = default;
        headers.AcceptRanges = default;
        headers.ContentRange = default;
    }

    [LoggerMessage(1, LogLevel.Error, "A request failed")]
    static partial void Failed(ILogger logger, Exception exception);
}
