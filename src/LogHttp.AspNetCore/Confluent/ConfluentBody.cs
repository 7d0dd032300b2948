using System.Globalization;
using System.Text.Json;
using System.Text.Unicode;
using LogHttp.AspNetCore.Contract;
using LogHttp.AspNetCore.Producing;
using LogHttp.Storage.Records;
using LogHttp.Storage.Text;

namespace LogHttp.AspNetCore.Confluent;

/// <summary>
/// Reads <c>{"records":[{"key","value","partition","timestamp","headers"}]}</c> into batches. Keeps the outcome of each
/// record, because the response has one entry for each. For one thread.
/// </summary>
/// <param name="kind">Whether keys and values are JSON or Base64.</param>
/// <param name="batches">The batches that records are added to.</param>
/// <param name="outcomes">Takes the outcomes of the records, in their order.</param>
/// <param name="partition">The partition of records that name none.</param>
/// <param name="isAllOrNothing">Whether a record that fails makes the whole request fail.</param>
/// <param name="maxBatchBytes">
/// The most bytes of all records, including failed ones, with <see cref="RecordOverheadBytes"/> for each.
/// </param>
/// <param name="latestTimestampMs">A later timestamp of a record is rejected.</param>
/// <param name="aborted">Cancelled when the client has disconnected.</param>
internal sealed class ConfluentBody(
    BodyKind kind,
    PartitionedBatch batches,
    ConfluentOutcomes outcomes,
    int? partition,
    bool isAllOrNothing,
    int maxBatchBytes,
    long latestTimestampMs,
    CancellationToken aborted
)
{
    /// <summary>
    /// The bytes that a record counts besides its value, as in a batch. 60 MB of records for an unknown partition had
    /// four million outcomes, and a response of 450 MB.
    /// </summary>
    const int RecordOverheadBytes = 77;

    /// <summary>The number of records read between two checks of the client and the budget.</summary>
    const int TurnRecords = 4096;

    /// <summary>
    /// The deepest value, in a record, in the array, in the object. One level more lets the batch reject the value with
    /// its own message.
    /// </summary>
    const int MaxDepth = 64;

    const int MaxTimestampBytes = 64;

    // One object for all, because a body can have millions of such records.
    readonly Problem _unknownPartition = Problems.UnknownPartition(null, batches.Partitions);

    readonly Problem _keyTooLarge = Problems.KeyTooLarge(batches.MaxKeyBytes);
    readonly Problem _headersTooLarge = Problems.HeadersTooLarge(batches.MaxHeadersBytes);

    /// <summary>
    /// Reads a whole body. Returns its problem, or null. After a problem, the records that were read must not be used.
    /// </summary>
    public Problem? Read(ReadOnlySpan<byte> body)
    {
        body = ByteOrderMark.Skip(body);
        if (body.Trim(" \t\r\n"u8).IsEmpty)
            return NoRecords();
        // Utf8JsonReader lets invalid UTF-8 inside strings pass, so this is checked first.
        if (!Utf8.IsValid(body))
            return Problems.InvalidRequest("invalid_utf8", "The body is not valid UTF-8.");
        try
        {
            var reader = new Utf8JsonReader(body, new JsonReaderOptions { MaxDepth = MaxDepth });
            return Read(ref reader, body);
        }
        catch (JsonException exception)
        {
            return Problems.InvalidRequest(
                "invalid_json",
                $"The body is not valid JSON at {JsonFault.Describe(exception)}"
            );
        }
    }

    Problem? Read(scoped ref Utf8JsonReader reader, ReadOnlySpan<byte> body)
    {
        reader.Read();
        if (reader.TokenType != JsonTokenType.StartObject)
            return Invalid("The body is not an object. It has to be {\"records\":[{\"value\":…}]}.");
        var hasRecords = false;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (Is(ref reader, "records"u8))
            {
                if (hasRecords)
                    return Invalid("records stands there twice.");
                hasRecords = true;
                reader.Read();
                if (ReadRecords(ref reader, body) is { } problem)
                    return problem;
            }
            // These two media types have no schemas. The REST Proxy ignores these fields too.
            else if (
                Is(ref reader, "key_schema"u8)
                || Is(ref reader, "key_schema_id"u8)
                || Is(ref reader, "value_schema"u8)
                || Is(ref reader, "value_schema_id"u8)
            )
                reader.Skip();
            else
                return Unrecognized(ref reader);
        }
        // Reads once more, so that the reader rejects anything behind the object.
        reader.Read();
        return outcomes.Count == 0 ? NoRecords()
            : outcomes.TryHold() ? null
            : Problems.ReadingBudgetExhausted();
    }

    Problem? ReadRecords(scoped ref Utf8JsonReader reader, ReadOnlySpan<byte> body)
    {
        if (reader.TokenType == JsonTokenType.Null)
            return null;
        if (reader.TokenType != JsonTokenType.StartArray)
            return Invalid("records is not an array.");
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            var problem =
                outcomes.Count < maxBatchBytes / RecordOverheadBytes ? ReadRecord(ref reader, body) : TooManyRecords();
            if (problem is not null)
                return problem with
                {
                    Detail = string.Create(
                        CultureInfo.InvariantCulture,
                        $"Record {outcomes.Count + 1}: {problem.Detail}"
                    ),
                };
            if (outcomes.Count % TurnRecords != 0)
                continue;
            aborted.ThrowIfCancellationRequested();
            if (!outcomes.TryHold())
                return Problems.ReadingBudgetExhausted();
        }
        return null;
    }

    Problem? ReadRecord(scoped ref Utf8JsonReader reader, ReadOnlySpan<byte> body)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
            return Invalid("It is not an object. It has to be {\"value\":…}.");
        var (seen, number, metadata) = (Field.None, (int?)null, default(RecordMetadata));
        var json = "null"u8;
        byte[]? bytes = null;
        long? timestampMs = null;
        List<RecordHeader>? headers = null;
        Problem? tooLarge = null;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var field =
                Is(ref reader, "key"u8) ? Field.Key
                : Is(ref reader, "value"u8) ? Field.Value
                : Is(ref reader, "partition"u8) ? Field.Partition
                : Is(ref reader, "timestamp"u8) ? Field.Timestamp
                : Is(ref reader, "headers"u8) ? Field.Headers
                : Field.None;
            if (field == Field.None)
                return Unrecognized(ref reader);
            if (seen.HasFlag(field))
                return Invalid($"{Excerpt.Of(reader.ValueSpan)} stands there twice.");
            seen |= field;
            reader.Read();
            if (reader.TokenType == JsonTokenType.Null)
                continue;
            switch (field)
            {
                case Field.Partition
                    when reader.TokenType != JsonTokenType.Number || !reader.TryGetInt32(out var given) || given < 0:
                    return Invalid("partition is not a whole number from 0 on.");
                case Field.Partition:
                    number = reader.GetInt32();
                    break;
                case Field.Timestamp when (timestampMs = ReadTimestamp(ref reader)) is null:
                    return Invalid(
                        "timestamp is neither a number of Unix milliseconds nor a time such as "
                            + "\"2026-11-22T10:00:00Z\", at most an hour ahead."
                    );
                case Field.Headers:
                    headers = [];
                    if (
                        ConfluentHeaders.Read(ref reader, batches.MaxHeadersBytes, headers, out var areTooLarge) is
                        { } invalid
                    )
                        return invalid;
                    if (areTooLarge)
                        tooLarge ??= _headersTooLarge;
                    break;
                case Field.Key when ReadKey(ref reader, body, out metadata) is { } problem:
                    if (problem != _keyTooLarge)
                        return problem;
                    tooLarge = problem;
                    break;
                case Field.Value when kind == BodyKind.ConfluentJson:
                    json = Slice(ref reader, body);
                    break;
                case Field.Value
                    when reader.TokenType == JsonTokenType.String
                        && JsonSizes.MinBase64Bytes(ref reader) > batches.MaxRecordBytes:
                    tooLarge ??= Problems.RecordTooLarge(batches.MaxRecordBytes);
                    break;
                case Field.Value when !Base64Text.TryRead(ref reader, out bytes):
                    return Invalid("value is not a string of Base64.");
            }
        }
        // The record is rejected before it is decoded, and by itself, as the batch rejects one.
        if (tooLarge is not null)
            return Fail(tooLarge);
        metadata = metadata with { TimestampMs = timestampMs, HeaderPairs = headers };
        return Add(number ?? partition, metadata, json, bytes);
    }

    Problem? Add(int? number, in RecordMetadata metadata, ReadOnlySpan<byte> json, byte[]? bytes)
    {
        if (batches.For(number, metadata) is not { } batch)
            return Fail(_unknownPartition);
        var fault = bytes is null ? batch.AddJson(json, metadata) : batch.AddBytes(bytes, metadata);
        if (fault is null)
            outcomes.AddAccepted(batch);
        return fault?.Code switch
        {
            null => null,
            // The records before it have filled the batch, and those behind it do not fit either.
            RecordFaultCode.BatchTooLarge => Problems.Of(fault),
            RecordFaultCode.RecordTooLarge
            or RecordFaultCode.InvalidKey
            or RecordFaultCode.InvalidHeader
            or RecordFaultCode.InvalidValue => Fail(Problems.Of(fault)),
            _ => Problems.Of(fault),
        };
    }

    Problem? Fail(Problem problem)
    {
        if (isAllOrNothing)
            return problem;
        outcomes.AddFailed(problem);
        return null;
    }

    /// <summary>
    /// Reads a key. A JSON string is used as it is, so that the record goes to the same partition as a native client's.
    /// Another value is used as its JSON text without white space.
    /// </summary>
    Problem? ReadKey(scoped ref Utf8JsonReader reader, ReadOnlySpan<byte> body, out RecordMetadata metadata)
    {
        metadata = default;
        var isString = reader.TokenType == JsonTokenType.String;
        if (kind == BodyKind.ConfluentBinary)
        {
            if (isString && JsonSizes.MinBase64Bytes(ref reader) > batches.MaxKeyBytes)
                return _keyTooLarge;
            if (!Base64Text.TryRead(ref reader, out var bytes))
                return Invalid("key is not a string of Base64.");
            metadata = new() { KeyBytes = bytes };
            return null;
        }
        if (!isString)
        {
            if (Compact(Slice(ref reader, body), batches.MaxKeyBytes) is not { } compact)
                return _keyTooLarge;
            metadata = new() { KeyBytes = compact };
            return null;
        }
        if (JsonSizes.MinTextBytes(ref reader) > batches.MaxKeyBytes)
            return _keyTooLarge;
        try
        {
            metadata = new() { Key = reader.GetString() };
            return null;
        }
        catch (InvalidOperationException)
        {
            // Half of a surrogate pair, escaped: legal in JSON, but not Unicode text.
            return Invalid("key is not Unicode text: it holds half of a surrogate pair.");
        }
    }

    long? ReadTimestamp(scoped ref Utf8JsonReader reader) =>
        reader.TokenType switch
        {
            JsonTokenType.Number when reader.TryGetInt64(out var given) && given >= 0 && given <= latestTimestampMs =>
                given,
            // The longest time has a fraction of any length. A longer text is not decoded.
            JsonTokenType.String when reader.ValueSpan.Length <= MaxTimestampBytes && !reader.ValueIsEscaped =>
                RecordHeaders.ParseTimestamp(reader.GetString(), latestTimestampMs),
            _ => null,
        };

    /// <summary>The value at the reader's position, as it came.</summary>
    static ReadOnlySpan<byte> Slice(scoped ref Utf8JsonReader reader, ReadOnlySpan<byte> body)
    {
        var start = (int)reader.TokenStartIndex;
        reader.Skip();
        return body[start..(int)reader.BytesConsumed];
    }

    /// <summary>
    /// Removes the white space between tokens. Returns null if more than <paramref name="maxBytes"/> remain.
    /// </summary>
    static byte[]? Compact(ReadOnlySpan<byte> json, int maxBytes)
    {
        var compact = new List<byte>(Math.Min(json.Length, maxBytes));
        var isInString = false;
        for (var i = 0; i < json.Length; i++)
        {
            if (isInString && json[i] == '\\')
                compact.Add(json[i++]);
            else if (json[i] == '"')
                isInString = !isInString;
            if (isInString || json[i] is not ((byte)' ' or (byte)'\t' or (byte)'\r' or (byte)'\n'))
                compact.Add(json[i]);
            if (compact.Count > maxBytes)
                return null;
        }
        return [.. compact];
    }

    public static bool Is(scoped ref Utf8JsonReader reader, ReadOnlySpan<byte> name)
    {
        try
        {
            return reader.ValueTextEquals(name);
        }
        catch (InvalidOperationException)
        {
            // Half of a surrogate pair, escaped: no field has such a name.
            return false;
        }
    }

    Problem TooManyRecords() =>
        Problems.Of(
            new RecordFault(
                RecordFaultCode.BatchTooLarge,
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"The request has more than {maxBatchBytes / RecordOverheadBytes} records; each counts "
                        + $"{RecordOverheadBytes} bytes besides its value (MaxBatchBytes is {maxBatchBytes})."
                )
            )
        );

    static Problem NoRecords() =>
        new(
            StatusCodes.Status422UnprocessableEntity,
            "no_records",
            "There are no records. The body has to be {\"records\":[{\"value\":…}]}."
        );

    public static Problem Unrecognized(scoped ref Utf8JsonReader reader) =>
        Invalid($"Unrecognized field: {Excerpt.Of(reader.ValueSpan)}");

    public static Problem Invalid(string detail) =>
        new(StatusCodes.Status422UnprocessableEntity, "invalid_record", detail);

    [Flags]
    enum Field
    {
        None = 0,
        Key = 1,
        Value = 2,
        Partition = 4,
        Timestamp = 8,
        Headers = 16,
    }
}
