using System.Buffers;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using LogHttp.Storage.Files;
using LogHttp.Storage.Segments;

namespace LogHttp.Storage.Journal;

/// <summary>
/// The file beside the topics that says whether their journal is needed (api/FORMAT.md §10). A directory of topics
/// without its journal, or with an older one, must not be cut.
/// </summary>
/// <param name="Epoch">A durable round with this epoch is in the journal.</param>
/// <param name="IsEmpty">
/// Whether no journal is needed: the process stopped cleanly, and each topic is complete in itself.
/// </param>
internal sealed partial record JournalMark(ulong Epoch, bool IsEmpty)
{
    /// <summary>The file's name in the directory of topics. Names that begin with "__" are reserved.</summary>
    public const string Name = "__journal";

    const int CurrentFormat = 3;
    const int MaxBytes = 4096;

    /// <summary>Replaces the mark; durable when it returns.</summary>
    /// <param name="fileSystem">The disk.</param>
    /// <param name="directory">The directory of topics.</param>
    public void Write(IFileSystem fileSystem, string directory) => fileSystem.Replace(directory, Name, Encode().Span);

    /// <summary>Reads the mark. Returns null when there is none.</summary>
    /// <exception cref="CorruptionException">The file is not a mark.</exception>
    /// <exception cref="NotSupportedException">A newer version wrote it.</exception>
    public static JournalMark? Read(IFileSystem fileSystem, string directory)
    {
        var path = Path.Combine(directory, Name);
        try
        {
            using var file = fileSystem.Open(path);
            if (file.LengthBytes > MaxBytes)
                throw new CorruptionException(path, 0, $"it has more than {MaxBytes} bytes, the most of a mark");
            var bytes = new byte[file.LengthBytes];
            file.ReadExactly(bytes, 0);
            return Decode(bytes, path);
        }
        catch (FileNotFoundException)
        {
            return null;
        }
    }

    internal ReadOnlyMemory<byte> Encode()
    {
        var content = new Content(CurrentFormat, Epoch.ToString("x16", CultureInfo.InvariantCulture), IsEmpty);
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer))
            JsonSerializer.Serialize(writer, content, MarkContext.Default.Content);
        ChecksummedLine.Complete(buffer);
        return buffer.WrittenMemory;
    }

    internal static JournalMark Decode(ReadOnlySpan<byte> bytes, string path)
    {
        if (!ChecksummedLine.TryRead(bytes, out var line))
            throw new CorruptionException(path, 0, "its CRC is wrong");
        try
        {
            // A newer format may have other fields: its number is read before anything else is expected.
            var format = JsonSerializer.Deserialize(line, MarkContext.Default.AnyContent)?.Format;
            if (format > CurrentFormat)
            {
                throw new NotSupportedException(
                    $"{path} has format {format}; this server knows {CurrentFormat}. Use the server that wrote it, or a "
                    + "newer one.");
            }
            var content = JsonSerializer.Deserialize(line, MarkContext.Default.Content);
            const NumberStyles Hex = NumberStyles.AllowHexSpecifier;
            return content is { Format: CurrentFormat, Epoch.Length: 16 }
                && ulong.TryParse(content.Epoch, Hex, CultureInfo.InvariantCulture, out var epoch)
                ? new(epoch, content.IsEmpty)
                : throw new CorruptionException(path, 0, "it is no journal mark");
        }
        catch (JsonException exception)
        {
            throw new CorruptionException(path, 0, exception.Message);
        }
    }

    [JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Skip)]
    sealed record AnyContent(int Format);

    sealed record Content(int Format, string Epoch, bool IsEmpty);

    [JsonSourceGenerationOptions(
        PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        RespectRequiredConstructorParameters = true)]
    [JsonSerializable(typeof(AnyContent))]
    [JsonSerializable(typeof(Content))]
    sealed partial class MarkContext : JsonSerializerContext;
}
