using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace LogHttp.Kestrel;

/// <summary>The two halves of sendfile: <c>UseSendFile</c> on the listener, and on the application.</summary>
public static class SendFileExtensions
{
    /// <summary>
    /// Lets the connections of this endpoint send file regions by sendfile(2). Put it before or after UseHttps: TLS and
    /// HTTP/2 then copy. Any other connection middleware that changes bytes belongs after it, never before.
    /// </summary>
    /// <param name="listenOptions">The endpoint.</param>
    /// <param name="options">The bounds; else those configured in the services, else the defaults.</param>
    /// <returns>The endpoint.</returns>
    public static ListenOptions UseSendFile(this ListenOptions listenOptions, SendFileOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(listenOptions);
        var services = new SendFileServices(listenOptions.ApplicationServices, options);
        listenOptions.Use(next => connection => SendFileConnection.RunAsync(connection, next, services));
        return listenOptions;
    }

    /// <summary>
    /// Gives every request <see cref="IHttpSendFileFeature"/>, and <c>Response.SendFileAsync</c> (so
    /// <c>Results.File</c> with a path, and static files) the same way out. Put it first: what wraps the response body
    /// after it, such as compression, is honoured.
    /// </summary>
    /// <param name="app">
    /// The application; its server may be any, without <c>UseSendFile</c> on the listener all is copied.
    /// </param>
    /// <param name="options">The bounds; else those configured in the services, else the defaults.</param>
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
