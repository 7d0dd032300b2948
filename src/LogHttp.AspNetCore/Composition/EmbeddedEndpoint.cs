using LogHttp.AspNetCore.Contract;
using LogHttp.Kestrel;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;

namespace LogHttp.AspNetCore.Composition;

/// <summary>
/// Surrounds an endpoint in an app that embeds the log with what the protocol demands. The program has it in its
/// pipeline, for all paths.
/// </summary>
internal static partial class EmbeddedEndpoint
{
    /// <summary>Wraps the handler of an endpoint.</summary>
    public static void Wrap(EndpointBuilder endpoint)
    {
        if (endpoint.RequestDelegate is not { } handler)
            return;
        var services = endpoint.ApplicationServices;
        var logger = services.GetRequiredService<ILoggerFactory>().CreateLogger(typeof(EmbeddedEndpoint).FullName!);
        // An app without UseSendFile gets it here, behind all that may replace the response's body.
        var pipeline = new ApplicationBuilder(services);
        pipeline.UseSendFile();
        pipeline.Run(handler);
        var sendingHandler = pipeline.Build();
        endpoint.RequestDelegate = context =>
            RunAsync(context, context.Features.Get<IHttpSendFileFeature>() is null ? sendingHandler : handler, logger);
    }

    static async Task RunAsync(HttpContext context, RequestDelegate handler, ILogger logger)
    {
        SecurityHeaders.Apply(context.Response.Headers);
        LiftBodyBounds(context);
        try
        {
            if (MethodCase.IsOther(context))
                await Problems.Of(context.Response).ExecuteAsync(context);
            else
                await handler(context);
        }
        catch (Exception exception) when (MayAnswer(context))
        {
            var problem = Problems.Of(exception);
            if (problem.Status == StatusCodes.Status500InternalServerError)
                Failed(logger, exception);
            Forget(context.Response.Headers);
            await problem.ExecuteAsync(context);
        }
    }

    static bool MayAnswer(HttpContext context) =>
        !context.Response.HasStarted && !context.RequestAborted.IsCancellationRequested;

    /// <summary>
    /// Kestrel closes the connection of a body that is too large before its client has read why. Its rate is an average
    /// since the body began, so a stream that pauses would end.
    /// </summary>
    static void LiftBodyBounds(HttpContext context)
    {
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size)
            size.MaxRequestBodySize = null;
        if (context.Features.Get<IHttpMinRequestBodyDataRateFeature>() is { } rate)
            rate.MinDataRate = null;
    }

    /// <summary>Removes the headers of the response that failed. Those of the app stay.</summary>
    static void Forget(IHeaderDictionary headers)
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
