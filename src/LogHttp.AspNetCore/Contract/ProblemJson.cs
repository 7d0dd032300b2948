namespace LogHttp.AspNetCore.Contract;

/// <summary>A problem's members: those of RFC 9457, ours, and those that only some problems have.</summary>
internal sealed record ProblemJson(
    string Title,
    int Status,
    string Detail,
    string Code,
    bool Retryable,
    long? Line,
    long? EarliestOffset,
    long? EndOffset,
    long? NextOffset,
    long? ExpectedSequence,
    long? Epoch
);
