namespace LogHttp.AspNetCore.Contract;

/// <summary>The names of query parameters that several namespaces read.</summary>
internal static class QueryNames
{
    public const string Partition = "partition";
    public const string TopicId = "v";
    public const string Limit = "limit";
    public const string Until = "until";

    /// <summary>
    /// For clients that cannot set the header: event-source-polyfill sends it in the query when it reconnects.
    /// </summary>
    public const string LastEventId = "lastEventId";
}
