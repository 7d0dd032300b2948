namespace LogHttp.AspNetCore.Contract;

/// <summary>The names of query parameters that several rooms read.</summary>
internal static class QueryNames
{
    public const string Partition = "partition";
    public const string TopicId = "v";

    /// <summary>
    /// For clients that cannot set the header: event-source-polyfill comes back with it in the query.
    /// </summary>
    public const string LastEventId = "lastEventId";
}
