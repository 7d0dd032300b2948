namespace LogHttp.AspNetCore.Contract;

/// <summary>A problem's members: RFC 9457's, ours, and those that only some have.</summary>
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
