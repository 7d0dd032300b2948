using System.ComponentModel.DataAnnotations;
using System.Reflection;
using System.Text.Json;
using System.Text.Json.Nodes;
using LogHttp.AspNetCore.Contract;
using Microsoft.AspNetCore.Mvc;
using Microsoft.OpenApi;
using Swashbuckle.AspNetCore.SwaggerGen;

namespace LogHttp.AspNetCore.Documentation;

/// <summary>Makes a parameter of a property (<see cref="ParametersAttribute"/>).</summary>
internal static class ParameterReader
{
    public static OpenApiParameter Read(PropertyInfo property, OperationFilterContext context)
    {
        var (location, name) =
            property.GetCustomAttribute<FromHeaderAttribute>() is { } header ? (ParameterLocation.Header, header.Name)
            : property.IsDefined(typeof(FromRouteAttribute)) ? (ParameterLocation.Path, null)
            : (ParameterLocation.Query, null);
        var schema = (OpenApiSchema)
            context.SchemaGenerator.GenerateSchema(property.PropertyType, context.SchemaRepository, property);
        // They are the parameter's.
        (schema.Description, schema.Examples) = (null, null);
        var examples = XmlComments.ExamplesOf(property).ToArray();
        return new()
        {
            In = location,
            Name = name ?? JsonNamingPolicy.CamelCase.ConvertName(property.Name),
            Description = XmlComments.SummaryOf(property),
            Required = location == ParameterLocation.Path || property.IsDefined(typeof(RequiredAttribute)),
            Schema = schema,
            Example = examples is [var only] ? ToJson(only.Value) : null,
            Examples =
                examples.Length <= 1
                    ? null
                    : examples.ToDictionary(
                        static example => example.Attribute("name")!.Value,
                        IOpenApiExample (example) =>
                            new OpenApiExample
                            {
                                Summary = example.Attribute("title")!.Value,
                                Value = ToJson(example.Value),
                            }
                    ),
        };

        JsonNode? ToJson(string text) => schema.Type == JsonSchemaType.String ? text : JsonNode.Parse(text);
    }
}
