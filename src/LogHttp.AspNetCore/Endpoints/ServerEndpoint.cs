using LogHttp.AspNetCore.Contract;
using LogHttp.AspNetCore.Fetching;
using LogHttp.Storage;
using Microsoft.Net.Http.Headers;

namespace LogHttp.AspNetCore.Endpoints;

/// <summary><c>GET /</c>: the server's version, formats and features (api/PROTOCOL.md §0).</summary>
internal static class ServerEndpoint
{
    /// <param name="context">The request.</param>
    /// <param name="version">The version of the program.</param>
    /// <param name="page">The page for people, relative to the root.</param>
    public static IResult Handle(HttpContext context, string version, string page)
    {
        context.Response.Headers.Vary = HeaderNames.Accept;
        if (!Representations.PrefersJson(context.Request))
            return TypedResults.Redirect(page);
        if (!context.Request.Query.HasOnly([], out var problem))
            return problem;
        if (Preconditions.CheckUntagged(context) is { } otherwise)
            return otherwise;
        context.Response.Headers.CacheControl = CachePolicy.NoStore;
        return new Answer<ServerDescription>(
            StatusCodes.Status200OK,
            ServerDescription.Of(version),
            ResponseJson.Readable.ServerDescription
        );
    }
}

/// <summary>What a server is and supports.</summary>
internal sealed record ServerDescription(
    string Name,
    string Version,
    int ApiVersion,
    ServerFormats Formats,
    string[] Features,
    ReservedNames ReservedNames
)
{
    public static ServerDescription Of(string version) =>
        new(
            "LogHttp",
            version,
            1,
            new ServerFormats(
                [
                    "application/json",
                    "application/x-ndjson",
                    "text/plain",
                    MediaTypes.Records,
                    ConfluentType.Json,
                    ConfluentType.Binary,
                ],
                [
                    .. Enum.GetValues<Representation>()
                        .Select(static form => form.ContentType().Split(';')[0])
                        .Distinct()
                        .Append(MediaTypes.Events),
                ]
            ),
            [
                "produce-stream",
                "content-encoding",
                "idempotent-producer",
                "if-match-offset",
                "long-poll",
                "follow",
                "multi-topic-stream",
                "key-lookup",
                "retention",
                "trim",
                "verify",
                "confluent-rest-proxy-v2",
            ],
            new ReservedNames(TopicName.ReservedPrefix, TopicName.ReservedPrefix)
        );
}

/// <summary>Media types.</summary>
/// <param name="Produce">Those that requests may have, beside any other type for bytes.</param>
/// <param name="Fetch">Those that responses may have.</param>
internal sealed record ServerFormats(string[] Produce, string[] Fetch);

/// <summary>Prefixes of names that clients cannot create.</summary>
internal sealed record ReservedNames(string Topics, string Groups);
