using LogHttp.AspNetCore.Composition;
using LogHttp.AspNetCore.Documentation;
using LogHttp.AspNetCore.Settings;
using Swashbuckle.AspNetCore.SwaggerGen;

namespace LogHttp.AspNetCore;

/// <summary>Embeds the log in an ASP.NET Core app (docs/EMBEDDING.md).</summary>
public static class LogHttpExtensions
{
    /// <summary>
    /// Adds the log. The host opens it before it serves requests, or earlier if a service asks for it. The host closes
    /// it after the last request.
    /// </summary>
    /// <param name="services">The services of the app.</param>
    /// <param name="configure">
    /// Changes settings after the section <c>LogHttp</c> of the app's configuration was read, or null.
    /// </param>
    /// <returns>The services.</returns>
    /// <remarks>
    /// Registers <see cref="Storage.Topics.TopicCatalog"/> for producers and consumers within the process. A setting
    /// that is out of its range, or an unknown name in the section, fails the start with
    /// <see cref="Microsoft.Extensions.Options.OptionsValidationException"/>. A data directory that another process
    /// uses fails it with <see cref="Storage.Files.DirectoryInUseException"/>.
    /// </remarks>
    public static IServiceCollection AddLogHttp(
        this IServiceCollection services,
        Action<LogHttpSettings>? configure = null
    )
    {
        ArgumentNullException.ThrowIfNull(services);
        var settings = services.AddLogHttpSettings<LogHttpSettings>();
        if (configure is not null)
            settings.Configure(configure);
        return services.AddLogHttpServices();
    }

    /// <summary>
    /// Maps all paths of the log below a prefix, such as <c>/log/topics/{topic}</c> (api/PROTOCOL.md §1).
    /// </summary>
    /// <param name="endpoints">The routes of the app.</param>
    /// <param name="prefix">A route pattern without parameters, such as <c>/log</c>. Empty for the root.</param>
    /// <returns>
    /// The conventions of all these endpoints, for example for <c>RequireAuthorization()</c> or <c>RequireCors()</c>.
    /// </returns>
    /// <exception cref="InvalidOperationException"><see cref="AddLogHttp"/> was not called.</exception>
    /// <remarks>
    /// Anybody who reaches the app can read and write everything, unless the app requires authorization. An endpoint
    /// turns its exceptions into problems (RFC 9457). It lifts Kestrel's bounds on request bodies, because the log has
    /// its own.
    /// </remarks>
    public static IEndpointConventionBuilder MapLogHttp(this IEndpointRouteBuilder endpoints, string prefix = "")
    {
        ArgumentNullException.ThrowIfNull(endpoints);
        ArgumentNullException.ThrowIfNull(prefix);
        // Checked by type alone, so that nothing is created or validated before the app starts.
        if (endpoints.ServiceProvider.GetService<IServiceProviderIsService>()?.IsService(typeof(CatalogHost)) == false)
            throw new InvalidOperationException("Call services.AddLogHttp() before MapLogHttp().");
        var group = endpoints.MapGroup(prefix);
        Routes.Map(group);
        ((IEndpointConventionBuilder)group).Finally(new EmbeddedEndpoints(endpoints.ServiceProvider).Wrap);
        return group;
    }

    /// <summary>
    /// Describes the log's operations in the app's OpenAPI document. Call <c>AddEndpointsApiExplorer()</c> too.
    /// </summary>
    /// <param name="options">The generator's options. The app may add filters before or after it.</param>
    public static void DescribeLogHttp(this SwaggerGenOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.DescribeLogHttp(withProgram: false);
    }
}
