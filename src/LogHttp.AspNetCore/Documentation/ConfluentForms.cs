using System.Text.Json.Nodes;
using LogHttp.AspNetCore.Confluent;
using LogHttp.AspNetCore.Contract;
using Microsoft.OpenApi;

namespace LogHttp.AspNetCore.Documentation;

/// <summary>The bodies of Confluent's REST Proxy, version 2, in requests, responses and problems.</summary>
internal static class ConfluentForms
{
    public static ContentDocument JsonBody { get; } =
        Body(
            ConfluentType.Json,
            "keys and values are JSON",
            new()
            {
                Description = "Any JSON value. A string is the key itself. Any other value is the key as JSON text.",
            },
            new() { Description = "Any JSON value, kept as it came. Default: `null`." },
            """{"records":[{"key":"user-7","value":{"id":1,"total":9.50}},{"value":"paid","partition":0}]}"""
        );

    public static ContentDocument BinaryBody { get; } =
        Body(
            ConfluentType.Binary,
            "keys and values are bytes, as Base64",
            Base64("The key's bytes."),
            Base64("The value's bytes. Default: the JSON value `null`."),
            """{"records":[{"key":"dXNlci03","value":"AAEC/w=="},{"value":"aGVsbG8="}]}"""
        );

    public static ContentDocument Answer { get; } =
        new(
            ConfluentType.Answer,
            Object(
                "The position of each record, in the order of the request.",
                ["offsets", "key_schema_id", "value_schema_id"],
                (
                    "offsets",
                    Array(
                        "One entry for each record.",
                        Object(
                            "The record's position, or the reason why it is not in the log.",
                            ["partition", "offset", "error_code", "error"],
                            (
                                "partition",
                                OrNull(JsonSchemaType.Integer, "The partition. Null if the record is not in the log.")
                            ),
                            (
                                "offset",
                                OrNull(
                                    JsonSchemaType.Integer,
                                    "The record's offset. Null if the record is not in the log."
                                )
                            ),
                            (
                                "error_code",
                                OrNull(
                                    JsonSchemaType.Integer,
                                    "Null if the record is in the log. 50003: the same record may be accepted "
                                        + "later. 50002: it will not be."
                                )
                            ),
                            ("error", OrNull(JsonSchemaType.String, "Null, or the error, for people."))
                        )
                    )
                ),
                ("key_schema_id", OrNull(JsonSchemaType.Integer, "Always null: there is no schema registry.")),
                ("value_schema_id", OrNull(JsonSchemaType.Integer, "Always null: there is no schema registry."))
            ),
            new ExampleDocument(
                "repeat",
                "Two records, one of them for a partition that does not exist",
                JsonNode.Parse(
                    """{"offsets":[{"partition":0,"offset":42,"error_code":null,"error":null},{"partition":null,"offset":null,"error_code":50002,"error":"The topic has no such partition; it has 3, from 0 on."}],"key_schema_id":null,"value_schema_id":null}"""
                )!
            )
        );

    public static ResponseDocument Unreadable { get; } =
        new(
            StatusCodes.Status422UnprocessableEntity,
            "Only for a body of the REST Proxy's types. The JSON has no `records`, or a record has an unknown field "
                + "or invalid Base64."
        )
        {
            Headers = [Headers.NoStore],
            Contents =
            [
                Error(
                    new(
                        new(StatusCodes.Status422UnprocessableEntity, "invalid_record", "Unrecognized field: receiver"),
                        ""
                    )
                ),
            ],
        };

    /// <summary>A problem in the form for the REST Proxy's clients.</summary>
    public static ContentDocument Error(ProblemDocument problem) =>
        new(
            ConfluentType.Answer,
            ContentSchema.Of(typeof(ConfluentError)),
            new ExampleDocument(
                problem.Name,
                "For a client of the REST Proxy",
                Schemas.Json(ConfluentError.Of(problem.Example))
            )
        );

    static ContentDocument Body(
        string mediaType,
        string what,
        OpenApiSchema key,
        OpenApiSchema value,
        string example
    ) =>
        new(
            mediaType,
            Object(
                $"A request of Confluent's REST Proxy: {what}.",
                ["records"],
                (
                    "records",
                    Array(
                        "At least one.",
                        Object(
                            "A record.",
                            [],
                            ("key", key),
                            ("value", value),
                            (
                                "partition",
                                OrNull(
                                    JsonSchemaType.Integer,
                                    "The partition to append to. Default: the request's, or else the key's."
                                )
                            )
                        )
                    )
                ),
                ("key_schema", Ignored()),
                ("key_schema_id", Ignored()),
                ("value_schema", Ignored()),
                ("value_schema_id", Ignored())
            ),
            new ExampleDocument("example", "Two records", JsonNode.Parse(example)!)
        );

    static OpenApiSchema Object(
        string description,
        HashSet<string> required,
        params (string Name, OpenApiSchema Schema)[] properties
    ) =>
        new()
        {
            Type = JsonSchemaType.Object,
            Description = description,
            Required = required,
            Properties = properties.ToDictionary(
                property => property.Name,
                IOpenApiSchema (property) => property.Schema
            ),
        };

    static OpenApiSchema Array(string description, OpenApiSchema items) =>
        new()
        {
            Type = JsonSchemaType.Array,
            Description = description,
            MinItems = 1,
            Items = items,
        };

    static OpenApiSchema OrNull(JsonSchemaType type, string description) =>
        new() { Type = type | JsonSchemaType.Null, Description = description };

    static OpenApiSchema Base64(string description) =>
        new()
        {
            Type = JsonSchemaType.String | JsonSchemaType.Null,
            Format = "byte",
            Description = description,
        };

    static OpenApiSchema Ignored() => new() { Description = "Ignored." };
}
