using System.Buffers;
using System.Text.Json;
using LogHttp.AspNetCore.Contract;
using LogHttp.AspNetCore.Producing;
using LogHttp.Storage.Records;

namespace LogHttp.AspNetCore.Confluent;

/// <summary>
/// The response: each record's offset or error, in the order of the request. Written piece by piece, because records
/// can be many and small.
/// </summary>
internal sealed class ConfluentResponse : IResult
{
    const int PieceBytes = 32 << 10;

    static readonly JsonWriterOptions Options = new() { Encoder = ReadableJson.Encoder };

    readonly ConfluentOutcomes _outcomes;
    readonly Dictionary<RecordBatch, (PartitionResult Result, Problem? Problem)> _results = [];

    public ConfluentResponse(
        ConfluentOutcomes outcomes,
        IReadOnlyList<RecordBatch> batches,
        IReadOnlyList<PartitionResult> results
    )
    {
        _outcomes = outcomes;
        foreach (var (batch, result) in batches.Zip(results))
            _results.Add(batch, (result, result.IsIn ? null : Problems.Of(result.Append)));
    }

    public async Task ExecuteAsync(HttpContext httpContext)
    {
        var response = httpContext.Response;
        response.StatusCode = StatusCodes.Status200OK;
        response.ContentType = ConfluentType.Response;
        await using var writer = new Utf8JsonWriter(response.BodyWriter, Options);
        writer.WriteStartObject();
        writer.WriteStartArray("offsets"u8);
        var sentBytes = 0L;
        foreach (var record in _outcomes.Records())
        {
            Write(writer, record);
            if (writer.BytesCommitted + writer.BytesPending - sentBytes < PieceBytes)
                continue;
            sentBytes = writer.BytesCommitted + writer.BytesPending;
            writer.Flush();
            // If the client has disconnected, Kestrel drops the rest, so nothing more is written.
            if ((await response.BodyWriter.FlushAsync(CancellationToken.None)).IsCompleted)
                return;
        }
        writer.WriteEndArray();
        writer.WriteNull("key_schema_id"u8);
        writer.WriteNull("value_schema_id"u8);
        writer.WriteEndObject();
        // Ends the line in a terminal.
        writer.Flush();
        response.BodyWriter.Write("\n"u8);
    }

    void Write(Utf8JsonWriter writer, in ConfluentRecord record)
    {
        var (result, problem) = record.Batch is { } batch ? _results[batch] : (null, record.Problem);
        writer.WriteStartObject();
        if (problem is null)
        {
            writer.WriteNumber("partition"u8, result!.Partition);
            writer.WriteNumber("offset"u8, result.Append.FirstOffset + record.Index);
            writer.WriteNull("error_code"u8);
            writer.WriteNull("error"u8);
        }
        else
        {
            writer.WriteNull("partition"u8);
            writer.WriteNull("offset"u8);
            writer.WriteNumber("error_code"u8, ConfluentError.CodeOfRecord(problem));
            writer.WriteString("error"u8, problem.Detail);
        }
        writer.WriteEndObject();
    }
}
