using System.Globalization;
using LogHttp.AspNetCore.Endpoints;
using Microsoft.OpenApi;
using Swashbuckle.AspNetCore.SwaggerGen;

namespace LogHttp.AspNetCore.Documentation;

/// <summary>Adds the meaning of fields to the schemas that Swashbuckle makes of types.</summary>
internal sealed class SchemaFilter : ISchemaFilter
{
    /// <summary>Returns the name of a type of the log's, or null for other types.</summary>
    public static string? NameOf(Type type) => Schemas.OfTypes.GetValueOrDefault(type)?.Name;

    public void Apply(IOpenApiSchema schema, SchemaFilterContext context)
    {
        if (schema is not OpenApiSchema own || !Schemas.OfTypes.TryGetValue(context.Type, out var document))
            return;
        var properties = own.Properties ?? new Dictionary<string, IOpenApiSchema>();
        if (!properties.Keys.Order().SequenceEqual(document.Properties.Select(property => property.Name).Order()))
            throw new InvalidOperationException(
                $"{context.Type.Name} has the fields {string.Join(", ", properties.Keys)}, and {nameof(Schemas)} "
                    + $"says what {string.Join(", ", document.Properties.Select(property => property.Name))} are for."
            );
        own.Description = document.Description;
        own.Examples = [document.Example];
        own.Required = new HashSet<string>();
        // Responses may get more fields. A configuration with an unknown field is rejected.
        own.AdditionalPropertiesAllowed = context.Type != typeof(TopicSettings);
        foreach (var property in document.Properties)
            Describe(own, property);
    }

    static void Describe(OpenApiSchema owner, PropertyDocument document)
    {
        if (owner.Properties![document.Name] is not OpenApiSchema property)
        {
            owner.Required!.Add(document.Name);
            return;
        }
        // Responses omit null, so a field is present or absent.
        if (property.Type?.HasFlag(JsonSchemaType.Null) == true)
            property.Type &= ~JsonSchemaType.Null;
        else
            owner.Required!.Add(document.Name);
        property.Description = document.Description;
        property.Minimum = document.Least?.ToString(CultureInfo.InvariantCulture);
        property.Maximum = document.Most?.ToString(CultureInfo.InvariantCulture);
        property.Pattern = document.Pattern;
    }
}
