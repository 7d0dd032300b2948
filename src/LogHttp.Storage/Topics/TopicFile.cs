using System.Text.Json;
using System.Text.Json.Serialization;
using LogHttp.Storage.Files;
using LogHttp.Storage.Segments;

namespace LogHttp.Storage;

/// <summary>A topic's topic.json (api/FORMAT.md §6).</summary>
internal sealed partial record TopicFile(int Format, string Id, int Partitions, long SegmentBytes, string Flush, long RetentionMs = 0, long RetentionBytes = 0)
{
    public const string Name = "topic.json";
    const int CurrentFormat = 2;
    const int FormatWithoutRetention = 1;
    const int MaxBytes = 1 << 20;

    public static TopicFile For(string id, TopicConfiguration configuration) =>
        new(CurrentFormat, id, configuration.Partitions, configuration.SegmentBytes, configuration.Flush.ToString(), configuration.RetentionMs, configuration.RetentionBytes);

    [JsonIgnore]
    public TopicConfiguration Configuration => new()
    {
        Partitions = Partitions,
        SegmentBytes = SegmentBytes,
        RetentionMs = RetentionMs,
        RetentionBytes = RetentionBytes,
        Flush = FlushPolicy.TryParse(Flush, out var flush) ? flush : throw new FormatException($"\"{Flush}\" is no flush policy"),
    };

    /// <summary>Puts it in a topic's directory, in the place of the one there was; durable when it returns.</summary>
    public void Write(IFileSystem fileSystem, string directory) =>
        fileSystem.Replace(directory, Name, [.. JsonSerializer.SerializeToUtf8Bytes(this, Context.Default.TopicFile), (byte)'\n']);

    /// <exception cref="CorruptionException">The file can't be read as what it should be.</exception>
    /// <exception cref="NotSupportedException">A newer version wrote it.</exception>
    public static TopicFile Read(IFileSystem fileSystem, string directory)
    {
        var path = Path.Combine(directory, Name);
        using var file = fileSystem.Open(path);
        var bytes = new byte[Math.Min(file.LengthBytes, MaxBytes)];
        file.ReadExactly(bytes, 0);
        try
        {
            var content = JsonSerializer.Deserialize(bytes, Context.Default.TopicFile) ?? throw new FormatException("it holds no object");
            if (content.Format is not (CurrentFormat or FormatWithoutRetention))
                throw new NotSupportedException($"{path} has format {content.Format}; this server knows {CurrentFormat}. Use the server that wrote it, or a newer one.");
            if (content.Configuration.Check() is { } fault)
                throw new FormatException(fault);
            return content;
        }
        catch (Exception exception) when (exception is JsonException or FormatException)
        {
            throw new CorruptionException(path, 0, exception.Message);
        }
    }

    [JsonSourceGenerationOptions(
        PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        RespectRequiredConstructorParameters = true)]
    [JsonSerializable(typeof(TopicFile))]
    sealed partial class Context : JsonSerializerContext;
}
