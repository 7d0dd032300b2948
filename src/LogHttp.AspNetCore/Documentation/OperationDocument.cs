using System.Text.Json.Nodes;
using LogHttp.AspNetCore.Contract;
using Microsoft.OpenApi;

namespace LogHttp.AspNetCore.Documentation;

/// <summary>An operation of the API's description. It stands beside its route as metadata.</summary>
/// <param name="Id">Its name in generated clients.</param>
/// <param name="Tag">The group it is shown in.</param>
/// <param name="Summary">Its effect, in a few words.</param>
/// <param name="Description">The details that its users have to know, in Markdown.</param>
internal sealed record OperationDocument(string Id, string Tag, string Summary, string Description)
{
    public IReadOnlyList<ParameterDocument> Parameters { get; init; } = [];

    public BodyDocument? Body { get; init; }

    /// <summary>The responses that are not problems.</summary>
    public required IReadOnlyList<ResponseDocument> Responses { get; init; }

    /// <summary>Whether it counts against a client's limit of requests.</summary>
    public bool IsLimited { get; init; } = true;

    /// <summary>The form of problems besides our own, with an example made from a problem. Null for none.</summary>
    public Func<ProblemDocument, ContentDocument>? OtherProblemForm { get; init; }

    /// <summary>The problems it can respond with, except the limit's. Each has its status.</summary>
    public IReadOnlyList<ProblemDocument> Problems { get; init; } = [];
}

/// <summary>A part of the path or the query, or a header, that a request may have.</summary>
internal sealed record ParameterDocument(
    ParameterLocation Location,
    string Name,
    string Description,
    OpenApiSchema Schema,
    params ExampleDocument[] Examples
)
{
    public bool IsRequired { get; init; } = Location == ParameterLocation.Path;
}

/// <summary>The bodies that a request may have.</summary>
internal sealed record BodyDocument(bool IsRequired, string Description, params ContentDocument[] Contents);

/// <summary>A response that is not a problem.</summary>
internal sealed record ResponseDocument(int Status, string Description)
{
    public IReadOnlyList<HeaderDocument> Headers { get; init; } = [];

    public IReadOnlyList<ContentDocument> Contents { get; init; } = [];

    /// <summary>The 304 of a response that has no ETag.</summary>
    public static ResponseDocument UntaggedNotModified { get; } =
        new(StatusCodes.Status304NotModified, "The request has `If-None-Match: *`.")
        {
            Headers = [Documentation.Headers.NoStore],
        };
}

/// <summary>A header of responses, the same in each of them.</summary>
internal sealed record HeaderDocument(string Name, string Description, JsonSchemaType Type, string Example)
{
    /// <summary>Its key in the description. A header with several meanings needs several keys.</summary>
    public string Key { get; init; } = Name;
}

/// <summary>A problem that operations can respond with.</summary>
/// <param name="Example">
/// A problem that the server itself would send. All problems of the kind have its status and code.
/// </param>
/// <param name="When">The cause.</param>
/// <param name="Headers">The headers of the response besides those of every problem.</param>
internal sealed record ProblemDocument(Problem Example, string When, params HeaderDocument[] Headers)
{
    /// <summary>The name of the example. A code that comes with two statuses needs two names.</summary>
    public string Name { get; init; } = Example.Code;

    /// <summary>Whether only the program responds with it, and no app that embeds the log.</summary>
    public bool IsOfProgram { get; init; }

    public JsonNode Json => Schemas.Json(Example.ToJson());
}

/// <summary>
/// A body in one media type. The first examples of all types of a body have one name: with others, Swagger UI shows
/// none when another type is chosen.
/// </summary>
internal sealed record ContentDocument(string MediaType, ContentSchema Schema, params ExampleDocument[] Examples);

/// <summary>The schema of a body: written out, or that of one of some types.</summary>
internal sealed record ContentSchema(OpenApiSchema? Inline, params Type[] Types)
{
    public static ContentSchema Of(params Type[] types) => new(null, types);

    public static implicit operator ContentSchema(OpenApiSchema inline) => new(inline);
}

/// <summary>An example, with its key and a few words for people.</summary>
internal sealed record ExampleDocument(string Name, string Summary, JsonNode Value);
