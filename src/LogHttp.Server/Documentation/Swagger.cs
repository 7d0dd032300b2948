using System.Reflection;
using LogHttp.AspNetCore;
using LogHttp.AspNetCore.Documentation;
using LogHttp.Server.Hosting;
using Microsoft.Extensions.FileProviders;
using Microsoft.OpenApi;

namespace LogHttp.Server.Documentation;

/// <summary>
/// Serves the API's description at <c>/swagger/v1/swagger.json</c>, and the page that shows it at <c>/swagger</c>.
/// </summary>
internal static class Swagger
{
    const string Name = "v1";
    const string Path = "/swagger";

    const string Introduction = """
        A durable log over HTTP: `POST /topics/orders` appends records, `GET /topics/orders/42` reads them from an offset on.

            curl -d 'hello' http://127.0.0.1:8080/topics/greetings
            curl http://127.0.0.1:8080/topics/greetings/earliest

        - **Problems** are `application/problem+json`; programs look at `code` and `retryable`. What can't be read as HTTP at all is answered by a bare 400, 408, 414 or 431.
        - **Other methods** on these paths answer 405 `method_not_allowed`, other paths 404 `unknown_path`.
        - **Every answer** has `X-Content-Type-Options: nosniff` and a `Content-Security-Policy`. Pages of origins in `AllowedOrigins` and `AllowedWriteOrigins` get `Access-Control-*` headers.
        """;

    public static void AddSwagger(this IServiceCollection services)
    {
        services.AddEndpointsApiExplorer();
        services.AddSwaggerGen(static options =>
        {
            options.SwaggerDoc(
                Name,
                new OpenApiInfo
                {
                    Title = "LogHttp",
                    Version = Name,
                    Description = Introduction,
                    License = new OpenApiLicense
                    {
                        Name = "Apache-2.0",
                        Url = new Uri("https://www.apache.org/licenses/LICENSE-2.0"),
                    },
                }
            );
            // Relative to the description itself, so that the paths hold below a proxy's prefix too.
            options.AddServer(new OpenApiServer { Url = "../.." });
            // In the order of the routes.
            options.OrderActionsBy(static _ => "");
            options.SupportNonNullableReferenceTypes();
            options.DescribeLogHttp(withProgram: true);
        });
    }

    /// <summary>Adds the pages. Requests to other paths do not pass through them.</summary>
    public static void UseSwaggerPages(this WebApplication app) =>
        app.UseWhen(
            IsForPages,
            static branch =>
            {
                branch.Use(static next =>
                    context =>
                    {
                        PageHeaders.Apply(context.Response.Headers);
                        return next(context);
                    }
                );
                branch.UseSwagger();
                // Before Swashbuckle's own files, whose index.html is not used. Page/page.js says why.
                branch.UseStaticFiles(
                    new StaticFileOptions
                    {
                        RequestPath = Path,
                        FileProvider = new EmbeddedFileProvider(
                            Assembly.GetExecutingAssembly(),
                            $"{typeof(Swagger).Namespace}.Page"
                        ),
                    }
                );
                branch.UseSwaggerUI();
            }
        );

    /// <summary>
    /// Compares methods case-sensitively. Swashbuckle takes "Head" for HEAD and omits the body, and Kestrel then waits
    /// for it.
    /// </summary>
    static bool IsForPages(HttpContext context) =>
        context.Request.Method is "GET" or "HEAD" && context.Request.Path.StartsWithSegments(Path);
}
