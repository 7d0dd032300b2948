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
                    || !api.ActionDescriptor.EndpointMetadata.OfType<OperationDocument>().Any()
                )
        );
        var nameOf = options.SchemaGeneratorOptions.SchemaIdSelector;
        options.CustomSchemaIds(type => SchemaFilter.NameOf(type) ?? nameOf(type));
        options.OperationFilter<OperationFilter>(withProgram);
        options.SchemaFilter<SchemaFilter>();
        options.DocumentFilter<ComponentsFilter>(withProgram);
    }
}
