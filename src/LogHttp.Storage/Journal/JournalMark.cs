using System.Buffers;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using LogHttp.Storage.Bytes;
using LogHttp.Storage.Files;

namespace LogHttp.Storage.Journal;

/// <summary>
/// The file beside the topics that tells whether their journal is needed (api/FORMAT.md §10). A start must not cut the
/// logs of a directory whose journal is missing or older.
/// </summary>
/// <param name="Epoch">The epoch of a durable round in the journal.</param>
/// <param name="IsEmpty">
/// Whether no journal is needed: the process stopped cleanly, and each topic is complete in itself.
/// </param>
/// <param name="LastRound">With an empty journal, the last round's number. The next start continues after it.</param>
/// <param name="LastHeadChecksum">With an empty journal, the last round's head checksum.</param>
internal sealed partial record JournalMark(ulong Epoch, bool IsEmpty, ulong LastRound = 0, uint LastHeadChecksum = 0)
{
    /// <summary>The file's name in the directory of topics. Names that begin with "__" are reserved.</summary>
    public const string Name = "__journal";

    const int CurrentFormat = 3;

    /// <summary>
    /// The size of a slot, one sector. The file has two slots, and the one with the higher sequence counts.
    /// </summary>
    const int SlotBytes = 512;

    /// <summary>The number of marks that were written before this one.</summary>
    public long Sequence { get; init; }

    /// <summary>
    /// Writes the mark. It is durable on return. In an existing file it overwrites the slot of the older mark. That
    /// takes one sync and no room on a full disk. An interrupted write leaves the previous mark valid.
    /// </summary>
    /// <param name="fileSystem">The disk.</param>
    /// <param name="directory">The directory of topics.</param>
    public void Write(IFileSystem fileSystem, string directory)
    {
        var path = Path.Combine(directory, Name);
        try
        {
            using var file = fileSystem.Open(path);
            if (file.LengthBytes == 2 * SlotBytes && ReadSlots(file, path) is { } before)
            {
                var next = this with { Sequence = before.Sequence + 1 };
                file.Write(next.Encode().Span, next.Sequence % 2 * SlotBytes);
                file.Sync();
                return;
            }
        }
        catch (FileNotFoundException)
        {
            // The first mark is created below.
        }
        var first = (this with { Sequence = 0 }).Encode().Span;
        fileSystem.Replace(directory, Name, [.. first, .. first]);
    }

    /// <summary>Reads the mark. Returns null if there is none.</summary>
    /// <exception cref="CorruptionException">The file is not a mark.</exception>
    /// <exception cref="NotSupportedException">A newer version wrote it.</exception>
    public static JournalMark? Read(IFileSystem fileSystem, string directory)
    {
        var path = Path.Combine(directory, Name);
        try
        {
            using var file = fileSystem.Open(path);
            return ReadSlots(file, path)
                ?? throw new CorruptionException(path, 0, "the CRC of both of its marks is wrong");
        }
        catch (FileNotFoundException)
        {
            return null;
        }
    }

    static JournalMark? ReadSlots(IFile file, string path)
    {
        Span<byte> slot = stackalloc byte[SlotBytes];
        JournalMark? newest = null;
        for (var number = 0; number < 2; number++)
        {
            var mark = file.Read(slot, number * SlotBytes) == SlotBytes ? Decode(slot, path) : null;
            if (mark?.Sequence > (newest?.Sequence ?? -1))
                newest = mark;
        }
        return newest;
    }

    internal ReadOnlyMemory<byte> Encode()
    {
        var buffer = new ArrayBufferWriter<byte>();
        var epoch = Epoch.ToString("x16", CultureInfo.InvariantCulture);
        var content = new Content(CurrentFormat, epoch, IsEmpty, LastRound, LastHeadChecksum, Sequence);
        using (var writer = new Utf8JsonWriter(buffer))
            JsonSerializer.Serialize(writer, content, MarkContext.Default.Content);
        // Spaces fill the slot. They are part of the line, before its line feed.
        var padding = SlotBytes - buffer.WrittenCount - ChecksummedLine.OverheadBytes;
        buffer.GetSpan(padding)[..padding].Fill((byte)' ');
        buffer.Advance(padding);
        ChecksummedLine.Complete(buffer);
        return buffer.WrittenMemory;
    }

    /// <summary>Reads one slot. Returns null if its checksum is wrong, as after an interrupted write.</summary>
    internal static JournalMark? Decode(ReadOnlySpan<byte> bytes, string path)
    {
        if (!ChecksummedLine.TryRead(bytes, out var line))
            return null;
        try
        {
            // A newer format may have other fields, so its number is read first.
            var format = JsonSerializer.Deserialize(line, MarkContext.Default.AnyContent)?.Format;
            if (format > CurrentFormat)
            {
                throw new NotSupportedException(
                    $"{path} has format {format}; this server knows {CurrentFormat}. "
                        + "Use the server that wrote it, or a newer one."
                );
            }
            var content = JsonSerializer.Deserialize(line, MarkContext.Default.Content);
            if (
                content is not { Format: CurrentFormat, Epoch.Length: 16 }
                || !ulong.TryParse(
                    content.Epoch,
                    NumberStyles.AllowHexSpecifier,
                    CultureInfo.InvariantCulture,
                    out var epoch
                )
            )
                throw new CorruptionException(path, 0, "it is not a journal mark");
            return new(epoch, content.IsEmpty, content.LastRound, content.LastHeadChecksum)
            {
                Sequence = content.Sequence,
            };
        }
        catch (JsonException exception)
        {
            throw new CorruptionException(path, 0, exception.Message);
        }
    }

    [JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Skip)]
    sealed record AnyContent(int Format);

    sealed record Content(
        int Format,
        string Epoch,
        bool IsEmpty,
        ulong LastRound,
        uint LastHeadChecksum,
        long Sequence
    );

    [JsonSourceGenerationOptions(
        PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        RespectRequiredConstructorParameters = true
    )]
    [JsonSerializable(typeof(AnyContent))]
    [JsonSerializable(typeof(Content))]
    sealed partial class MarkContext : JsonSerializerContext;
}
