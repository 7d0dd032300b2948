using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;
using LogHttp.Storage.Files;

namespace LogHttp.Storage.Layout;

/// <summary>A topic's topic.json (api/FORMAT.md §6).</summary>
/// <remarks>
/// Format 2 added retention. Format 3 added the fields after it. Fields with default values are left out. A server of
/// format 2 looks for unknown fields before it looks at the format, and would report damage.
/// </remarks>
internal sealed partial record TopicFile(
    int Format,
    string Id,
    int Partitions,
    long SegmentBytes,
    string Flush,
    long RetentionMs = 0,
    long RetentionBytes = 0,
    string? Values = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] int MaxRecordBytes = 0,
    SortedDictionary<string, string>? Labels = null,
    int[]? GrownFrom = null
)
{
    public const string Name = "topic.json";
    const int MaxBytes = 1 << 20;

    /// <summary>Returns the file of a topic.</summary>
    /// <param name="id">The topic's id.</param>
    /// <param name="configuration">Its configuration.</param>
    /// <param name="formerCounts">The numbers of partitions that it had before, ascending.</param>
    public static TopicFile For(
        string id,
        TopicConfiguration configuration,
        IReadOnlyCollection<int>? formerCounts = null
    ) =>
        new(
            FormatVersion.Current,
            id,
            configuration.Partitions,
            configuration.SegmentBytes,
            configuration.Flush.ToString(),
            configuration.RetentionMs,
            configuration.RetentionBytes,
            configuration.Values == default ? null : ValueForms.NameOf(configuration.Values),
            configuration.MaxRecordBytes,
            configuration.Labels.Entries.Count == 0
                ? null
                : new(configuration.Labels.Entries.ToDictionary(), StringComparer.Ordinal),
            formerCounts is null or { Count: 0 } ? null : [.. formerCounts]
        );

    [JsonIgnore]
    public TopicConfiguration Configuration =>
        new()
        {
            Partitions = Partitions,
            SegmentBytes = SegmentBytes,
            RetentionMs = RetentionMs,
            RetentionBytes = RetentionBytes,
            Flush = FlushPolicy.TryParse(Flush, out var flush)
                ? flush
                : throw new FormatException($"\"{Flush}\" is no flush policy"),
            Values =
                Values is null ? default
                : ValueForms.TryParse(Values, out var values) ? values
                : throw new FormatException($"\"{Values}\" is no form of values"),
            MaxRecordBytes = MaxRecordBytes,
            Labels = Labels is null ? TopicLabels.None : TopicLabels.Of(Labels),
        };

    /// <summary>The numbers of partitions that the topic had before, ascending.</summary>
    [JsonIgnore]
    public ImmutableArray<int> FormerCounts => [.. GrownFrom ?? []];

    /// <summary>
    /// Whether an older server wrote it. Then it must be replaced before anything that such a server could misread.
    /// </summary>
    [JsonIgnore]
    public bool IsOfOlderFormat => Format < FormatVersion.Current;

    /// <summary>Replaces the file in a topic's directory. The file is durable when the method returns.</summary>
    public void Write(IFileSystem fileSystem, string directory) =>
        fileSystem.Replace(
            directory,
            Name,
            [.. JsonSerializer.SerializeToUtf8Bytes(this, Context.Default.TopicFile), (byte)'\n']
        );

    /// <summary>Reads a topic's topic.json.</summary>
    /// <exception cref="CorruptionException">The file is no valid topic.json.</exception>
    /// <exception cref="NotSupportedException">A newer version wrote it.</exception>
    public static TopicFile Read(IFileSystem fileSystem, string directory)
    {
        var path = Path.Combine(directory, Name);
        using var file = fileSystem.Open(path);
        var bytes = new byte[Math.Min(file.LengthBytes, MaxBytes)];
        file.ReadExactly(bytes, 0);
        try
        {
            FormatVersion.Read(bytes, path);
            var content = JsonSerializer.Deserialize(bytes, Context.Default.TopicFile)!;
            if (content.Configuration.Check() is { } fault)
                throw new FormatException(fault);
            content.CheckFormerCounts();
            return content;
        }
        catch (Exception exception) when (exception is JsonException or FormatException)
        {
            throw new CorruptionException(path, 0, exception.Message);
        }
    }

    void CheckFormerCounts()
    {
        var before = 0;
        foreach (var count in (int[])[.. GrownFrom ?? [], Partitions])
        {
            if (count <= before)
                throw new FormatException("grownFrom is no rising row of numbers below that of the partitions");
            before = count;
        }
    }

    [JsonSourceGenerationOptions(
        PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true
    )]
    [JsonSerializable(typeof(TopicFile))]
    sealed partial class Context : JsonSerializerContext;
}
