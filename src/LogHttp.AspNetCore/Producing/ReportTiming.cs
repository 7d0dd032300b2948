using System.Diagnostics.CodeAnalysis;
using LogHttp.AspNetCore.Contract;
using LogHttp.Storage.Text;

namespace LogHttp.AspNetCore.Producing;

/// <summary>
/// When a stream's reports are sent: as batches are committed, or once the body has ended (api/PROTOCOL.md §14).
/// </summary>
internal static class ReportTiming
{
    const string Parameter = "reports";

    /// <summary>
    /// Reads <c>?reports=</c>. Without it, reports wait for the end of the body if the request came through a proxy.
    /// </summary>
    public static bool TryRead(
        HttpRequest request,
        bool isStream,
        out bool sendAtEnd,
        [NotNullWhen(false)] out Problem? problem
    )
    {
        sendAtEnd = false;
        if (!request.Parameters().TryReadText(Parameter, out var text, out problem))
            return false;
        if (text is not (null or "live" or "end"))
            problem = Problems.InvalidRequest(
                "invalid_parameter",
                $"{Parameter} is \"{Excerpt.Of(text)}\". Supported: live, end."
            );
        else if (text is not null && !isStream)
            problem = Problems.InvalidRequest("invalid_parameter", $"{Parameter} goes with stream=true.");
        sendAtEnd = isStream && (text is null ? CameThroughProxy(request) : text == "end");
        return problem is null;
    }

    /// <summary>
    /// Whether a proxy forwarded the request. Many proxies send a response to the client only once they have the whole
    /// request. nginx stops forwarding the body when the reports fill its socket, after 8 MB and more of body. The
    /// stream then hangs permanently.
    /// </summary>
    static bool CameThroughProxy(HttpRequest request)
    {
        // HTTP/1.0 has no chunks, so nothing can be sent before the end.
        if (HttpProtocol.IsHttp10(request.Protocol))
            return true;
        foreach (var (name, _) in request.Headers)
        {
            // X-Original-For: if TrustedProxies is set, the framework renames X-Forwarded-For once it has read it.
            if (
                name.Equals("Via", StringComparison.OrdinalIgnoreCase)
                || name.Equals("Forwarded", StringComparison.OrdinalIgnoreCase)
                || name.StartsWith("X-Forwarded-", StringComparison.OrdinalIgnoreCase)
                || name.Equals("X-Original-For", StringComparison.OrdinalIgnoreCase)
            )
                return true;
        }
        return false;
    }
}
