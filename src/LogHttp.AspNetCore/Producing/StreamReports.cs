using System.Text.Json;
using LogHttp.AspNetCore.Contract;

namespace LogHttp.AspNetCore.Producing;

/// <summary>The outcome of a stream's batch in one partition (api/PROTOCOL.md §14).</summary>
internal sealed record StreamReport(long FirstLine, long LastLine, int Partition, long? Offset, int Count)
{
    /// <summary>The sequence of a producer batch's first record.</summary>
    public long? Sequence { get; init; }

    /// <summary>Whether it was appended before, and not now.</summary>
    public bool? Repeat { get; init; }

    /// <summary>
    /// The number of the lines' records that were appended before and are not counted here. Present if the other
    /// records were appended now.
    /// </summary>
    public int? Repeated { get; init; }

    /// <summary>The number of batches that this report stands for, if more than one.</summary>
    public int? Batches { get; init; }

    /// <summary>Merges two reports, for a client that reads them more slowly than batches are committed.</summary>
    public StreamReport With(StreamReport next) =>
        this with
        {
            LastLine = next.LastLine,
            Count = Count + next.Count,
            Batches = (Batches ?? 1) + 1,
        };
}

/// <summary>The last line of the response.</summary>
/// <param name="Done">Whether the whole body was appended.</param>
/// <param name="LastCommittedLine">
/// All lines up to this one were appended. Of later lines, only those that reports name.
/// </param>
/// <param name="Count">The number of appended records.</param>
internal sealed record StreamSummary(bool Done, long LastCommittedLine, long Count)
{
    /// <summary>The sequence of the producer's next record.</summary>
    public long? NextSequence { get; init; }

    public ProblemJson? Error { get; init; }
}

/// <summary>
/// Sends a stream's reports while its body is still being read. Adding a report never waits: a client that does not
/// read its response must not hold up its own body. The number of kept reports is bounded. Reports come from one thread
/// at a time.
/// </summary>
/// <param name="response">The response that they are written to.</param>
/// <param name="waitForTheEnd">Whether nothing is sent before the body has ended.</param>
internal sealed class StreamReports(HttpResponse response, bool waitForTheEnd)
{
    /// <summary>Beyond this number, the reports of one partition are merged.</summary>
    const int MaxHeld = 1_000;

    static readonly byte[] LineEnd = "\n"u8.ToArray();

    readonly Lock _gate = new();

    // Guarded by _gate.
    List<StreamReport> _held = [];
    bool _isSending;

    Task _sending = Task.CompletedTask;

    /// <summary>Whether the response has started, with status 200.</summary>
    public bool HasBegun { get; private set; }

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
            if (_isSending || waitForTheEnd)
                return;
            _isSending = true;
        }
        _sending = SendAsync();
    }

    /// <summary>Sends the remaining reports and the summary.</summary>
    public async Task EndAsync(StreamSummary summary)
    {
        Begin();
        await _sending;
        if (waitForTheEnd)
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
    }

    async Task SendAsync()
    {
        while (true)
        {
            List<StreamReport> reports;
            lock (_gate)
            {
                if (_held.Count == 0)
                {
                    _isSending = false;
                    return;
                }
                (reports, _held) = (_held, []);
            }
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
        System.Buffers.BuffersExtensions.Write(response.BodyWriter, LineEnd);
    }
}
