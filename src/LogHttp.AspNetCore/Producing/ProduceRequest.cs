using System.Diagnostics.CodeAnalysis;
using LogHttp.AspNetCore.Contract;
using LogHttp.Storage;
using LogHttp.Storage.Records;
using Microsoft.AspNetCore.Http.Features;

namespace LogHttp.AspNetCore.Producing;

/// <summary>
/// A POST of records: the type of its body, and the headers and query that apply to the records (api/PROTOCOL.md §2).
/// Used for one request after the other.
/// </summary>
internal sealed class ProduceRequest
{
    /// <summary>The most that a given timestamp may be ahead of the server's clock, because clocks differ.</summary>
    static readonly TimeSpan TimestampTolerance = TimeSpan.FromHours(1);

    const string KeyParameter = "key";

    readonly TimeProvider _time;

    // Allocated once, and not for each body.
    readonly BodyReader.WholeHandler _addWhole;
    readonly BodyReader.LinesHandler _addLines;
    readonly BodyReader.RecordHandler _addRecord;

    HttpRequest _request = null!;
    BodyType _bodyType = null!;
    RecordMetadata _metadata;
    PartitionedBatch? _batch;
    ReceivedBody? _received;

    // Whether the headers describe a CloudEvent, and the body is its data (binary mode).
    bool _isBinaryEvent;

    /// <summary>Call <see cref="TryRead"/> next.</summary>
    public ProduceRequest(TimeProvider time)
    {
        _time = time;
        _addWhole = value => AddOnly(_batch!, value);
        _addLines = lines => AddLines(_batch!, lines);
        _addRecord = record => AddRecord(_batch!, record);
    }

    public BodyKind Kind => _bodyType.Kind;

    /// <summary>Whether each element of a JSON array is a record.</summary>
    public bool IsArray => _bodyType.IsArray;

    /// <summary>The length that the client announced, or 0 if it announced none.</summary>
    public long AnnouncedBytes => _request.ContentLength ?? 0;

    /// <summary>What becomes of values that are not the text or the JSON that the type says.</summary>
    public InvalidHandling Invalid { get; private set; }

    /// <summary>The requested partition.</summary>
    public int? Partition { get; private set; }

    /// <summary>The producer, if repeats have to be recognized.</summary>
    public ProducerStamp? Producer { get; private set; }

    /// <summary>The key by which repeats of the request have to be recognized.</summary>
    public string? IdempotencyKey { get; private set; }

    /// <summary>Whether the body is appended as it comes, however long it is.</summary>
    public bool IsStream { get; private set; }

    /// <summary>Whether a stream's reports are sent once its body has ended.</summary>
    public bool SendsReportsAtEnd { get; private set; }

    /// <summary>The offset that the first record must get. Null for any.</summary>
    public long? ExpectedNextOffset { get; private set; }

    /// <summary>Reads everything but the body.</summary>
    public bool TryRead(HttpRequest request, [NotNullWhen(false)] out Problem? problem)
    {
        if (
            !request
                .Parameters()
                .HasOnly(["partition", "split", "invalid", "stream", "reports", KeyParameter], out problem)
            || !request.Parameters().TryReadFlag("stream", "true", out var isStream, out problem)
            || !ReportTiming.TryRead(request, isStream, out var sendsReportsAtEnd, out problem)
            || !BodyType.TryRead(request, out var bodyType, out problem)
            || !InvalidValues.TryRead(request, bodyType, out var invalid, out problem)
            || !request.Parameters().TryReadNumber("partition", 0, int.MaxValue, out var partition, out problem)
            || !RecordHeaders.TryRead(
                request.Headers,
                bodyType,
                LatestTimestampMs(_time),
                out var metadata,
                out var isBinaryEvent,
                out problem
            )
            || !TryReadKey(request, bodyType, ref metadata, out problem)
            // An event that comes as JSON has all its attributes there. The headers may repeat them.
            || (
                (isBinaryEvent &= !bodyType.HoldsEvents)
                && !CloudEventHeaders.TryRead(request.Headers, bodyType, ref metadata, out problem)
            )
            || !ProducerHeaders.TryReadProducer(request.Headers, out var producer, out problem)
            || !IdempotencyKeyHeader.TryRead(request.Headers, out var idempotencyKey, out problem)
            || !ProducerHeaders.TryReadExpectedOffset(request.Headers, out var expectedNextOffset, out problem)
        )
            return false;
        if (isStream && !bodyType.HoldsManyRecords)
            problem = Problems.InvalidRequest(
                "invalid_parameter",
                $"stream=true goes with a body of lines (application/x-ndjson, {MediaTypes.Records}, or text/plain "
                    + "with split=lines) or an array (application/json with split=array, or "
                    + $"{MediaTypes.CloudEventBatch})."
            );
        else if (isStream && expectedNextOffset is not null)
            problem = Problems.InvalidRequest(
                "invalid_header",
                "If-Match needs a single batch, and stream=true cuts a body into many."
            );
        else if (idempotencyKey is not null && producer is not null)
            problem = Problems.InvalidRequest(
                "invalid_idempotency_key",
                $"{IdempotencyKeyHeader.Name} and {ProducerHeaders.Id} both tell repeats apart. Send one."
            );
        else if (idempotencyKey is not null && isStream)
            problem = Problems.InvalidRequest(
                "invalid_idempotency_key",
                $"{IdempotencyKeyHeader.Name} needs a single batch in each partition, and stream=true cuts a body into "
                    + $"many. Number the records of a stream ({ProducerHeaders.Id})."
            );
        if (problem is not null)
            return false;
        (_request, _bodyType, _metadata, _isBinaryEvent) = (request, bodyType, metadata, isBinaryEvent);
        (Partition, Producer, ExpectedNextOffset) = ((int?)partition, producer, expectedNextOffset);
        (IdempotencyKey, Invalid) = (idempotencyKey, invalid);
        (IsStream, SendsReportsAtEnd) = (isStream, sendsReportsAtEnd);
        return true;
    }

    /// <summary>Drops all references to the request.</summary>
    public void Clear()
    {
        (_request, _bodyType, _metadata, _batch, Producer) = (null!, null!, default, null, null);
        (_isBinaryEvent, Invalid) = (false, InvalidHandling.Reject);
        _received?.Clear();
    }

    /// <summary>
    /// Reads <c>?key=</c>: the key of a single record, for clients whose headers are limited to Latin-1.
    /// </summary>
    static bool TryReadKey(
        HttpRequest request,
        BodyType bodyType,
        ref RecordMetadata metadata,
        [NotNullWhen(false)] out Problem? problem
    )
    {
        if (!request.Parameters().TryReadText(KeyParameter, out var text, out problem) || text is null)
            return problem is null;
        var bytes = request.Parameters().DecodedBytes(KeyParameter);
        if (bodyType.IgnoresRecordHeaders)
            problem = Problems.InvalidRequest(
                "invalid_parameter",
                $"{KeyParameter} needs a body of a single record, and this body can have many."
            );
        else if (metadata.Key is not null)
            problem = Problems.InvalidRequest(
                "invalid_key",
                $"{KeyParameter} and the header Record-Key both give a key. Send one."
            );
        else if (!System.Text.Unicode.Utf8.IsValid(bytes))
            problem = Problems.InvalidRequest(
                "invalid_key",
                $"{KeyParameter} is not UTF-8 once decoded. Bytes go into keyBase64 of a record object "
                    + $"({MediaTypes.Records})."
            );
        else
            metadata = metadata with { Key = System.Text.Encoding.UTF8.GetString(bytes) };
        return problem is null;
    }

    /// <summary>The body, unpacked if it came packed.</summary>
    /// <param name="budget">Bounds the bytes that unpacking holds.</param>
    /// <param name="maxBytes">The most bytes of the body as it came. A stream may have any size, at any pace.</param>
    /// <param name="maxUnpackedBytes">
    /// The most bytes to unpack for a number of packed bytes. Null: <paramref name="maxBytes"/>, for any number.
    /// </param>
    /// <param name="abandoned">Cancelled when the body is no longer wanted.</param>
    public BodyPieces OpenBody(
        BodyBudget budget,
        long maxBytes,
        Func<long, long>? maxUnpackedBytes = null,
        CancellationToken abandoned = default
    )
    {
        var received = _received ??= new ReceivedBody(_time);
        received.Begin(_request.BodyReader);
        received.MaxBytes = maxBytes;
        received.AnnouncedBytes = AnnouncedBytes;
        received.MinBytesPerSecond = IsStream ? 0 : budget.Limits.MinBytesPerSecond;
        received.Abandoned = abandoned;
        received.Context = _request.HttpContext;
        return _bodyType.Coding is { } coding
            ? new UnpackedBody(received, coding, budget, _request.HttpContext, Unpacking(maxBytes, maxUnpackedBytes))
            : received;
    }

    static Func<long, long> Unpacking(long maxBytes, Func<long, long>? maxUnpackedBytes) =>
        maxUnpackedBytes ?? (_ => maxBytes);

    /// <summary>
    /// Reads the body. Returns its problem, or null. After a problem, the records that were read must not be used.
    /// </summary>
    public async ValueTask<Problem?> ReadIntoAsync(PartitionedBatch batch, BodyReader body)
    {
        _batch = batch;
        // `curl -X POST` without -d: the client hardly meant an empty record. A Content-Length of 0 means an empty
        // record of bytes or text. An event may have no data.
        if (
            _request is { ContentLength: null, HttpContext: var context }
            && !_isBinaryEvent
            && context.Features.Get<IHttpRequestBodyDetectionFeature>() is { CanHaveBody: false }
        )
            return Problems.InvalidRequest("no_records", "The request has no body.");
        if (InvalidValues.Check(Invalid, batch.Values) is { } unsuited)
            return unsuited;
        var problem = _bodyType.HoldsManyRecords
            ? await body.ReadRecordsAsync(
                CreateCutter(),
                batch.MaxUnencodedBytes,
                _addLines,
                _addRecord,
                Problems.RecordTooLarge(batch.MaxRecordBytes)
            )
            : await body.ReadWholeAsync(
                batch.MaxUnencodedBytes,
                _addWhole,
                Problems.RecordTooLarge(batch.MaxRecordBytes)
            );
        return problem ?? (batch.IsEmpty ? Problems.InvalidRequest("no_records", "The body holds no records.") : null);
    }

    /// <summary>Creates the cutter of a body of many records.</summary>
    public RecordCutter CreateCutter() => _bodyType.IsArray ? new ArrayCutter() : new LineCutter();

    /// <summary>
    /// Adds the records of whole lines at the start of a text, as long as they are of the common form.
    /// <see cref="AddRecord"/> takes the others, and finds their problems. Adds nothing if the body has other records
    /// than plain lines.
    /// </summary>
    public AddedLines AddLines(PartitionedBatch batch, ReadOnlySpan<byte> lines, int maxCount = int.MaxValue)
    {
        if (_bodyType.Kind is not (BodyKind.JsonLines or BodyKind.TextLines) || _metadata.Headers is not null)
            return default;
        if (batch.For(Partition, _metadata) is not { } records)
            return default;
        return _bodyType.Kind == BodyKind.TextLines
            ? records.AddTextLines(lines, maxCount)
            : records.AddJsonLines(lines, maxCount);
    }

    /// <summary>
    /// Adds the record of a line, or of an array's element. Returns its problem, and then adds nothing.
    /// </summary>
    public Problem? AddRecord(PartitionedBatch batch, ReadOnlySpan<byte> line)
    {
        if (_bodyType.Kind == BodyKind.TextLines)
            return Add(batch, BodyKind.Text, line is [.., (byte)'\r'] ? line[..^1] : line, _metadata, Partition);
        if (_bodyType.Kind == BodyKind.CloudEventArray)
            return AddEvent(batch, line);
        if (!line.ContainsAnyExcept(" \t\r"u8))
            return null;
        if (_bodyType.Kind is BodyKind.JsonLines or BodyKind.JsonArray)
            return Add(batch, BodyKind.Json, line, _metadata, Partition);
        if (!RecordObject.TryRead(line, LatestTimestampMs(_time), batch.MaxKeyBytes, out var record, out var problem))
            return problem;
        return record.ValueBytes is { } bytes
            ? Add(batch, BodyKind.Bytes, bytes, record.Metadata, record.Partition ?? Partition)
            : Add(batch, BodyKind.Json, record.ValueJson, record.Metadata, record.Partition ?? Partition);
    }

    /// <summary>Adds the only record of a body.</summary>
    Problem? AddOnly(PartitionedBatch batch, ReadOnlySpan<byte> value)
    {
        if (_bodyType.Kind == BodyKind.CloudEvent)
            return AddEvent(batch, value);
        // An event without data has no type of it, or one of JSON, of which nothing is no value.
        if (_isBinaryEvent && value.IsEmpty && (_bodyType.Kind == BodyKind.Json || _request.ContentType is null))
            return Add(batch, BodyKind.Json, "null"u8, _metadata, Partition);
        var problem = Add(batch, _bodyType.Kind, value, _metadata, Partition);
        return problem?.Code == Problems.InvalidJson && _bodyType.Kind == BodyKind.Json && JsonLines.IsLikely(value)
            ? JsonLines.SentAsOneValue()
            : problem;
    }

    /// <summary>Adds a CloudEvent in structured mode.</summary>
    Problem? AddEvent(PartitionedBatch batch, ReadOnlySpan<byte> json) =>
        CloudEvent.TryRead(json, _metadata, batch.MaxHeadersBytes, out var metadata, out var problem)
            ? Add(batch, BodyKind.Json, json, metadata, Partition)
            : problem;

    /// <summary>Computed now, because a stream can be older than the tolerance.</summary>
    public static long LatestTimestampMs(TimeProvider time) =>
        (time.GetUtcNow() + TimestampTolerance).ToUnixTimeMilliseconds();

    Problem? Add(
        PartitionedBatch batches,
        BodyKind kind,
        ReadOnlySpan<byte> value,
        in RecordMetadata metadata,
        int? partition
    )
    {
        if (batches.For(partition, metadata) is not { } batch)
            return Problems.UnknownPartition(partition ?? 0, batches.Partitions);
        var fault = kind switch
        {
            BodyKind.Json => batch.AddJson(value, metadata),
            BodyKind.Text => batch.AddText(value, metadata),
            BodyKind.Form => AddForm(batch, batches.Values, value, metadata),
            BodyKind.Bytes => batch.AddBytes(value, metadata),
            _ => throw new InvalidOperationException($"{kind} is no single record."),
        };
        if (fault is null)
            return null;
        if (Invalid != InvalidHandling.Reject)
        {
            fault = InvalidValues.Add(batch, Invalid, kind == BodyKind.Text, value, metadata, fault);
            batches.InvalidCount += fault is null ? 1 : 0;
        }
        return fault is null ? null : Problems.Of(fault);
    }

    /// <summary>
    /// Adds a form, as `curl -d` calls every body, in the form of values that the topic takes. If the topic takes all
    /// forms, an object or an array is JSON, and anything else is text.
    /// </summary>
    static RecordFault? AddForm(
        RecordBatch batch,
        ValueForm values,
        ReadOnlySpan<byte> body,
        in RecordMetadata metadata
    )
    {
        if (values != ValueForm.Auto)
            return values switch
            {
                ValueForm.Json => batch.AddJson(body, metadata),
                ValueForm.Text => batch.AddText(body, metadata),
                _ => batch.AddBytes(body, metadata),
            };
        var looksLikeJson = body.TrimStart(" \t\r\n"u8) is [(byte)'{' or (byte)'[', ..];
        var fault = looksLikeJson ? batch.AddJson(body, metadata) : null;
        return looksLikeJson && fault?.Code != RecordFaultCode.InvalidJson ? fault : batch.AddText(body, metadata);
    }
}
