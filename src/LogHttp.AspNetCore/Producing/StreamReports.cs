using System.Buffers;
using System.Text.Json;
using System.Text.Json.Serialization;
using LogHttp.AspNetCore.Contract;

namespace LogHttp.AspNetCore.Producing;

/// <summary>A committed batch of `stream=true`, in one partition.</summary>
/// <param name="FirstLine">The batch's first line in the body, from 1 on. Not for an array.</param>
/// <param name="LastLine">Its last line. Not for an array.</param>
/// <param name="Partition">The partition.</param>
/// <param name="Offset">The first record's offset. Absent if it was appended too long ago.</param>
/// <param name="Count">The number of the batch's records in that partition.</param>
/// <remarks>api/PROTOCOL.md §14.</remarks>
internal sealed record StreamReport(long? FirstLine, long? LastLine, int Partition, long? Offset, int Count)
{
    /// <summary>The batch's first element in an array, from 1 on.</summary>
    [JsonPropertyOrder(-1)]
    public long? FirstElement { get; init; }

    /// <summary>Its last element.</summary>
    [JsonPropertyOrder(-1)]
    public long? LastElement { get; init; }

    /// <summary>The sequence of the first counted record. Only with a producer.</summary>
    public long? Sequence { get; init; }

    /// <summary>True if it was appended before, and not now.</summary>
    public bool? Repeat { get; init; }

    /// <summary>
    /// The number of records that were appended before. The others were appended now and are counted.
    /// </summary>
    public int? Repeated { get; init; }

    /// <summary>The number of its lines that were not valid, and that `invalid` kept.</summary>
    public int? Invalid { get; init; }

    /// <summary>
    /// The number of batches in this report. More than one if the client reads its reports more slowly than batches are
    /// committed.
    /// </summary>
    public int? Batches { get; init; }

    /// <summary>Reports the lines of a body, or the elements of an array.</summary>
    public static StreamReport Of(bool isArray, long first, long last, int partition, long? offset, int count) =>
        isArray
            ? new(null, null, partition, offset, count) { FirstElement = first, LastElement = last }
            : new(first, last, partition, offset, count);

    /// <summary>Merges two reports, for a client that reads them more slowly than batches are committed.</summary>
    public StreamReport With(StreamReport next) =>
        this with
        {
            LastLine = next.LastLine,
            LastElement = next.LastElement,
            Count = Count + next.Count,
            Invalid = Invalid is null ? next.Invalid : Invalid + (next.Invalid ?? 0),
            Batches = (Batches ?? 1) + 1,
        };
}

/// <summary>The last line of the response to `stream=true`. A response without it broke off.</summary>
/// <param name="Done">Whether the whole body was committed. If not, `error` has the problem.</param>
/// <param name="LastCommittedLine">
/// All lines up to this one are committed. Of later lines only those in reports are. After `partition_stopped` the
/// others are unknown. Not for an array.
/// </param>
/// <param name="Count">The number of appended records, without repeats.</param>
internal sealed record StreamSummary(bool Done, long? LastCommittedLine, long Count)
{
    /// <summary>The same of an array's elements.</summary>
    public long? LastCommittedElement { get; init; }

    /// <summary>The sequence of the producer's next record, if the whole body was committed.</summary>
    public long? NextSequence { get; init; }

    /// <summary>The number of committed lines that were not valid, and that `invalid` kept.</summary>
    public long? Invalid { get; init; }

    /// <summary>A Problem, if not all was committed.</summary>
    public ProblemJson? Error { get; init; }

    /// <summary>Sums up the lines of a body, or the elements of an array.</summary>
    public static StreamSummary Of(bool isArray, bool done, long lastCommitted, long count) =>
        isArray ? new(done, null, count) { LastCommittedElement = lastCommitted } : new(done, lastCommitted, count);
}

/// <summary>
/// Sends a stream's reports while its body is still being read. Adding a report never waits: a client that does not
/// read its response must not hold up its own body. The number of kept reports is bounded. Reports come from one thread
/// at a time.
/// </summary>
/// <param name="response">The response that they are written to.</param>
/// <param name="sendAtEnd">Whether nothing is sent before the body has ended.</param>
internal sealed class StreamReports(HttpResponse response, bool sendAtEnd)
{
    /// <summary>Beyond this number, the reports of one partition are merged.</summary>
    const int MaxHeld = 1_000;

    static readonly byte[] LineEnd = "\n"u8.ToArray();

    readonly Lock _gate = new();

    // Guarded by _gate.
    List<StreamReport> _held = [];
    bool _isHeartbeatDue;
    bool _isSending;

    volatile bool _hasBodyEnded;

    Task _sending = Task.CompletedTask;

    /// <summary>Whether the response has started, with status 200.</summary>
    public bool HasBegun { get; private set; }

    /// <summary>Whether the whole body was read. Any thread.</summary>
    public bool HasBodyEnded
    {
        get => _hasBodyEnded;
        set => _hasBodyEnded = value;
    }

    /// <param name="report">The report.</param>
    /// <param name="mayMerge">Whether all earlier lines of its partition were appended.</param>
    public void Add(StreamReport report, bool mayMerge)
    {
        Begin();
        lock (_gate)
        {
            var same =
                mayMerge && _held.Count >= MaxHeld
                    ? _held.FindLastIndex(held =>
                        held.Partition == report.Partition
                        && held.Repeat == report.Repeat
                        && held.Repeated is null
                        && report.Repeated is null
                    )
                    : -1;
            if (same >= 0)
                _held[same] = _held[same].With(report);
            else
                _held.Add(report);
            if (_isSending || sendAtEnd)
                return;
            _isSending = true;
        }
        _sending = SendAsync();
    }

    /// <summary>
    /// Sends an empty line, unless reports are sent at the end, or the client has not taken the last lines yet. A
    /// client that is gone is found out by that: a connection on which nothing is sent stays open for ever.
    /// </summary>
    public void AddHeartbeat()
    {
        lock (_gate)
        {
            if (_isSending || sendAtEnd)
                return;
            _isSending = _isHeartbeatDue = true;
        }
        Begin();
        _sending = SendAsync();
    }

    /// <summary>Sends the remaining reports and the summary.</summary>
    public async Task EndAsync(StreamSummary summary)
    {
        Begin();
        await _sending;
        if (sendAtEnd)
            await SendAsync();
        Write(summary, StreamJson.Readable.StreamSummary);
        await response.BodyWriter.FlushAsync(CancellationToken.None);
    }

    /// <summary>Waits until nothing is sent any more, whatever the outcome.</summary>
    public Task StopAsync() =>
        _sending.ContinueWith(
            static _ => { },
            CancellationToken.None,
            TaskContinuationOptions.ExecuteSynchronously,
            TaskScheduler.Default
        );

    void Begin()
    {
        if (HasBegun)
            return;
        HasBegun = true;
        response.StatusCode = StatusCodes.Status200OK;
        response.ContentType = "application/x-ndjson";
        response.Headers.CacheControl = "no-store";
        response.Headers["X-Accel-Buffering"] = "no";
        // curl sends on after the end of a response. It then hangs until the next line of a pipe, and loses that line.
        // This header makes it stop.
        if (!HasBodyEnded && HttpProtocol.IsHttp11(response.HttpContext.Request.Protocol))
            response.Headers.Connection = "close";
    }

    async Task SendAsync()
    {
        while (true)
        {
            List<StreamReport> reports;
            lock (_gate)
            {
                if (_held.Count == 0 && !_isHeartbeatDue)
                {
                    _isSending = false;
                    return;
                }
                (reports, _held, _isHeartbeatDue) = (_held, [], false);
            }
            if (reports.Count == 0)
                BuffersExtensions.Write(response.BodyWriter, LineEnd);
            foreach (var report in reports)
                Write(report, StreamJson.Readable.StreamReport);
            await response.BodyWriter.FlushAsync(CancellationToken.None);
        }
    }

    void Write<T>(T line, System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> type)
    {
        using (
            var json = new Utf8JsonWriter(response.BodyWriter, new JsonWriterOptions { Encoder = ReadableJson.Encoder })
        )
            JsonSerializer.Serialize(json, line, type);
        BuffersExtensions.Write(response.BodyWriter, LineEnd);
    }
}
