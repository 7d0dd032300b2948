using System.ComponentModel;
using LogHttp.AspNetCore.Contract;
using LogHttp.AspNetCore.Fetching;
using LogHttp.Storage;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Net.Http.Headers;

namespace LogHttp.AspNetCore.Endpoints;

/// <summary><c>GET /</c>: the server's version, formats and features (api/PROTOCOL.md §0).</summary>
internal static class ServerEndpoint
{
    /// <summary>Ask what the server is and supports</summary>
    /// <remarks>
    /// With `Accept: application/json`, returns the server's name, version, API version, formats, features and reserved
    /// names. Clients ignore fields and features that they do not know.
    ///
    /// Other requests, such as those of browsers, are redirected to this page. `HEAD` gets the same without the body.
    /// </remarks>
    /// <param name="context">The request.</param>
    /// <param name="version">The version of the program.</param>
    /// <param name="page">The page for people, relative to the root.</param>
    /// <response code="200">The server's description.</response>
    /// <response code="302">`Accept` does not prefer JSON. `Location` leads to the page.</response>
    /// <response code="304">The request has `If-None-Match: *`.</response>
    [Operation("describeServer"), Tags("Server")]
    [ProducesResponseType<ServerDescription>(200)]
    [ResponseHeaders("Vary", 200, 302, 304)]
    [ResponseHeaders("No-Store", 200, 304)]
    [ResponseHeaders("Location", 302)]
    [FailsWith("invalid_parameter untagged_condition_failed")]
    public static IResult Handle(HttpContext context, string version, string page)
    {
        context.Response.Headers.Vary = HeaderNames.Accept;
        if (!Representations.PrefersJson(context.Request))
            return TypedResults.Redirect(page);
        if (!context.Request.Parameters().HasOnly([], out var problem))
            return problem;
        if (Preconditions.CheckUntagged(context) is { } otherwise)
            return otherwise;
        context.Response.Headers.CacheControl = CachePolicy.NoStore;
        return new JsonResponse<ServerDescription>(
            StatusCodes.Status200OK,
            ServerDescription.Of(version),
            ResponseJson.Readable.ServerDescription
        );
    }
}

/// <summary>The server's version, formats and features.</summary>
/// <param name="Name">`LogHttp`.</param>
/// <param name="Version">The version of the server.</param>
/// <param name="ApiVersion">The version of this API. A change that breaks clients raises it.</param>
/// <param name="Formats">The media types of records.</param>
/// <param name="Features">The parts of the API that this server has. More may follow.</param>
/// <param name="ReservedNames">The names that are the server's own.</param>
[DisplayName("Server")]
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
                    MediaTypes.CloudEvent,
                    MediaTypes.CloudEventBatch,
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
                "split-array",
                "cloudevents",
                "content-encoding",
                "idempotent-producer",
                "idempotency-key",
                "if-match-offset",
                "long-poll",
                "follow",
                "multi-topic-stream",
                "stream-bookmarks",
                "bounded-reads",
                "relative-times",
                "key-lookup",
                "partition-growth",
                "retention",
                "trim",
                "verify",
                "confluent-rest-proxy-v2",
            ],
            new ReservedNames(TopicName.ReservedPrefix, TopicName.ReservedPrefix)
        );
}

/// <summary>The media types of records.</summary>
/// <param name="Produce">
/// Media types that are read as records. A body of any other type is one record of bytes.
/// </param>
/// <param name="Fetch">Media types of responses with records.</param>
internal sealed record ServerFormats(string[] Produce, string[] Fetch);

/// <summary>The prefixes of the names that only the server creates.</summary>
/// <param name="Topics">The prefix of topics.</param>
/// <param name="Groups">The prefix of consumer groups.</param>
internal sealed record ReservedNames(string Topics, string Groups);
