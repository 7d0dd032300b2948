using System.ComponentModel;
using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using LogHttp.AspNetCore.Contract;
using LogHttp.AspNetCore.Fetching;
using LogHttp.AspNetCore.Settings;
using LogHttp.Storage;
using LogHttp.Storage.Logs;
using LogHttp.Storage.Topics;
using LogHttp.Storage.Verifying;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Extensions.Options;

namespace LogHttp.AspNetCore.Endpoints;

/// <summary>
/// <c>POST /topics/{topic}/verify</c>: reads all of a topic in search of damage, and reports the damage it finds
/// (api/PROTOCOL.md §12).
/// </summary>
internal static class VerifyEndpoint
{
    /// <summary>Look for damage</summary>
    /// <remarks>
    /// Reads all segments and indexes of a topic. The response has a line for each finding, and a last line with the
    /// number of bytes read. Without that line the verification is incomplete.
    ///
    /// Damaged blocks are not served from then on, but the records after them are. Damaged indexes are computed again.
    /// </remarks>
    /// <response code="200">The findings: `Finding` lines, and one `Verified` line at the end.</response>
    [Operation("verifyTopic"), Tags("Topics"), Parameters(typeof(ITopicPath))]
    [ProducesResponseType<FoundDamage>(200, "application/x-ndjson")]
    [ProducesResponseType<Verified>(200, "application/x-ndjson")]
    [ResponseHeaders("No-Store", 200)]
    [FailsWith("invalid_topic invalid_parameter unknown_topic storage_error internal_error topic_damaged log_closed")]
    [FailsWith("topic_condition_failed verification_runs")]
    public static async Task<IResult> HandleAsync(
        HttpContext context,
        string topic,
        TopicCatalog catalog,
        Verification verification,
        IOptions<LogHttpSettings> settings
    )
    {
        if (TopicName.Check(topic) is { } fault)
            return Problems.InvalidRequest("invalid_topic", fault);
        if (!context.Request.Parameters().HasOnly([], out var problem))
            return problem;
        if (catalog.Find(topic) is not { } found)
            return Problems.UnknownTopic(topic);
        if (!verification.TryBegin(out var run))
            return Problems.VerificationRuns();
        using (run)
        {
            if (!Preconditions.MatchTopic(context.Request, exists: true))
                return Problems.TopicConditionFailed(topic, exists: true);
            context.Response.Headers.CacheControl = CachePolicy.NoStore;
            context.Response.ContentType = Representation.JsonLines.ContentType();
            try
            {
                await RunAsync(context, found, run, settings.Value.VerifyBytesPerSecond);
            }
            catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
            {
                // The client has disconnected.
            }
        }
        return TypedResults.Empty;
    }

    static async Task RunAsync(HttpContext context, Topic topic, VerificationRun run, long bytesPerSecond)
    {
        var (damage, indexes) = (0, 0);
        var summary = await TopicVerifier.RunAsync(
            topic,
            async finding =>
            {
                damage += finding.Kind == FindingKind.Data ? 1 : 0;
                indexes += finding.Kind == FindingKind.Index ? 1 : 0;
                var written = WriteAsync(context, FoundDamage.Of(finding), ResponseJson.Readable.FoundDamage);
                await run.AwaitAsync(written, context.RequestAborted);
            },
            bytesPerSecond,
            context.RequestAborted
        );
        // The client may begin the next verification as soon as it has the last line.
        run.Dispose();
        await WriteAsync(
            context,
            new Verified(summary.Segments, summary.Bytes, damage, indexes),
            ResponseJson.Readable.Verified
        );
    }

    static async Task WriteAsync<T>(HttpContext context, T value, JsonTypeInfo<T> type)
    {
        byte[] line = [.. JsonSerializer.SerializeToUtf8Bytes(value, type), (byte)'\n'];
        await context.Response.BodyWriter.WriteAsync(line, context.RequestAborted);
    }
}

/// <summary>Lets one verification read at a time, because each reads as fast as it may. Any thread.</summary>
internal sealed class Verification : IDisposable
{
    readonly SemaphoreSlim _turn = new(1, 1);

    /// <summary>Begins a run, unless another one is reading.</summary>
    public bool TryBegin([NotNullWhen(true)] out VerificationRun? run)
    {
        run = _turn.Wait(0) ? new VerificationRun(_turn) : null;
        return run is not null;
    }

    public void Dispose() => _turn.Dispose();
}

/// <summary>A verification under way, which holds the turn until it is disposed of. For one thread at a time.</summary>
internal sealed class VerificationRun(SemaphoreSlim turn) : IDisposable
{
    bool _hasTurn = true;

    /// <summary>
    /// Waits for the client to take a line, and lets others verify meanwhile. A client that reads slowly, or not at
    /// all, would keep them all waiting.
    /// </summary>
    public async Task AwaitAsync(Task written, CancellationToken cancellationToken)
    {
        if (written.IsCompleted)
        {
            await written;
            return;
        }
        Dispose();
        await written;
        await turn.WaitAsync(cancellationToken);
        _hasTurn = true;
    }

    public void Dispose()
    {
        if (!_hasTurn)
            return;
        _hasTurn = false;
        turn.Release();
    }
}

/// <summary>A finding of a verification.</summary>
/// <param name="Kind">
/// `data`: records are damaged. `index`: only the index was damaged. It was computed again.
/// </param>
/// <param name="Topic">The topic.</param>
/// <param name="Partition">The partition.</param>
/// <param name="Segment">The segment's base offset.</param>
/// <param name="File">The file.</param>
/// <param name="Position">The position in the file where the damage begins, in bytes.</param>
/// <param name="LengthBytes">The length of the damage in bytes. 0 if a length does not apply.</param>
/// <param name="Reason">The difference between the expected and the found bytes.</param>
/// <param name="NextOffset">The offset after the damaged block, if it is known.</param>
[DisplayName("Finding")]
internal sealed record FoundDamage(
    string Kind,
    string Topic,
    int Partition,
    long Segment,
    string File,
    long Position,
    long LengthBytes,
    string Reason,
    long? NextOffset
)
{
    public static FoundDamage Of(Finding finding) =>
        new(
            finding.Kind == FindingKind.Data ? "data" : "index",
            finding.Topic!,
            finding.Partition!.Value,
            finding.Segment!.Value,
            Path.GetFileName(finding.Path),
            finding.Position,
            finding.LengthBytes,
            finding.Reason,
            finding.NextOffset
        );
}

/// <summary>The last line: the extent of the verification.</summary>
/// <param name="Segments">The number of segments read.</param>
/// <param name="Bytes">The bytes of these segments.</param>
/// <param name="DamagedPlaces">The number of findings of kind `data`.</param>
/// <param name="IndexesMade">The number of findings of kind `index`.</param>
internal sealed record Verified(int Segments, long Bytes, int DamagedPlaces, int IndexesMade);
