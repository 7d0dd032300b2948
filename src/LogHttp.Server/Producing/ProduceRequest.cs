using System.Diagnostics.CodeAnalysis;
using LogHttp.Server.Endpoints;
using LogHttp.Storage.Records;

namespace LogHttp.Server.Producing;

/// <summary>A POST of records: how its body is to be read, and what its headers and query say of them (api/PROTOCOL.md §2).</summary>
internal sealed class ProduceRequest
{
    const string KeyHeader = "Record-Key";

    readonly HttpRequest _request;
    readonly BodyType _bodyType;

    ProduceRequest(HttpRequest request, BodyType bodyType, string? key, int? partition) =>
        (_request, _bodyType, Key, Partition) = (request, bodyType, key, partition);

    public string? Key { get; }

    public int? Partition { get; }

    /// <summary>Reads everything but the body.</summary>
    public static bool TryRead(HttpRequest request, [NotNullWhen(true)] out ProduceRequest? read, [NotNullWhen(false)] out Problem? problem)
    {
        read = null;
        if (!BodyType.TryRead(request, out var bodyType, out problem)
            || !request.Query.TryReadNumber("partition", 0, int.MaxValue, out var partition, out problem))
            return false;
        var keys = request.Headers[KeyHeader];
        if (keys.Count > 1)
            problem = Problems.InvalidRequest("invalid_key", $"{KeyHeader} is given {keys.Count} times; a record has one key.");
        else if (keys.Count == 1 && bodyType.HoldsManyRecords)
            problem = Problems.InvalidRequest("invalid_key", $"{KeyHeader} goes with a single record, and this body is read as one record a line.");
        if (problem is not null)
            return false;
        read = new(request, bodyType, keys.Count == 1 ? keys[0] : null, (int?)partition);
        return true;
    }

    /// <summary>Reads the body into a batch; says what is wrong with it, and then the batch is of no use.</summary>
    public async ValueTask<Problem?> ReadIntoAsync(RecordBatch batch, CancellationToken cancellationToken)
    {
        var problem = _bodyType.HoldsManyRecords
            ? await BodyReader.ReadLinesAsync(_request.BodyReader, batch.MaxRecordBytes, (line, number) => AddLine(batch, line, number), cancellationToken)
            : await BodyReader.ReadWholeAsync(_request.BodyReader, batch.MaxRecordBytes, body => AddWhole(batch, body), cancellationToken);
        return problem ?? (batch.Count > 0 ? null : Problems.InvalidRequest("no_records", "The body holds no records."));
    }

    Problem? AddLine(RecordBatch batch, ReadOnlySpan<byte> line, long number)
    {
        var fault = _bodyType.Kind switch
        {
            BodyKind.JsonLines => line.Trim(" \t\r"u8).IsEmpty ? null : batch.AddJson(line),
            BodyKind.TextLines => batch.AddText(line is [.., (byte)'\r'] ? line[..^1] : line, new RecordMetadata { Headers = _bodyType.RecordHeaders }),
            _ => throw new InvalidOperationException($"{_bodyType.Kind} is not read by lines."),
        };
        return fault is null ? null : Problems.Of(fault, number);
    }

    Problem? AddWhole(RecordBatch batch, ReadOnlySpan<byte> body)
    {
        var metadata = new RecordMetadata { Key = Key, Headers = _bodyType.RecordHeaders };
        var fault = _bodyType.Kind switch
        {
            BodyKind.Json => batch.AddJson(body, metadata),
            BodyKind.Text => batch.AddText(body, metadata),
            BodyKind.Form => AddForm(batch, body, metadata),
            BodyKind.Bytes => batch.AddBytes(body, metadata),
            _ => throw new InvalidOperationException($"{_bodyType.Kind} is read by lines."),
        };
        return fault is null ? null : Problems.Of(fault);
    }

    /// <summary>`curl -d` calls everything a form: an object or an array is JSON, all else is text.</summary>
    static RecordFault? AddForm(RecordBatch batch, ReadOnlySpan<byte> body, in RecordMetadata metadata)
    {
        var looksLikeJson = body.TrimStart(" \t\r\n"u8) is [(byte)'{' or (byte)'[', ..];
        var fault = looksLikeJson ? batch.AddJson(body, metadata) : null;
        return looksLikeJson && fault?.Code != RecordFaultCode.InvalidJson ? fault : batch.AddText(body, metadata);
    }
}
