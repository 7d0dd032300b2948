using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using LogHttp.Server.Producing;
using LogHttp.Storage;

namespace LogHttp.Server.Endpoints;

/// <summary>What a request wants of a topic; what it does not say stays as it is, or by default.</summary>
internal sealed record TopicSettings
{
    const int MaxBodyBytes = 16 << 10;
    const string Code = "invalid_configuration";

    public int? Partitions { get; init; }
    public long? SegmentBytes { get; init; }
    public string? Flush { get; init; }
    public long? RetentionMs { get; init; }
    public long? RetentionBytes { get; init; }

    /// <summary>Reads a body: a JSON object, whatever its type says, or none at all, which asks for nothing.</summary>
    public static async Task<(TopicSettings Settings, Problem? Problem)> ReadAsync(HttpContext context, BodyBudget budget)
    {
        var settings = new TopicSettings();
        var received = new ReceivedBody(context.Request.BodyReader, budget.Time, context.RequestAborted) { MinBytesPerSecond = budget.Limits.MinBytesPerSecond };
        using var body = new BodyReader(received, budget, context);
        var tooLarge = new Problem(StatusCodes.Status413PayloadTooLarge, "body_too_large", $"A topic's configuration takes {MaxBodyBytes} bytes at most.");
        var problem = await body.ReadWholeAsync(MaxBodyBytes, json =>
        {
            (settings, var fault) = json.IsEmpty ? (settings, null) : Parse(json);
            return fault is null ? null : Invalid($"The body is no configuration of a topic, such as {{\"partitions\":3,\"segmentBytes\":268435456,\"flush\":\"always\"}}: {fault}");
        }, tooLarge);
        return (settings, problem);
    }

    static (TopicSettings Settings, string? Fault) Parse(ReadOnlySpan<byte> json)
    {
        var settings = new TopicSettings();
        try
        {
            using var document = JsonDocument.Parse(json.ToArray(), new JsonDocumentOptions { AllowDuplicateProperties = false });
            if (document.RootElement.ValueKind != JsonValueKind.Object)
                return (settings, "it is no object.");
            foreach (var property in document.RootElement.EnumerateObject())
            {
                var value = property.Value;
                switch (property.Name)
                {
                    case "partitions" when value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var partitions):
                        settings = settings with { Partitions = partitions };
                        break;
                    case "segmentBytes" when value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out var segmentBytes):
                        settings = settings with { SegmentBytes = segmentBytes };
                        break;
                    case "retentionMs" when value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out var retentionMs):
                        settings = settings with { RetentionMs = retentionMs };
                        break;
                    case "retentionBytes" when value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out var retentionBytes):
                        settings = settings with { RetentionBytes = retentionBytes };
                        break;
                    case "flush" when value.ValueKind == JsonValueKind.String:
                        settings = settings with { Flush = value.GetString() };
                        break;
                    case "partitions" or "segmentBytes" or "retentionMs" or "retentionBytes":
                        return (settings, $"{property.Name} is {value.GetRawText()}, which is no whole number.");
                    case "flush":
                        return (settings, $"flush is {value.GetRawText()}, which is no string.");
                    default:
                        return (settings, $"\"{property.Name}\" is none of its fields.");
                }
            }
            return (settings, null);
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            // An invalid operation: a name or text with half of a surrogate pair.
            return (settings, exception.Message);
        }
    }

    /// <summary>The configuration that results where there was another.</summary>
    public bool TryApply(TopicConfiguration before, [NotNullWhen(true)] out TopicConfiguration? after, [NotNullWhen(false)] out Problem? problem)
    {
        (after, problem) = (null, null);
        if (Flush is not null && !FlushPolicy.TryParse(Flush, out _))
        {
            problem = Invalid($"flush is \"{Flush}\"; {FlushPolicy.Grammar}");
            return false;
        }
        var configuration = new TopicConfiguration
        {
            Partitions = Partitions ?? before.Partitions,
            SegmentBytes = SegmentBytes ?? before.SegmentBytes,
            Flush = FlushPolicy.TryParse(Flush, out var flush) ? flush : before.Flush,
            RetentionMs = RetentionMs ?? before.RetentionMs,
            RetentionBytes = RetentionBytes ?? before.RetentionBytes,
        };
        // Named here as in the body, not as in the settings.
        problem = configuration.Check() is { } fault ? Invalid(char.ToLowerInvariant(fault[0]) + fault[1..]) : null;
        after = problem is null ? configuration : null;
        return problem is null;
    }

    /// <summary>What a topic has otherwise than this asks for, said for people; null when nothing.</summary>
    public string? DifferenceFrom(TopicConfiguration configuration) =>
        Partitions is { } partitions && partitions != configuration.Partitions ? $"partitions {configuration.Partitions}, not {partitions}"
        : SegmentBytes is { } segmentBytes && segmentBytes != configuration.SegmentBytes ? $"segmentBytes {configuration.SegmentBytes}, not {segmentBytes}"
        : FlushPolicy.TryParse(Flush, out var flush) && flush != configuration.Flush ? $"flush {configuration.Flush}, not {flush}"
        : RetentionMs is { } retentionMs && retentionMs != configuration.RetentionMs ? $"retentionMs {configuration.RetentionMs}, not {retentionMs}"
        : RetentionBytes is { } retentionBytes && retentionBytes != configuration.RetentionBytes ? $"retentionBytes {configuration.RetentionBytes}, not {retentionBytes}"
        : null;

    /// <summary>All that a topic is configured to be.</summary>
    public static TopicSettings Of(TopicConfiguration configuration) => new()
    {
        Partitions = configuration.Partitions,
        SegmentBytes = configuration.SegmentBytes,
        Flush = configuration.Flush.ToString(),
        RetentionMs = configuration.RetentionMs,
        RetentionBytes = configuration.RetentionBytes,
    };

    static Problem Invalid(string detail) => Problems.InvalidRequest(Code, detail);
}
