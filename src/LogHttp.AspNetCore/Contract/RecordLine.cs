using System.ComponentModel;

namespace LogHttp.AspNetCore.Contract;

/// <summary>The fields of a record that producers choose, for the API's description.</summary>
/// <param name="Key">The key, if it is text.</param>
/// <param name="KeyBase64">The key, if it is other bytes.</param>
/// <param name="Headers">
/// An object with names in lower case. A value is a string, or an array of strings for a repeated name. If an object
/// would lose order, case, nulls or bytes: an array of pairs. A pair has a name and a string, `null` or
/// `{"base64":"…"}`.
/// </param>
/// <param name="Value">The value, if it is JSON or text: any JSON value, kept as it came.</param>
/// <param name="ValueBase64">The value, if it is bytes.</param>
internal abstract record RecordContent(
    string? Key = null,
    byte[]? KeyBase64 = null,
    object? Headers = null,
    object? Value = null,
    byte[]? ValueBase64 = null
);

/// <summary>A record, as it is in the log: one line. The fields are in this order.</summary>
/// <param name="Offset">Its number in the partition. Offsets increase and may have gaps.</param>
/// <param name="Timestamp">Unix milliseconds: the server's time, or the one in the request.</param>
/// <param name="Batch">
/// On the first record of a batch of two or more: the number of its records. After a crash all of them are there, or
/// none.
/// </param>
/// <remarks>For the API's description. The program copies such lines, and has no other type for them.</remarks>
[DisplayName("Record")]
internal sealed record RecordLine(long Offset, long Timestamp, long? Batch = null) : RecordContent;

/// <summary>
/// A record to append, with either `value` or `valueBase64`. `offset`, `batch`, `producer`, `commit` and `idempotency`
/// are ignored, so that the response of a fetch can be sent to another topic.
/// </summary>
/// <param name="Timestamp">Unix milliseconds, at most an hour ahead. Default: the server's time.</param>
/// <param name="Partition">The partition to append to. Default: the request's, or else the key's.</param>
/// <remarks>For the API's description. RecordObject reads such lines.</remarks>
[DisplayName("NewRecord")]
internal sealed record NewRecordLine(long? Timestamp = null, long? Partition = null) : RecordContent;
