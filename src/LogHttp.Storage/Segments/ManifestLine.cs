using System.Buffers;
using System.Buffers.Text;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using LogHttp.Storage.Bytes;
using LogHttp.Storage.Layout;

namespace LogHttp.Storage.Segments;

/// <summary>
/// Encodes and decodes the lines of a manifest (api/FORMAT.md §14). Every line ends with its checksum.
/// </summary>
internal static partial class ManifestLine
{
    public const int CurrentFormat = FormatVersion.Current;

    const int CrcDigits = 8;

    static readonly JsonWriterOptions WriterOptions = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The first bytes of every edit's line. They occur nowhere else in it.</summary>
    public static ReadOnlySpan<byte> EditStart => "{\"edit\":"u8;

    static ReadOnlySpan<byte> CrcField => ",\"crc\":\""u8;

    static ReadOnlySpan<byte> LineEnd => "\"}\n"u8;

    static int SuffixBytes => CrcField.Length + CrcDigits + LineEnd.Length;

    /// <summary>Writes the first line of a manifest.</summary>
    /// <param name="buffer">Takes the line.</param>
    /// <param name="state">The state that the first lines have.</param>
    /// <param name="lines">The number of those lines, this one included.</param>
    public static void WriteHeader(ArrayBufferWriter<byte> buffer, ManifestState state, int lines)
    {
        var (topic, id, partition, configuration) = state.Header;
        var content = new HeaderContent(
            CurrentFormat,
            topic,
            id,
            partition,
            configuration.Partitions,
            configuration.SegmentBytes,
            configuration.Flush.ToString(),
            configuration.RetentionMs,
            configuration.RetentionBytes,
            ValueForms.NameOf(configuration.Values),
            configuration.MaxRecordBytes,
            state.LogStartOffset,
            lines
        )
        {
            Labels = LabelsOf(configuration),
        };
        Write(buffer, content, LineContext.Default.HeaderContent);
    }

    /// <summary>Reads the first line of a manifest.</summary>
    /// <returns>The state without its segments, and the number of first lines that have the state.</returns>
    /// <exception cref="FormatException">The line is not one.</exception>
    /// <exception cref="NotSupportedException">A newer version wrote it.</exception>
    public static (ManifestState State, int Lines) ReadHeader(ReadOnlySpan<byte> line)
    {
        // A newer format may have other fields, so its number is read before anything else.
        var format = Parse(line, LineContext.Default.AnyHeader).Format;
        if (format > CurrentFormat)
        {
            throw new NotSupportedException(
                $"The manifest has format {format}; this server knows {CurrentFormat}. Use the server that wrote "
                    + "it, or "
                    + "a newer one."
            );
        }
        var content = Parse(line, LineContext.Default.HeaderContent);
        if (content.Format != CurrentFormat)
            throw new FormatException($"there is no manifest of format {content.Format}");
        var configuration = ConfigurationOf(
            content.Partitions,
            content.SegmentBytes,
            content.Flush,
            content.RetentionMs,
            content.RetentionBytes,
            content.Values,
            content.MaxRecordBytes,
            content.Labels
        );
        if (TopicName.Check(content.Topic) is { } fault)
            throw new FormatException(fault);
        if (
            content is { Partition: < 0 } or { LogStartOffset: < 0 } or { Lines: < 1 }
            || content.Partition >= content.Partitions
        )
            throw new FormatException("a number is out of its range");
        var state = ManifestState.Empty(
            new(content.Topic, content.Id, content.Partition, configuration),
            content.LogStartOffset
        );
        EnsureCanonical(line, buffer => WriteHeader(buffer, state, content.Lines));
        return (state, content.Lines);
    }

    /// <summary>Writes the line of an edit.</summary>
    /// <param name="buffer">Takes the line.</param>
    /// <param name="edit">The edit.</param>
    /// <param name="syncedBytes">How much of the file was durable before, or null for one of the first lines.</param>
    public static void Write(ArrayBufferWriter<byte> buffer, ManifestEdit edit, long? syncedBytes)
    {
        var content = edit switch
        {
            ManifestEdit.SegmentMade made => ContentOf("made", made.Segment),
            ManifestEdit.SegmentSealed sealing => ContentOf("sealed", sealing.Segment),
            ManifestEdit.SegmentsRemoved removed => new EditContent("removed")
            {
                Segments = [.. removed.BaseOffsets],
                LogStartOffset = removed.LogStartOffset,
            },
            ManifestEdit.LogStartMoved moved => new("started") { LogStartOffset = moved.LogStartOffset },
            ManifestEdit.ActiveAppended appended => new("appended")
            {
                Length = appended.LengthBytes,
                LastAppend = appended.LastAppendMs,
            },
            ManifestEdit.SegmentsSwapped swapped => new("swapped")
            {
                Segments = [.. swapped.BaseOffsets],
                Made = [.. swapped.Replacements.Select(static segment => SegmentContent.Of(segment))],
            },
            ManifestEdit.Configured { Configuration: var configuration } => new("configured")
            {
                SegmentBytes = configuration.SegmentBytes,
                Flush = configuration.Flush.ToString(),
                RetentionMs = configuration.RetentionMs,
                RetentionBytes = configuration.RetentionBytes,
                Values = ValueForms.NameOf(configuration.Values),
                MaxRecordBytes = configuration.MaxRecordBytes,
                Labels = LabelsOf(configuration),
            },
            _ => throw new ArgumentException($"{edit.GetType().Name} is no edit.", nameof(edit)),
        };
        Write(buffer, content with { Synced = syncedBytes }, LineContext.Default.EditContent);
    }

    /// <summary>Reads the line of an edit, with its line feed.</summary>
    /// <param name="line">The line.</param>
    /// <param name="partitions">The number of the topic's partitions, which only the first line has.</param>
    /// <returns>The edit, and how much of the file was durable before, or null for one of the first lines.</returns>
    /// <exception cref="FormatException">The line is not one.</exception>
    public static (ManifestEdit Edit, long? SyncedBytes) Read(ReadOnlySpan<byte> line, int partitions)
    {
        var content = Parse(line, LineContext.Default.EditContent);
        ManifestEdit edit = content switch
        {
            { Edit: "made" } => new ManifestEdit.SegmentMade(content.ToSegment()),
            { Edit: "sealed" } => new ManifestEdit.SegmentSealed(content.ToSegment()),
            { Edit: "removed", Segments: { } segments, LogStartOffset: { } start } => new ManifestEdit.SegmentsRemoved(
                segments,
                start
            ),
            { Edit: "started", LogStartOffset: { } start } => new ManifestEdit.LogStartMoved(start),
            { Edit: "appended", Length: { } lengthBytes, LastAppend: { } lastAppendMs } =>
                new ManifestEdit.ActiveAppended(lastAppendMs, lengthBytes),
            { Edit: "swapped", Segments: { } segments, Made: { } made } => new ManifestEdit.SegmentsSwapped(
                segments,
                [.. made.Select(static segment => segment.ToSegment())]
            ),
            { Edit: "configured", SegmentBytes: { } size, Flush: { } flush, RetentionMs: { } ms, Values: { } values } =>
                new ManifestEdit.Configured(
                    ConfigurationOf(
                        partitions,
                        size,
                        flush,
                        ms,
                        content.RetentionBytes ?? 0,
                        values,
                        content.MaxRecordBytes ?? 0,
                        content.Labels
                    )
                ),
            _ => throw new FormatException($"\"{content.Edit}\" is no edit with these fields"),
        };
        EnsureCanonical(line, buffer => Write(buffer, edit, content.Synced));
        return (edit, content.Synced);
    }

    /// <summary>Returns whether a line ends with its right checksum and a line feed.</summary>
    public static bool IsWhole(ReadOnlySpan<byte> line)
    {
        if (line.Length <= SuffixBytes)
            return false;
        var suffix = line[^SuffixBytes..];
        Span<byte> expected = stackalloc byte[CrcDigits];
        WriteCrc(expected, line[..^SuffixBytes]);
        return suffix.StartsWith(CrcField)
            && suffix.EndsWith(LineEnd)
            && suffix.Slice(CrcField.Length, CrcDigits).SequenceEqual(expected);
    }

    static void WriteCrc(Span<byte> digits, ReadOnlySpan<byte> covered) =>
        Utf8Formatter.TryFormat(Crc32C.Of(covered), digits, out _, new StandardFormat('x', CrcDigits));

    static void Write<T>(ArrayBufferWriter<byte> buffer, T content, JsonTypeInfo<T> type)
    {
        // The checksum becomes a part of the object, so the closing brace is written again behind it.
        var json = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(json, WriterOptions))
            JsonSerializer.Serialize(writer, content, type);
        var covered = json.WrittenSpan[..^1];
        Span<byte> digits = stackalloc byte[CrcDigits];
        WriteCrc(digits, covered);
        buffer.Write(covered);
        buffer.Write(CrcField);
        buffer.Write(digits);
        buffer.Write(LineEnd);
    }

    static T Parse<T>(ReadOnlySpan<byte> line, JsonTypeInfo<T> type)
    {
        try
        {
            return JsonSerializer.Deserialize(line, type) ?? throw new FormatException("it holds no object");
        }
        catch (JsonException exception)
        {
            throw new FormatException(exception.Message, exception);
        }
    }

    /// <summary>Each content has exactly one line: no field is missing, unknown or repeated.</summary>
    static void EnsureCanonical(ReadOnlySpan<byte> line, Action<ArrayBufferWriter<byte>> write)
    {
        var buffer = new ArrayBufferWriter<byte>(line.Length);
        write(buffer);
        if (!buffer.WrittenSpan.SequenceEqual(line))
            throw new FormatException($"the line should read {Encoding.UTF8.GetString(buffer.WrittenSpan).TrimEnd()}");
    }

    static TopicConfiguration ConfigurationOf(
        int partitions,
        long segmentBytes,
        string flush,
        long retentionMs,
        long retentionBytes,
        string values,
        int maxRecordBytes,
        SortedDictionary<string, string>? labels
    )
    {
        if (!FlushPolicy.TryParse(flush, out var policy))
            throw new FormatException($"\"{flush}\" is no flush policy");
        if (!ValueForms.TryParse(values, out var form))
            throw new FormatException($"\"{values}\" is no form of values");
        var configuration = new TopicConfiguration
        {
            Partitions = partitions,
            SegmentBytes = segmentBytes,
            Flush = policy,
            RetentionMs = retentionMs,
            RetentionBytes = retentionBytes,
            Values = form,
            MaxRecordBytes = maxRecordBytes,
            Labels = labels is null ? TopicLabels.None : TopicLabels.Of(labels),
        };
        return configuration.Check() is { } fault ? throw new FormatException(fault) : configuration;
    }

    static SortedDictionary<string, string>? LabelsOf(TopicConfiguration configuration) =>
        configuration.Labels.Entries.Count == 0
            ? null
            : new(configuration.Labels.Entries.ToDictionary(), StringComparer.Ordinal);

    static EditContent ContentOf(string edit, ManifestSegment segment)
    {
        var (baseOffset, generation, endOffset, length, lastAppend) = SegmentContent.Of(segment);
        return new(edit)
        {
            Segment = baseOffset,
            Generation = generation,
            EndOffset = endOffset,
            Length = length,
            LastAppend = lastAppend,
        };
    }

    [JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Skip)]
    sealed record AnyHeader(int Format);

    sealed record HeaderContent(
        int Format,
        string Topic,
        string Id,
        int Partition,
        int Partitions,
        long SegmentBytes,
        string Flush,
        long RetentionMs,
        long RetentionBytes,
        string Values,
        int MaxRecordBytes,
        long LogStartOffset,
        int Lines
    )
    {
        public SortedDictionary<string, string>? Labels { get; init; }

        public string? Crc { get; init; }
    }

    sealed record EditContent(string Edit)
    {
        public long? Segment { get; init; }

        public uint? Generation { get; init; }

        public long? EndOffset { get; init; }

        public long? Length { get; init; }

        public long? LastAppend { get; init; }

        public long[]? Segments { get; init; }

        public SegmentContent[]? Made { get; init; }

        public long? LogStartOffset { get; init; }

        public long? SegmentBytes { get; init; }

        public string? Flush { get; init; }

        public long? RetentionMs { get; init; }

        public long? RetentionBytes { get; init; }

        public string? Values { get; init; }

        public int? MaxRecordBytes { get; init; }

        public SortedDictionary<string, string>? Labels { get; init; }

        public long? Synced { get; init; }

        public string? Crc { get; init; }

        public ManifestSegment ToSegment() =>
            Segment is { } segment && Generation is { } generation
                ? new SegmentContent(segment, generation, EndOffset, Length, LastAppend).ToSegment()
                : throw new FormatException($"the edit \"{Edit}\" names no segment");
    }

    readonly record struct SegmentContent(
        long Segment,
        uint Generation,
        long? EndOffset,
        long? Length,
        long? LastAppend
    )
    {
        public static SegmentContent Of(ManifestSegment segment) =>
            new(
                segment.BaseOffset,
                segment.Generation,
                segment.Extent?.EndOffset,
                segment.Extent?.LengthBytes ?? (segment.AppendedBytes == 0 ? null : segment.AppendedBytes),
                segment.LastAppendMs == 0 ? null : segment.LastAppendMs
            );

        public ManifestSegment ToSegment() =>
            new(
                Segment,
                Generation,
                LastAppend ?? 0,
                EndOffset is { } endOffset && Length is { } lengthBytes
                    ? new SegmentExtent(endOffset, lengthBytes)
                    : null,
                EndOffset is null ? Length ?? 0 : 0
            );
    }

    [JsonSourceGenerationOptions(
        PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull
    )]
    [JsonSerializable(typeof(AnyHeader))]
    [JsonSerializable(typeof(HeaderContent))]
    [JsonSerializable(typeof(EditContent))]
    sealed partial class LineContext : JsonSerializerContext;
}
