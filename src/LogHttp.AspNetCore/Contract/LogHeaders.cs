namespace LogHttp.AspNetCore.Contract;

/// <summary>The names of our own response headers about a log's offsets (api/PROTOCOL.md §3).</summary>
internal static class LogHeaders
{
    public const string TopicId = "Log-Topic-Id";
    public const string Partition = "Log-Partition";
    public const string FirstOffset = "Log-First-Offset";
    public const string NextOffset = "Log-Next-Offset";
    public const string EndOffset = "Log-End-Offset";
    public const string EarliestOffset = "Log-Earliest-Offset";
}
