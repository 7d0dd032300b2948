namespace LogHttp.AspNetCore.Contract;

/// <summary>The media types that several namespaces use.</summary>
internal static class MediaTypes
{
    /// <summary>Record lines (api/FORMAT.md §1).</summary>
    public const string Records = "application/vnd.loghttp.records+ndjson";

    /// <summary>Server-sent events (api/PROTOCOL.md §10).</summary>
    public const string Events = "text/event-stream";
}
