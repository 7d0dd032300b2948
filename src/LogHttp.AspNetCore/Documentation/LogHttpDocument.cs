using System.ComponentModel;
using System.Reflection;
using LogHttp.AspNetCore.Contract;
using Swashbuckle.AspNetCore.SwaggerGen;

namespace LogHttp.AspNetCore.Documentation;

/// <summary>Adds the log to an OpenAPI document.</summary>
internal static class LogHttpDocument
{
    /// <param name="options">The generator's options.</param>
    /// <param name="withProgram">Whether to describe the problems of the program too: hosts, origins, limits.</param>
    public static void DescribeLogHttp(this SwaggerGenOptions options, bool withProgram)
    {
        // HEAD works for every path with GET. Listing it would repeat each operation.
        var inclusion = options.SwaggerGeneratorOptions.DocInclusionPredicate;
        options.DocInclusionPredicate(
            (name, api) =>
                inclusion(name, api)
                && (
                    api.HttpMethod != HttpMethods.Head
                    || !api.TryGetMethodInfo(out var method)
                    || !method.IsDefined(typeof(OperationAttribute))
                )
        );
        var nameOf = options.SchemaGeneratorOptions.SchemaIdSelector;
        options.CustomSchemaIds(type =>
            SchemaFilter.IsOwn(type)
                ? type.GetCustomAttribute<DisplayNameAttribute>()?.DisplayName ?? type.Name
                : nameOf(type)
        );
        XmlComments.AddTo(options);
        options.OperationFilter<OperationFilter>(withProgram);
        options.SchemaFilter<SchemaFilter>();
        options.DocumentFilter<ComponentsFilter>(withProgram);
    }

    /// <summary>
    /// Describes a route by the method that its handler calls. The handlers of hot paths are lambdas, which have no
    /// comments.
    /// </summary>
    public static TBuilder DescribedBy<TBuilder>(this TBuilder route, Delegate method)
        where TBuilder : IEndpointConventionBuilder
    {
        route.Add(endpoint =>
        {
            // Swashbuckle takes the first method, and the framework has added the lambda.
            endpoint.Metadata.Insert(0, method.Method);
            foreach (var attribute in method.Method.GetCustomAttributes())
                endpoint.Metadata.Add(attribute);
        });
        return route;
    }
}
