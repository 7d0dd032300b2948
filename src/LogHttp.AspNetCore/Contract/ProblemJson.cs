using System.ComponentModel;

namespace LogHttp.AspNetCore.Contract;

/// <summary>An error, in the form of RFC 9457.</summary>
/// <param name="Title">The status in words.</param>
/// <param name="Status">The status.</param>
/// <param name="Detail">The error and its remedy, for people.</param>
/// <param name="Code">The error, for programs. Stable across versions.</param>
/// <param name="Retryable">
/// Whether the same request may succeed later, without a restart of the server. Then `Retry-After` is sent.
/// </param>
/// <param name="Line">The line of the error, from 1 on. Only for bodies of lines.</param>
/// <param name="Element">
/// The element of the error, from 1 on. Only for bodies of `split=array` and batches of CloudEvents.
/// </param>
/// <param name="EarliestOffset">The earliest available offset. Only with `offset_gone`.</param>
/// <param name="EndOffset">
/// The offset after the last record. Only with `offset_beyond_end` and `offset_not_next`.
/// </param>
/// <param name="NextOffset">
/// The offset after the damaged block, where readers continue. Only with `corrupt_block`, if it is known.
/// </param>
/// <param name="ExpectedSequence">
/// The sequence of the producer's next record. Only with `sequence_gap`, `sequence_forgotten` and `batch_differs`.
/// </param>
/// <param name="Epoch">The epoch that the producer continues with. Only with `epoch_ended`.</param>
[DisplayName("Problem")]
internal sealed record ProblemJson(
    string Title,
    int Status,
    string Detail,
    string Code,
    bool Retryable,
    long? Line,
    long? Element,
    long? EarliestOffset,
    long? EndOffset,
    long? NextOffset,
    long? ExpectedSequence,
    long? Epoch
);
