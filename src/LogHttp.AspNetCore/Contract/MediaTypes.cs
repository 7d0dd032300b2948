namespace LogHttp.AspNetCore.Contract;

/// <summary>The media types that several namespaces use.</summary>
internal static class MediaTypes
{
    /// <summary>Record lines (api/FORMAT.md §1).</summary>
    public const string Records = "application/vnd.loghttp.records+ndjson";

    /// <summary>A CloudEvent as JSON: structured mode.</summary>
    public const string CloudEvent = "application/cloudevents+json";

    /// <summary>CloudEvents in a JSON array: batched mode.</summary>
    public const string CloudEventBatch = "application/cloudevents-batch+json";

    /// <summary>Server-sent events (api/PROTOCOL.md §10).</summary>
    public const string Events = "text/event-stream";
}
