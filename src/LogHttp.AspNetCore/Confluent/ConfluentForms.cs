using System.ComponentModel.DataAnnotations;
using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Mvc;
using static System.Text.Json.Serialization.JsonIgnoreCondition;

namespace LogHttp.AspNetCore.Confluent;

/// <summary>The partition of a path, for the API's description.</summary>
internal interface IPartitionPath
{
    /// <summary>The partition of records that have no `partition`.</summary>
    /// <example>0</example>
    [FromRoute, Range(0, 1023)]
    int Partition { get; }
}

// The bodies of Confluent's REST Proxy, version 2, for the API's description. ConfluentBody reads them, and
// ConfluentResponse writes them.

/// <summary>The fields of a request that have no effect: there is no schema registry.</summary>
/// <param name="KeySchema">Ignored.</param>
/// <param name="KeySchemaId">Ignored.</param>
/// <param name="ValueSchema">Ignored.</param>
/// <param name="ValueSchemaId">Ignored.</param>
internal abstract record ConfluentRequest(
    [property: JsonPropertyName("key_schema")] object? KeySchema = null,
    [property: JsonPropertyName("key_schema_id")] object? KeySchemaId = null,
    [property: JsonPropertyName("value_schema")] object? ValueSchema = null,
    [property: JsonPropertyName("value_schema_id")] object? ValueSchemaId = null
);

/// <summary>A request of Confluent's REST Proxy: keys and values are JSON.</summary>
/// <param name="Records">At least one.</param>
internal sealed record ConfluentJsonRequest([property: MinLength(1)] ConfluentJsonRecord[] Records) : ConfluentRequest;

/// <summary>A request of Confluent's REST Proxy: keys and values are bytes, as Base64.</summary>
/// <param name="Records">At least one.</param>
internal sealed record ConfluentBinaryRequest([property: MinLength(1)] ConfluentBinaryRecord[] Records)
    : ConfluentRequest;

/// <summary>A record with JSON.</summary>
/// <param name="Key">Any JSON value. A string is the key itself. Any other value is the key as JSON text.</param>
/// <param name="Value">Any JSON value, kept as it came. Default: `null`.</param>
/// <param name="Partition">The partition to append to. Default: the request's, or else the key's.</param>
/// <param name="Timestamp">
/// Unix milliseconds, or an ISO time as a string, at most an hour ahead. Default: the server's time.
/// </param>
/// <param name="Headers">The record's headers, with their order and case.</param>
internal sealed record ConfluentJsonRecord(
    object? Key,
    object? Value,
    int? Partition,
    object? Timestamp = null,
    ConfluentHeader[]? Headers = null
);

/// <summary>A record with bytes.</summary>
/// <param name="Key">The key's bytes.</param>
/// <param name="Value">The value's bytes. Default: the JSON value `null`.</param>
/// <param name="Partition">The partition to append to. Default: the request's, or else the key's.</param>
/// <param name="Timestamp">
/// Unix milliseconds, or an ISO time as a string, at most an hour ahead. Default: the server's time.
/// </param>
/// <param name="Headers">The record's headers, with their order and case.</param>
internal sealed record ConfluentBinaryRecord(
    byte[]? Key,
    byte[]? Value,
    int? Partition,
    object? Timestamp = null,
    ConfluentHeader[]? Headers = null
);

/// <summary>A header, in the form of version 3 of the REST Proxy.</summary>
/// <param name="Name">The name. Its case is kept.</param>
/// <param name="Value">The value's bytes. Bytes that are UTF-8 are kept as text. Default: null.</param>
internal sealed record ConfluentHeader(string Name, byte[]? Value);

/// <summary>The position of each record, in the order of the request.</summary>
/// <param name="Offsets">One entry for each record.</param>
/// <param name="KeySchemaId">Always null: there is no schema registry.</param>
/// <param name="ValueSchemaId">Always null: there is no schema registry.</param>
internal sealed record ConfluentOffsets(
    [property: MinLength(1)] ConfluentOffset[] Offsets,
    [property: JsonPropertyName("key_schema_id"), JsonIgnore(Condition = Never)] int? KeySchemaId = null,
    [property: JsonPropertyName("value_schema_id"), JsonIgnore(Condition = Never)] int? ValueSchemaId = null
);

/// <summary>The record's position, or the reason why it is not in the log.</summary>
/// <param name="Partition">The partition. Null if the record is not in the log.</param>
/// <param name="Offset">The record's offset. Null if the record is not in the log.</param>
/// <param name="ErrorCode">
/// Null if the record is in the log. 50003: the same record may be accepted later. 50002: it will not be.
/// </param>
/// <param name="Error">Null, or the error, for people.</param>
internal sealed record ConfluentOffset(
    [property: JsonIgnore(Condition = Never)] int? Partition,
    [property: JsonIgnore(Condition = Never)] long? Offset,
    [property: JsonPropertyName("error_code"), JsonIgnore(Condition = Never)] int? ErrorCode = null,
    [property: JsonIgnore(Condition = Never)] string? Error = null
);
