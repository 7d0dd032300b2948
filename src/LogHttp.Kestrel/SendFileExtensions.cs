using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace LogHttp.Kestrel;

/// <summary>The two halves of sendfile: <c>UseSendFile</c> on the listener, and on the application.</summary>
public static class SendFileExtensions
{
    /// <summary>
    /// Lets the connections of this endpoint send file regions by sendfile(2). It may stand before or after UseHttps:
    /// TLS and HTTP/2 copy in both cases. Other connection middleware that changes bytes must come after it.
    /// </summary>
    /// <param name="listenOptions">The endpoint.</param>
    /// <param name="options">The bounds. If null, those configured in the services, or else the defaults.</param>
    /// <returns>The endpoint.</returns>
    public static ListenOptions UseSendFile(this ListenOptions listenOptions, SendFileOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(listenOptions);
        var services = new SendFileServices(listenOptions.ApplicationServices, options);
        listenOptions.Use(next => connection => SendFileConnection.RunAsync(connection, next, services));
        return listenOptions;
    }

    /// <summary>
    /// Gives every request <see cref="IHttpSendFileFeature"/>. <c>Response.SendFileAsync</c>, and so
    /// <c>Results.File</c> with a path and static files, use it as well. Put it first, so that later middleware can
    /// wrap the response body, as compression does.
    /// </summary>
    /// <param name="app">
    /// The application. It may have any server. Without <c>UseSendFile</c> on the listener, every region is copied.
    /// </param>
    /// <param name="options">The bounds. If null, those configured in the services, or else the defaults.</param>
    /// <returns>The application.</returns>
    public static IApplicationBuilder UseSendFile(this IApplicationBuilder app, SendFileOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(app);
        var services = new SendFileServices(app.ApplicationServices, options);
        return app.Use(next =>
            context =>
            {
                SendFileFeature.AttachTo(context, services);
                return next(context);
            }
        );
    }
}
