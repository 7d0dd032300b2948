using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using LogHttp.Storage.Verifying;

namespace LogHttp.Cli;

/// <summary>Prints the findings of a verification, one a line, for people or as JSON.</summary>
internal sealed partial class FindingWriter(TextWriter output, bool isJson)
{
    readonly int[] _counts = new int[3];

    /// <summary>Whether anything is damaged. Notes do not count.</summary>
    public bool HasDamage => _counts[(int)FindingKind.Data] + _counts[(int)FindingKind.Index] > 0;

    public void Write(Finding finding)
    {
        _counts[(int)finding.Kind]++;
        if (isJson)
            output.WriteLine(JsonSerializer.Serialize(finding, Context.Default.Finding));
        else
            output.WriteLine(Text(finding));
    }

    public void WriteSummary(VerifySummary summary, TimeSpan elapsed)
    {
        var megabytesPerSecond = summary.Bytes / 1e6 / Math.Max(elapsed.TotalSeconds, 0.001);
        var (data, index, notes) = (
            _counts[(int)FindingKind.Data],
            _counts[(int)FindingKind.Index],
            _counts[(int)FindingKind.Note]
        );
        if (isJson)
            output.WriteLine(
                JsonSerializer.Serialize(
                    new Summary(
                        summary.Topics,
                        summary.Segments,
                        summary.Bytes,
                        data,
                        index,
                        notes,
                        Math.Round(elapsed.TotalSeconds, 3)
                    ),
                    Context.Default.Summary
                )
            );
        else
        {
            var result = HasDamage
                ? $"{data} damaged places, {index} indexes or checkpoints to rebuild"
                : "all is well";
            output.WriteLine(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"{summary.Topics} topics, {summary.Segments} segments, {summary.Bytes} bytes, "
                        + $"{megabytesPerSecond:0} MB/s: {result}, {notes} notes"
                )
            );
        }
    }

    static string Text(Finding finding)
    {
        var kind = finding.Kind switch
        {
            FindingKind.Data => "DAMAGE",
            FindingKind.Index => "index",
            _ => "note",
        };
        var range =
            finding.LengthBytes > 0 ? $", bytes {finding.Position} to {finding.Position + finding.LengthBytes - 1}"
            : finding.Position > 0 ? $", position {finding.Position}"
            : "";
        var resume = finding.NextOffset is { } next ? $"; readers can continue at offset {next}" : "";
        return $"{kind}: {TerminalText.Escape(finding.Path)}{range}: {TerminalText.Escape(finding.Reason)}{resume}";
    }

    internal sealed record Summary(
        int Topics,
        int Segments,
        long Bytes,
        int DamagedPlaces,
        [property: JsonPropertyName("indexesToBeMade")] int IndexesToCreate,
        int Notes,
        double Seconds
    );

    [JsonSourceGenerationOptions(
        PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
        UseStringEnumConverter = true,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull
    )]
    [JsonSerializable(typeof(Finding))]
    [JsonSerializable(typeof(Summary))]
    sealed partial class Context : JsonSerializerContext;
}
