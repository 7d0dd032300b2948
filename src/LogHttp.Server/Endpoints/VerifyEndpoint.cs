using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using LogHttp.Server.Fetching;
using LogHttp.Server.Hosting;
using LogHttp.Storage;
using LogHttp.Storage.Verifying;
using Microsoft.Extensions.Options;

namespace LogHttp.Server.Endpoints;

/// <summary><c>POST /topics/{topic}/verify</c>: reads all of a topic in search of damage, and says what it finds (api/PROTOCOL.md §12).</summary>
internal static class VerifyEndpoint
{
    public static async Task<IResult> HandleAsync(HttpContext context, string topic, TopicCatalog catalog, Verification verification, IOptions<LogHttpSettings> settings)
    {
        if (TopicName.Check(topic) is { } fault)
            return Problems.InvalidRequest("invalid_topic", fault);
        if (!context.Request.Query.HasOnly([], out var problem))
            return problem;
        if (catalog.Find(topic) is not { } found)
            return Problems.UnknownTopic(topic);
        if (!verification.TryBegin())
            return Problems.VerificationRuns();
        try
        {
            context.Response.Headers.CacheControl = Caching.NoStore;
            context.Response.ContentType = Representation.JsonLines.ContentType();
            var (damage, indexes) = (0, 0);
            var summary = await TopicVerifier.RunAsync(found, async finding =>
            {
                damage += finding.Kind == FindingKind.Data ? 1 : 0;
                indexes += finding.Kind == FindingKind.Index ? 1 : 0;
                await WriteAsync(context, FoundDamage.Of(finding), ResponseJson.Readable.FoundDamage);
            }, settings.Value.VerifyBytesPerSecond, context.RequestAborted);
            await WriteAsync(context, new Verified(summary.Segments, summary.Bytes, damage, indexes), ResponseJson.Readable.Verified);
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            // Who asked has gone.
        }
        finally
        {
            verification.End();
        }
        return TypedResults.Empty;
    }

    static async Task WriteAsync<T>(HttpContext context, T value, JsonTypeInfo<T> type)
    {
        byte[] line = [.. JsonSerializer.SerializeToUtf8Bytes(value, type), (byte)'\n'];
        await context.Response.BodyWriter.WriteAsync(line, context.RequestAborted);
    }
}

/// <summary>Lets one verification run at a time: each reads as fast as it may.</summary>
internal sealed class Verification
{
    int _runs;

    public bool TryBegin() => Interlocked.Exchange(ref _runs, 1) == 0;

    public void End() => Volatile.Write(ref _runs, 0);
}

/// <summary>Something that a verification found; a line of its answer.</summary>
internal sealed record FoundDamage(string Kind, string Topic, int Partition, long Segment, string File, long Position, long LengthBytes, string Reason, long? NextOffset)
{
    public static FoundDamage Of(Finding finding) => new(
        finding.Kind == FindingKind.Data ? "data" : "index", finding.Topic!, finding.Partition!.Value, finding.Segment!.Value, Path.GetFileName(finding.Path), finding.Position, finding.LengthBytes, finding.Reason, finding.NextOffset);
}

/// <summary>How much was verified, and with what outcome; the last line.</summary>
internal sealed record Verified(int Segments, long Bytes, int DamagedPlaces, int IndexesMade);
