using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using LogHttp.AspNetCore.Contract;
using LogHttp.AspNetCore.Producing;
using LogHttp.Storage;
using LogHttp.Storage.Text;

namespace LogHttp.AspNetCore.Endpoints;

/// <summary>The configuration of a topic. In a request every field is optional.</summary>
/// <remarks>Fields that a request omits keep their value, or get the default.</remarks>
[DisplayName("TopicConfiguration")]
internal sealed record TopicSettings
{
    const int MaxBodyBytes = 16 << 10;
    const string Code = "invalid_configuration";

    /// <summary>
    /// The number of partitions. It can only rise. Then later records of a key may go to another partition.
    /// </summary>
    [Range(1, 1024)]
    public int? Partitions { get; init; }

    /// <summary>The largest segment. A batch that would exceed it begins a new segment.</summary>
    [Range(typeof(long), "65536", "2147483648")]
    public long? SegmentBytes { get; init; }

    /// <summary>
    /// When appends are acknowledged and visible. `always`: when they are durable. `os`: when they are written. A time
    /// from `1ms` to `60m`: when they are written. Their sync begins when this interval is over.
    /// </summary>
    [RegularExpression("^(always|os|[0-9]+(ms|s|m))$")]
    public string? Flush { get; init; }

    /// <summary>
    /// How long records are kept after the last append to their segment: `7d`, `12h`, `90s`, `1500ms`. `0`: for ever.
    /// </summary>
    [RegularExpression("^([0-9]+(ms|s|m|h|d)|0)$")]
    public string? Retention { get; init; }

    /// <summary>The same in milliseconds: the former name of `retention`. A request has one of the two.</summary>
    public long? RetentionMs { get; init; }

    /// <summary>
    /// The most bytes that all partitions together take. Beyond it the oldest segments are deleted. 0: no bound.
    /// </summary>
    public long? RetentionBytes { get; init; }

    /// <summary>
    /// The values that the topic accepts: any with `auto`, only that form with `json`, `text` or `bytes`. `null` is
    /// always accepted.
    /// </summary>
    [RegularExpression("^(auto|json|text|bytes)$")]
    public string? Values { get; init; }

    /// <summary>
    /// The largest record, once encoded. 0: the server's `MaxRecordBytes`, which no topic exceeds.
    /// </summary>
    [Range(0, 64 << 20)]
    public int? MaxRecordBytes { get; init; }

    /// <summary>
    /// Up to 32 names, each with a text, for people and programs. A request replaces all of them.
    /// </summary>
    public IReadOnlyDictionary<string, string>? Labels { get; init; }

    /// <summary>
    /// Reads a body. It must be a JSON object, whatever its media type. An empty body asks for nothing.
    /// </summary>
    public static async Task<(TopicSettings Settings, Problem? Problem)> ReadAsync(
        HttpContext context,
        BodyBudget budget
    )
    {
        var settings = new TopicSettings();
        if (!ContentCoding.TryRead(context.Request, out var coding, out var codingProblem) || coding is not null)
            return (
                settings,
                codingProblem
                    ?? Problems.UnsupportedMediaType(
                        $"The Content-Encoding is \"{coding!.Name}\". A topic's configuration is read as it "
                            + "comes, without one."
                    )
            );
        var received = new ReceivedBody(context.Request.BodyReader, budget.Time)
        {
            MinBytesPerSecond = budget.Limits.MinBytesPerSecond,
            Context = context,
        };
        using var body = new BodyReader(received, budget, context);
        var tooLarge = new Problem(
            StatusCodes.Status413PayloadTooLarge,
            "body_too_large",
            $"A topic's configuration takes {MaxBodyBytes} bytes at most.{HintOf(context.Request)}"
        );
        var problem = await body.ReadWholeAsync(
            MaxBodyBytes,
            json =>
            {
                (settings, var fault) = json.IsEmpty ? (settings, null) : Parse(json);
                return fault is null
                    ? null
                    : Invalid(
                        "The body is not the configuration of a topic, such as "
                            + $"{{\"partitions\":3,\"segmentBytes\":268435456,\"flush\":\"always\"}}: "
                            + $"{fault}{HintOf(context.Request)}"
                    );
            },
            tooLarge
        );
        return (settings, problem);
    }

    /// <summary>A hint for clients that PUT records, as <c>curl -T</c> does.</summary>
    static string HintOf(HttpRequest request) =>
        HttpMethods.IsPut(request.Method)
            ? " PUT makes a topic. To append records, use POST: curl -X POST -T file URL."
            : "";

    static (TopicSettings Settings, string? Fault) Parse(ReadOnlySpan<byte> json)
    {
        var settings = new TopicSettings();
        try
        {
            using var document = JsonDocument.Parse(
                json.ToArray(),
                new JsonDocumentOptions { AllowDuplicateProperties = false }
            );
            if (document.RootElement.ValueKind != JsonValueKind.Object)
                return (settings, "it is not an object.");
            foreach (var property in document.RootElement.EnumerateObject())
            {
                var value = property.Value;
                switch (property.Name)
                {
                    case "partitions"
                        when value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var partitions):
                        settings = settings with { Partitions = partitions };
                        break;
                    case "segmentBytes"
                        when value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out var segmentBytes):
                        settings = settings with { SegmentBytes = segmentBytes };
                        break;
                    case "retentionMs"
                        when value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out var retentionMs):
                        settings = settings with { RetentionMs = retentionMs };
                        break;
                    case "retentionBytes"
                        when value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out var retentionBytes):
                        settings = settings with { RetentionBytes = retentionBytes };
                        break;
                    case "maxRecordBytes"
                        when value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var maxRecordBytes):
                        settings = settings with { MaxRecordBytes = maxRecordBytes };
                        break;
                    case "values" when value.ValueKind == JsonValueKind.String:
                        settings = settings with { Values = value.GetString() };
                        break;
                    case "labels"
                        when value.ValueKind == JsonValueKind.Object
                            && value
                                .EnumerateObject()
                                .All(static label => label.Value.ValueKind == JsonValueKind.String):
                        settings = settings with
                        {
                            Labels = value
                                .EnumerateObject()
                                .ToDictionary(
                                    static label => label.Name,
                                    static label => label.Value.GetString()!,
                                    StringComparer.Ordinal
                                ),
                        };
                        break;
                    case "retention" when value.ValueKind == JsonValueKind.String:
                        settings = settings with { Retention = value.GetString() };
                        break;
                    case "flush" when value.ValueKind == JsonValueKind.String:
                        settings = settings with { Flush = value.GetString() };
                        break;
                    case "partitions" or "segmentBytes" or "retentionMs" or "retentionBytes" or "maxRecordBytes":
                        return (
                            settings,
                            $"{property.Name} is {Excerpt.Of(value.GetRawText())}, which is not a whole number."
                        );
                    case "flush" or "retention" or "values":
                        return (
                            settings,
                            $"{property.Name} is {Excerpt.Of(value.GetRawText())}, which is not a string."
                        );
                    case "labels":
                        return (settings, "labels is not an object whose values are strings.");
                    default:
                        return (
                            settings,
                            $"\"{Excerpt.Of(property.Name)}\" is none of its fields. Supported: partitions, "
                                + "segmentBytes, flush, retention, retentionMs, retentionBytes, values, "
                                + "maxRecordBytes, labels."
                        );
                }
            }
            return (settings, null);
        }
        catch (JsonException exception)
        {
            return (settings, $"it is not valid JSON at {JsonFault.Describe(exception)}");
        }
        catch (InvalidOperationException)
        {
            return (settings, "a name or a string in it holds half of a surrogate pair.");
        }
    }

    /// <summary>Applies the changes to an existing configuration.</summary>
    /// <param name="before">The existing configuration.</param>
    /// <param name="limits">The server's limits, which no topic exceeds.</param>
    /// <param name="after">The resulting configuration.</param>
    /// <param name="problem">The fault, if any.</param>
    public bool TryApply(
        TopicConfiguration before,
        RecordLimits limits,
        [NotNullWhen(true)] out TopicConfiguration? after,
        [NotNullWhen(false)] out Problem? problem
    )
    {
        (after, problem) = (null, null);
        if (Flush is not null && !FlushPolicy.TryParse(Flush, out _))
        {
            problem = Invalid($"flush is \"{Excerpt.Of(Flush)}\"; {FlushPolicy.Grammar}");
            return false;
        }
        if (!TryReadRetention(out var retentionMs, out problem))
            return false;
        if (Values is not null && !ValueForms.TryParse(Values, out _))
        {
            problem = Invalid($"values is \"{Excerpt.Of(Values)}\"; it must be {ValueForms.Grammar}");
            return false;
        }
        if (MaxRecordBytes > limits.MaxRecordBytes)
        {
            problem = Invalid(
                $"maxRecordBytes is {MaxRecordBytes}; the server allows at most {limits.MaxRecordBytes} "
                    + "(MaxRecordBytes)"
            );
            return false;
        }
        var configuration = before with
        {
            Partitions = Partitions ?? before.Partitions,
            SegmentBytes = SegmentBytes ?? before.SegmentBytes,
            Flush = FlushPolicy.TryParse(Flush, out var flush) ? flush : before.Flush,
            RetentionMs = retentionMs ?? before.RetentionMs,
            RetentionBytes = RetentionBytes ?? before.RetentionBytes,
            Values = ValueForms.TryParse(Values, out var values) ? values : before.Values,
            MaxRecordBytes = MaxRecordBytes ?? before.MaxRecordBytes,
            Labels = Labels is null ? before.Labels : TopicLabels.Of(Labels),
        };
        // Fields are named as in the body, not as in the settings.
        problem = configuration.Check() is { } fault ? Invalid(char.ToLowerInvariant(fault[0]) + fault[1..]) : null;
        after = problem is null ? configuration : null;
        return problem is null;
    }

    /// <summary>Describes the first difference between a topic and this, for people. Null if there is none.</summary>
    public string? DifferenceFrom(TopicConfiguration configuration) =>
        Partitions is { } partitions && partitions != configuration.Partitions
            ? $"partitions {configuration.Partitions}, not {partitions}"
        : SegmentBytes is { } segmentBytes && segmentBytes != configuration.SegmentBytes
            ? $"segmentBytes {configuration.SegmentBytes}, not {segmentBytes}"
        : FlushPolicy.TryParse(Flush, out var flush) && flush != configuration.Flush
            ? $"flush {configuration.Flush}, not {flush}"
        : TryReadRetention(out var retentionMs, out _)
        && retentionMs is not null
        && retentionMs != configuration.RetentionMs
            ? $"retention {TextOf(configuration.RetentionMs)}, not {TextOf(retentionMs.Value)}"
        : RetentionBytes is { } retentionBytes && retentionBytes != configuration.RetentionBytes
            ? $"retentionBytes {configuration.RetentionBytes}, not {retentionBytes}"
        : ValueForms.TryParse(Values, out var values) && values != configuration.Values
            ? $"values {ValueForms.NameOf(configuration.Values)}, not {Values}"
        : MaxRecordBytes is { } maxRecordBytes && maxRecordBytes != configuration.MaxRecordBytes
            ? $"maxRecordBytes {configuration.MaxRecordBytes}, not {maxRecordBytes}"
        : Labels is not null && !TopicLabels.Of(Labels).Equals(configuration.Labels) ? "other labels"
        : null;

    /// <summary>The whole configuration of a topic.</summary>
    public static TopicSettings Of(TopicConfiguration configuration) =>
        new()
        {
            Partitions = configuration.Partitions,
            SegmentBytes = configuration.SegmentBytes,
            Flush = configuration.Flush.ToString(),
            Retention = TextOf(configuration.RetentionMs),
            RetentionMs = configuration.RetentionMs,
            RetentionBytes = configuration.RetentionBytes,
            Values = ValueForms.NameOf(configuration.Values),
            MaxRecordBytes = configuration.MaxRecordBytes,
            Labels = configuration.Labels.Entries,
        };

    /// <summary>Reads how long records are kept, from either field. Null if the request has none of them.</summary>
    bool TryReadRetention(out long? retentionMs, [NotNullWhen(false)] out Problem? problem)
    {
        (retentionMs, problem) = (RetentionMs, null);
        if (Retention is null)
            return true;
        if (!DurationText.TryParse(Retention, out var duration))
            problem = Invalid(
                $"retention is \"{Excerpt.Of(Retention)}\"; it must be a time such as \"7d\", \"12h\" or \"90s\", or "
                    + "\"0\" for ever"
            );
        else if (RetentionMs is { } given && given != duration.Ticks / TimeSpan.TicksPerMillisecond)
            problem = Invalid(
                $"retention is \"{Excerpt.Of(Retention)}\" and retentionMs is {given}. They mean the same, so send one "
                    + "of them"
            );
        retentionMs = duration.Ticks / TimeSpan.TicksPerMillisecond;
        return problem is null;
    }

    static string TextOf(long durationMs) => DurationText.Format(TimeSpan.FromMilliseconds(durationMs));

    static Problem Invalid(string detail) => Problems.InvalidRequest(Code, detail);
}
