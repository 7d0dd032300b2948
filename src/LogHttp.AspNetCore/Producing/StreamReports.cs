using System.Text.Json;
using LogHttp.AspNetCore.Contract;

namespace LogHttp.AspNetCore.Producing;

/// <summary>What became of a stream's batch in one partition (api/PROTOCOL.md §14).</summary>
internal sealed record StreamReport(long FirstLine, long LastLine, int Partition, long? Offset, int Count)
{
    /// <summary>The sequence of its first record, of a producer's batch.</summary>
    public long? Sequence { get; init; }

    /// <summary>Whether it was appended before, and not now.</summary>
    public bool? Repeat { get; init; }

    /// <summary>
    /// How many of the lines' records were appended before and are not counted here, where the others were appended
    /// now.
    /// </summary>
    public int? Repeated { get; init; }

    /// <summary>How many batches this stands for, where that is more than one.</summary>
    public int? Batches { get; init; }

    /// <summary>Both in one, for a client that takes its reports more slowly than batches are committed.</summary>
    public StreamReport With(StreamReport next) =>
        this with
        {
            LastLine = next.LastLine,
            Count = Count + next.Count,
            Batches = (Batches ?? 1) + 1,
        };
}

/// <summary>The last line of the answer.</summary>
/// <param name="Done">Whether the whole body is in.</param>
/// <param name="LastCommittedLine">All lines up to this one are in; of later ones those that reports name.</param>
/// <param name="Count">How many records were appended.</param>
internal sealed record StreamSummary(bool Done, long LastCommittedLine, long Count)
{
    /// <summary>The sequence of the producer's next record.</summary>
    public long? NextSequence { get; init; }

    public ProblemJson? Error { get; init; }
}

/// <summary>
/// Sends a stream's reports while its body is still read. Whoever adds one never waits: a client that does not read its
/// answer must not hold up its own body, and what is kept for it is bounded. Reports come from one thread at a time.
/// </summary>
/// <param name="response">Where they go.</param>
/// <param name="waitForTheEnd">Whether nothing is sent before the body has ended.</param>
internal sealed class StreamReports(HttpResponse response, bool waitForTheEnd)
{
    /// <summary>Beyond this, those of one partition are made one.</summary>
    const int MaxHeld = 1_000;

    static readonly byte[] LineEnd = "\n"u8.ToArray();

    readonly Lock _gate = new();

    // Guarded by _gate.
    List<StreamReport> _held = [];
    bool _isSending;

    Task _sending = Task.CompletedTask;

    /// <summary>Whether the status is 200, whatever comes.</summary>
    public bool HasBegun { get; private set; }

    /// <param name="report">The batch.</param>
    /// <param name="mayMerge">Whether all lines before it that went to its partition are in.</param>
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

    /// <summary>Sends what is left, and how it ended.</summary>
    public async Task EndAsync(StreamSummary summary)
    {
        Begin();
        await _sending;
        if (waitForTheEnd)
            await SendAsync();
        Write(summary, StreamJson.Readable.StreamSummary);
        await response.BodyWriter.FlushAsync(CancellationToken.None);
    }

    /// <summary>Until nothing is sent any more, whatever came of it.</summary>
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
