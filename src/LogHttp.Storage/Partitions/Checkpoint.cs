using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using LogHttp.Storage.Bytes;
using LogHttp.Storage.Files;
using LogHttp.Storage.Layout;
using LogHttp.Storage.Producers;
using LogHttp.Storage.Records;
using LogHttp.Storage.Segments;

namespace LogHttp.Storage.Partitions;

/// <summary>
/// The state that a partition keeps beside its segments, so that a start need not read them (api/FORMAT.md §4).
/// </summary>
/// <param name="LogStartOffset">The earliest available offset.</param>
/// <param name="Durable">A position up to which the log was durable.</param>
/// <param name="LastStampMs">The server's last timestamp, Unix milliseconds.</param>
/// <param name="Producers">The producers at that position.</param>
internal sealed partial record Checkpoint(
    long LogStartOffset,
    SegmentCursor Durable,
    long LastStampMs,
    ProducerTable Producers
)
{
    public const string Name = "checkpoint";

    /// <summary>The damage that verifications found.</summary>
    public IReadOnlyList<SegmentDamage> Damage { get; init; } = [];

    /// <summary>
    /// Whether the log ends at <see cref="Durable"/>, unless the journal has a later entry. Otherwise a start reads on.
    /// </summary>
    public bool IsJournaled { get; init; }

    /// <summary>The most bytes that a checkpoint takes without its producers: its own fields, and damage.</summary>
    const int MaxOtherBytes = 64 << 20;

    /// <summary>
    /// The most bytes that a producer takes. That is the longest id with every character escaped, the longest numbers,
    /// and the names of the fields.
    /// </summary>
    internal const int MaxProducerBytes = 2 * ProducerStamp.MaxIdLength + 128 + ProducerTable.RememberedBatches * 192;

    /// <summary>The most bytes of a valid checkpoint. Kafka's producers may be as many as the others.</summary>
    internal const int MaxBytes =
        2 * StorageOptions.MaxProducersUpperBound * MaxProducerBytes
        + StorageOptions.MaxIdempotencyKeysUpperBound * IdempotencyTable.MaxKeyBytes
        + MaxOtherBytes;

    /// <summary>Returns the most bytes that a checkpoint with these producers takes, except for a few bytes.</summary>
    public static long MaxEncodedBytes(ProducerTable producers) =>
        (long)producers.Count * MaxProducerBytes + (producers.Keys?.EncodedBytes ?? 0);

    // Ids are visible ASCII. They are escaped as little as JSON allows, so that none takes more than twice its length.
    static readonly JsonWriterOptions WriterOptions = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>
    /// Replaces a partition's checkpoint. It is durable on return. The index entries that it counts must be durable
    /// before.
    /// </summary>
    public void Write(PartitionContext context) =>
        context.Environment.FileSystem.Replace(context.Directory, Name, Encode().Span);

    /// <summary>Reads a partition's checkpoint. Returns null, with the reason, if it is missing or invalid.</summary>
    public static Checkpoint? Read(PartitionContext context, out string reason)
    {
        try
        {
            var checkpoint = Read(
                context.Environment.FileSystem,
                Path.Combine(context.Directory, Name),
                context.Options.ProducerLimits,
                out reason
            );
            return checkpoint is null
                ? null
                : checkpoint with
                {
                    Producers = checkpoint.Producers.WithoutExpiredKeys(context.Environment.NowMs),
                };
        }
        catch (FileNotFoundException)
        {
            reason = "there is none";
            return null;
        }
    }

    /// <exception cref="FileNotFoundException">The file does not exist.</exception>
    public static Checkpoint? Read(IFileSystem fileSystem, string path, ProducerLimits limits, out string reason)
    {
        using var file = fileSystem.Open(path);
        var bytes = new byte[Math.Min(file.LengthBytes, MaxBytes)];
        file.ReadExactly(bytes, 0);
        return Decode(bytes, limits, out reason);
    }

    /// <summary>
    /// Encodes the checkpoint with the producers that have not expired at that position. The log's own time decides,
    /// which no clock sets back.
    /// </summary>
    internal ReadOnlyMemory<byte> Encode()
    {
        var producers = Producers
            .Alive(LastStampMs)
            .Select(static producer => ProducerContent.Of(producer.Key, producer.Value))
            .ToArray();
        var content = new Content(
            FormatVersion.Current,
            LogStartOffset,
            Durable.BaseOffset,
            Durable.Position,
            Durable.NextOffset,
            Durable.IndexEntries,
            Durable.BlockPosition,
            Durable.BlockCrc,
            Durable.MaxTimestampMs,
            LastStampMs,
            producers.Length > 0 ? producers : null,
            Damage.Count > 0
                ?
                [
                    .. Damage.Select(static damage => new DamageContent(
                        damage.Segment,
                        damage.Range.Position,
                        damage.Range.EndPosition,
                        damage.Range.Reason,
                        damage.Range.NextOffset
                    )),
                ]
                : null,
            IsJournaled ? true : null,
            Producers.Keys is { } keys ? [.. keys.Alive().Select(KeyContent.Of)] : null
        );
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer, WriterOptions))
            JsonSerializer.Serialize(writer, content, ContentContext.Default.Content);
        ChecksummedLine.Complete(buffer);
        return buffer.WrittenMemory;
    }

    internal static Checkpoint? Decode(ReadOnlySpan<byte> bytes, ProducerLimits limits, out string reason)
    {
        reason = "";
        if (!ChecksummedLine.TryRead(bytes, out var line))
        {
            reason = "its CRC is wrong";
            return null;
        }
        try
        {
            FormatVersion.Read(line, "The checkpoint");
            var content = JsonSerializer.Deserialize(line, ContentContext.Default.Content)!;
            return new(
                content.LogStartOffset,
                new SegmentCursor(content.Segment)
                {
                    Position = content.Position,
                    NextOffset = content.NextOffset,
                    IndexEntries = content.IndexEntries,
                    BlockPosition = content.BlockPosition,
                    BlockCrc = content.BlockCrc,
                    MaxTimestampMs = content.MaxTimestamp,
                },
                content.LastStamp,
                new ProducerTable(
                    limits,
                    (content.Producers ?? []).Select(static producer => producer.ToState()),
                    (content.Idempotency ?? []).Select(static key => key.ToKey())
                )
            )
            {
                IsJournaled = content.Journaled ?? false,
                Damage = content.Damage is { } damage
                    ?
                    [
                        .. damage.Select(static found => new SegmentDamage(
                            found.Segment,
                            new(found.Position, found.EndPosition, found.NextOffset, found.Reason)
                        )),
                    ]
                    : [],
            };
        }
        catch (JsonException exception)
        {
            reason = exception.Message;
            return null;
        }
    }

    internal sealed record Content(
        int Format,
        long LogStartOffset,
        long Segment,
        long Position,
        long NextOffset,
        int IndexEntries,
        long BlockPosition,
        uint BlockCrc,
        long MaxTimestamp,
        long LastStamp,
        ProducerContent[]? Producers = null,
        DamageContent[]? Damage = null,
        bool? Journaled = null,
        KeyContent[]? Idempotency = null
    );

    /// <summary>An idempotency key in the file. Its hash is spelled as in a line.</summary>
    internal readonly record struct KeyContent(string Key, string Hash, long Offset, long NextOffset, long Timestamp)
    {
        public static KeyContent Of(RememberedKey key) =>
            new(key.Stamp.Key, IdempotencyField.TextOf(key.Stamp), key.FirstOffset, key.NextOffset, key.TimestampMs);

        public RememberedKey ToKey() =>
            IdempotencyField.TryRead(Key, Encoding.ASCII.GetBytes(Hash), out var stamp, out var timestampMs)
            && timestampMs is null
                ? new(stamp, Offset, NextOffset, Timestamp)
                : throw new JsonException($"\"{Key}\" with \"{Hash}\" is no idempotency key");
    }

    internal readonly record struct ProducerContent(string Id, long Epoch, long LastSeen, ProducedContent[] Batches)
    {
        public static ProducerContent Of(string id, ProducerState state) =>
            new(
                id,
                state.Epoch,
                state.LastSeenMs,
                [.. state.Batches.Select(static batch => ProducedContent.Of(batch))]
            );

        public KeyValuePair<string, ProducerState> ToState() =>
            new(Id, new ProducerState(Epoch, LastSeen, [.. Batches.Select(static batch => batch.ToBatch())]));
    }

    internal sealed record DamageContent(
        long Segment,
        long Position,
        long EndPosition,
        string Reason,
        long? NextOffset = null
    );

    /// <summary>
    /// A batch in the file. Count and checksum are new in format 3. A batch without a checksum is older, when sequences
    /// counted batches.
    /// </summary>
    internal readonly record struct ProducedContent(
        long Sequence,
        long Offset,
        long NextOffset,
        long Timestamp,
        int? Count = null,
        string? Crc32c = null
    )
    {
        public static ProducedContent Of(in ProducedBatch batch) =>
            new(
                batch.Sequence,
                batch.FirstOffset,
                batch.NextOffset,
                batch.TimestampMs,
                batch.Count,
                batch.Crc?.ToString("x8", CultureInfo.InvariantCulture)
            );

        public ProducedBatch ToBatch()
        {
            uint? crc = null;
            if (Crc32c is not null)
                crc = ProducerField.TryReadCrc(Encoding.ASCII.GetBytes(Crc32c), out var read)
                    ? read
                    : throw new JsonException($"\"{Crc32c}\" is no CRC-32C");
            return new(Sequence, Count ?? checked((int)(NextOffset - Offset)), crc, Offset, NextOffset, Timestamp);
        }
    }

    [JsonSourceGenerationOptions(
        PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        RespectRequiredConstructorParameters = true,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull
    )]
    [JsonSerializable(typeof(Content))]
    sealed partial class ContentContext : JsonSerializerContext;
}
