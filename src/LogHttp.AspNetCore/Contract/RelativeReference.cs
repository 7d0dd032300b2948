namespace LogHttp.AspNetCore.Contract;

/// <summary>
/// URLs in responses are relative to the request's own (RFC 3986 §4.2). So they hold behind a proxy that serves this
/// server below a prefix, without a setting on either side.
/// </summary>
internal static class RelativeReference
{
    /// <summary>
    /// The prefix of a reference that replaces the path's last segment. Routing ignores a slash at the end of a path,
    /// but a client that resolves the reference counts the empty segment behind it.
    /// </summary>
    public static string PrefixOf(HttpRequest request) => request.Path.Value is [.., '/'] ? "../" : "";
}
