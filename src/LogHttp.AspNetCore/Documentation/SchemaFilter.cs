using System.ComponentModel.DataAnnotations;
using System.Reflection;
using System.Text.Json;
using System.Text.Json.Serialization;
using LogHttp.AspNetCore.Confluent;
using LogHttp.AspNetCore.Contract;
using LogHttp.AspNetCore.Endpoints;
using Microsoft.OpenApi;
using Swashbuckle.AspNetCore.SwaggerGen;

namespace LogHttp.AspNetCore.Documentation;

/// <summary>
/// Adds to the schemas of the log's types what neither the types nor their comments say. Any thread.
/// </summary>
internal sealed class SchemaFilter : ISchemaFilter
{
    /// <summary>Whether a type is the log's. An app that embeds the log has types of its own.</summary>
    public static bool IsOwn(Type type) => type.Assembly == typeof(SchemaFilter).Assembly;

    public void Apply(IOpenApiSchema schema, SchemaFilterContext context)
    {
        if (schema is not OpenApiSchema own)
            return;
        if (context.MemberInfo is { DeclaringType: { } declaring } member && IsOwn(declaring))
            Describe(own, member);
        else if (IsOwn(context.Type) && own.Properties is { } properties)
            Describe(own, properties, context.Type);
    }

    static void Describe(OpenApiSchema own, IDictionary<string, IOpenApiSchema> properties, Type type)
    {
        own.Examples = TypeExamples.Find(type) is { } example ? [example.Json] : null;
        own.Required = new HashSet<string>();
        // Responses may get more fields. A configuration with an unknown field is rejected.
        own.AdditionalPropertiesAllowed = type != typeof(TopicSettings);
        foreach (var property in type.GetProperties())
        {
            var name =
                property.GetCustomAttribute<JsonPropertyNameAttribute>()?.Name
                ?? JsonNamingPolicy.CamelCase.ConvertName(property.Name);
            if (!properties.TryGetValue(name, out var schema))
                throw new InvalidOperationException(
                    $"The log calls {type.Name}.{property.Name} \"{name}\", and the app's JSON options differ."
                );
            var isAlwaysWritten =
                property.GetCustomAttribute<JsonIgnoreAttribute>()?.Condition == JsonIgnoreCondition.Never;
            if (isAlwaysWritten || !IsNullable(property))
                own.Required.Add(name);
            // Our own responses omit null, so a field is present or absent. The REST Proxy's have it.
            if (type.Namespace != typeof(ConfluentError).Namespace && schema is OpenApiSchema { Type: { } kind } field)
                field.Type = kind & ~JsonSchemaType.Null;
        }
    }

    static void Describe(OpenApiSchema own, MemberInfo member)
    {
        if (member.GetCustomAttribute<AllowedValuesAttribute>() is { } allowed)
            own.Enum = [.. allowed.Values.Select(static value => TypeExamples.ToJson((string)value!))];
        if (member is { Name: nameof(RecordContent.Headers) } && member.DeclaringType == typeof(RecordContent))
            own.OneOf = [HeadersByName(), HeaderPairs()];
    }

    static OpenApiSchema HeadersByName()
    {
        var text = new OpenApiSchema { Type = JsonSchemaType.String };
        var texts = new OpenApiSchema { Type = JsonSchemaType.Array, Items = text };
        return new()
        {
            Type = JsonSchemaType.Object,
            AdditionalProperties = new OpenApiSchema { OneOf = [text, texts] },
        };
    }

    static OpenApiSchema HeaderPairs()
    {
        var pair = new OpenApiSchema
        {
            Type = JsonSchemaType.Array,
            MinItems = 2,
            MaxItems = 2,
            Items = new OpenApiSchema(),
        };
        return new() { Type = JsonSchemaType.Array, Items = pair };
    }

    static bool IsNullable(PropertyInfo property) =>
        Nullable.GetUnderlyingType(property.PropertyType) is not null
        || new NullabilityInfoContext().Create(property).ReadState == NullabilityState.Nullable;
}
