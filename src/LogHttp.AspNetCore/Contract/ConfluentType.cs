namespace LogHttp.AspNetCore.Contract;

/// <summary>The media types of Confluent's REST Proxy, version 2 (api/PROTOCOL.md §13).</summary>
internal static class ConfluentType
{
    public const string Json = "application/vnd.kafka.json.v2+json";
    public const string Binary = "application/vnd.kafka.binary.v2+json";

    /// <summary>The type of responses.</summary>
    public const string Response = "application/vnd.kafka.v2+json";

    public const string Unversioned = "application/vnd.kafka+json";
    const string Family = "application/vnd.kafka";

    /// <summary>
    /// Whether the REST Proxy would take a request. Then every response to it has to be in the proxy's form.
    /// </summary>
    public static bool IsOf(HttpRequest request) =>
        request.ContentType is { } type && IsOfFamily(type) && HttpMethods.IsPost(request.Method);

    public static bool IsOfFamily(string type) =>
        type.StartsWith(Family, StringComparison.OrdinalIgnoreCase)
        && type.Length > Family.Length
        && type[Family.Length] is ('.' or '+');
}
