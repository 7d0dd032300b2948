using System.Globalization;
using Microsoft.OpenApi;
using Swashbuckle.AspNetCore.SwaggerGen;

namespace LogHttp.AspNetCore.Documentation;

/// <summary>Adds what operations refer to: headers, problems, the schemas of records, the groups.</summary>
/// <param name="withProgram">Whether to describe the problems of the program too.</param>
internal sealed class ComponentsFilter(bool withProgram) : IDocumentFilter
{
    public void Apply(OpenApiDocument swaggerDoc, DocumentFilterContext context)
    {
        var components = swaggerDoc.Components ??= new();
        components.Headers ??= new Dictionary<string, IOpenApiHeader>();
        foreach (var header in Headers.All)
            components.Headers[header.Key] = new OpenApiHeader
            {
                Description = header.Description,
                Schema = new OpenApiSchema
                {
                    Type = header.Type,
                    Format = header.Type == JsonSchemaType.Integer ? "int64" : null,
                },
                Example =
                    header.Type == JsonSchemaType.Integer
                        ? long.Parse(header.Example, CultureInfo.InvariantCulture)
                        : header.Example,
            };
        components.Examples ??= new Dictionary<string, IOpenApiExample>();
        foreach (var problem in ProblemDocuments.All.Where(problem => withProgram || !problem.IsOfProgram))
            components.Examples[problem.Name] = new OpenApiExample
            {
                Summary = problem.Example.Code,
                Value = problem.Json,
            };
        foreach (var (name, schema) in Schemas.OfRecords)
            swaggerDoc.AddComponent<IOpenApiSchema>(name, schema);
        swaggerDoc.Tags ??= new HashSet<OpenApiTag>();
        foreach (var (name, description) in Tags.All)
        {
            // The generator has added the names that operations refer to.
            foreach (var bare in swaggerDoc.Tags.Where(tag => tag.Name == name).ToArray())
                swaggerDoc.Tags.Remove(bare);
            swaggerDoc.Tags.Add(new OpenApiTag { Name = name, Description = description });
        }
    }
}
