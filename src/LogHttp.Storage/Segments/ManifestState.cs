using System.Collections.Immutable;

namespace LogHttp.Storage.Segments;

/// <summary>The topic and partition of a manifest. Enough to rebuild the topic's topic.json.</summary>
/// <param name="Topic">The topic's name.</param>
/// <param name="TopicId">The topic's incarnation, as in topic.json.</param>
/// <param name="Partition">The partition's number, from 0.</param>
/// <param name="Configuration">The topic's configuration.</param>
internal sealed record ManifestHeader(string Topic, string TopicId, int Partition, TopicConfiguration Configuration);

/// <summary>
/// The content of a partition's manifest: the segments and the log's start. Immutable: any thread may read it.
/// </summary>
/// <param name="Header">The topic and the partition.</param>
/// <param name="LogStartOffset">The earliest offset that readers may have.</param>
/// <param name="Segments">The segments, ordered by base offset. Only the last may be active.</param>
internal sealed record ManifestState(
    ManifestHeader Header,
    long LogStartOffset,
    ImmutableList<ManifestSegment> Segments
)
{
    static readonly Comparer<ManifestSegment> ByBaseOffset = Comparer<ManifestSegment>.Create(
        static (left, right) => left.BaseOffset.CompareTo(right.BaseOffset)
    );

    /// <summary>Creates the state of a partition without segments.</summary>
    public static ManifestState Empty(ManifestHeader header, long logStartOffset = 0) =>
        new(header, logStartOffset, []);

    /// <summary>The active segment, or null if the last one is sealed or there is none.</summary>
    public ManifestSegment? Active => Last is { IsSealed: false } last ? last : null;

    /// <summary>The last segment, or null if there is none.</summary>
    public ManifestSegment? Last => Segments.IsEmpty ? null : Segments[^1];

    /// <summary>Applies an edit.</summary>
    /// <param name="edit">The edit.</param>
    /// <param name="fault">Why the edit does not fit, or null if it does.</param>
    /// <returns>The state after the edit, or this state if the edit does not fit.</returns>
    public ManifestState Apply(ManifestEdit edit, out string? fault)
    {
        fault = FaultOf(edit);
        if (fault is not null)
            return this;
        switch (edit)
        {
            case ManifestEdit.SegmentMade made:
                return this with { Segments = Segments.Add(made.Segment) };
            case ManifestEdit.SegmentSealed sealing:
                return this with { Segments = Segments.SetItem(Segments.Count - 1, sealing.Segment) };
            case ManifestEdit.SegmentsRemoved removed:
                var doomed = removed.BaseOffsets.ToHashSet();
                return this with
                {
                    LogStartOffset = removed.LogStartOffset,
                    Segments = Segments.RemoveAll(segment => doomed.Contains(segment.BaseOffset)),
                };
            case ManifestEdit.LogStartMoved moved:
                return this with { LogStartOffset = moved.LogStartOffset };
            case ManifestEdit.ActiveAppended appended:
                var active = Active! with
                {
                    LastAppendMs = appended.LastAppendMs,
                    AppendedBytes = appended.LengthBytes,
                };
                return this with { Segments = Segments.SetItem(Segments.Count - 1, active) };
            case ManifestEdit.SegmentsSwapped swapped:
                var first = IndexOf(swapped.BaseOffsets[0]);
                var kept = Segments.RemoveRange(first, swapped.BaseOffsets.Count);
                return this with { Segments = kept.InsertRange(first, swapped.Replacements) };
            case ManifestEdit.Configured configured:
                return this with { Header = Header with { Configuration = configured.Configuration } };
            default:
                throw new ArgumentException($"{edit.GetType().Name} is no edit.", nameof(edit));
        }
    }

    /// <summary>Returns the edit that starts the log at an offset, without the segments before a kept one.</summary>
    public ManifestEdit EditToStartAt(long logStartOffset, long firstKeptBaseOffset)
    {
        var removed = Segments
            .Select(static segment => segment.BaseOffset)
            .TakeWhile(baseOffset => baseOffset < firstKeptBaseOffset)
            .ToArray();
        return removed.Length > 0
            ? new ManifestEdit.SegmentsRemoved(removed, logStartOffset)
            : new ManifestEdit.LogStartMoved(logStartOffset);
    }

    int IndexOf(long baseOffset)
    {
        var index = Segments.BinarySearch(new(baseOffset, 0), ByBaseOffset);
        return index < 0 ? -1 : index;
    }

    string? FaultOf(ManifestEdit edit) =>
        edit switch
        {
            ManifestEdit.SegmentMade made => FaultOfMade(made.Segment),
            ManifestEdit.SegmentSealed sealing => FaultOfSealed(sealing.Segment),
            ManifestEdit.SegmentsRemoved removed => FaultOfUnknown(removed.BaseOffsets)
                ?? FaultOfStart(removed.LogStartOffset),
            ManifestEdit.LogStartMoved moved => FaultOfStart(moved.LogStartOffset),
            ManifestEdit.ActiveAppended appended => Active is null
                ? "no segment is active"
                : FaultOfTime(appended.LastAppendMs) ?? FaultOfLength(appended.LengthBytes),
            ManifestEdit.SegmentsSwapped swapped => FaultOfUnknown(swapped.BaseOffsets) ?? FaultOfSwapped(swapped),
            ManifestEdit.Configured configured => configured.Configuration.Check(),
            _ => null,
        };

    string? FaultOfMade(ManifestSegment segment)
    {
        if (Last is { IsSealed: false } active)
            return $"segment {segment.BaseOffset} is made while segment {active.BaseOffset} is active";
        if (Last is { } last && segment.BaseOffset < Math.Max(last.Extent!.Value.EndOffset, last.BaseOffset + 1))
            return $"segment {segment.BaseOffset} begins within segment {last.BaseOffset}";
        return FaultOfSegment(segment);
    }

    string? FaultOfSealed(ManifestSegment segment)
    {
        if (Active is not { } active || active.BaseOffset != segment.BaseOffset)
            return $"segment {segment.BaseOffset} is sealed and is not the active one";
        if (!segment.IsSealed)
            return $"segment {segment.BaseOffset} is sealed without an end";
        if (segment.Generation != active.Generation)
            return $"segment {segment.BaseOffset} of generation {active.Generation} is sealed in {segment.Generation}";
        return FaultOfSegment(segment);
    }

    string? FaultOfUnknown(IReadOnlyList<long> baseOffsets)
    {
        if (baseOffsets.Count == 0)
            return "it names no segment";
        for (var i = 0; i < baseOffsets.Count; i++)
        {
            if (IndexOf(baseOffsets[i]) < 0)
                return $"there is no segment {baseOffsets[i]}";
            if (i > 0 && baseOffsets[i] <= baseOffsets[i - 1])
                return "its segments are not in order";
        }
        return null;
    }

    string? FaultOfStart(long logStartOffset) =>
        logStartOffset < LogStartOffset
            ? $"the log's start moves back from {LogStartOffset} to {logStartOffset}"
            : null;

    string? FaultOfSwapped(ManifestEdit.SegmentsSwapped swapped)
    {
        // A reader's place between two segments must stay within the swapped segments.
        var first = IndexOf(swapped.BaseOffsets[0]);
        var generation = 0u;
        for (var i = 0; i < swapped.BaseOffsets.Count; i++)
        {
            var old = Segments[first + i];
            if (old.BaseOffset != swapped.BaseOffsets[i])
                return "its segments do not follow each other";
            if (!old.IsSealed)
                return $"segment {old.BaseOffset} is active";
            generation = Math.Max(generation, old.Generation);
        }
        var endOffset = swapped.BaseOffsets[0];
        var lastEndOffset = Segments[first + swapped.BaseOffsets.Count - 1].Extent!.Value.EndOffset;
        ManifestSegment? before = null;
        foreach (var segment in swapped.Replacements)
        {
            if (FaultOfSegment(segment) is { } fault)
                return fault;
            if (!segment.IsSealed)
                return $"segment {segment.BaseOffset} has no end";
            if (segment.Generation <= generation)
                return $"segment {segment.BaseOffset} has generation {segment.Generation}, not above {generation}";
            if (segment.BaseOffset < endOffset || segment.BaseOffset == before?.BaseOffset)
                return $"segment {segment.BaseOffset} begins before offset {endOffset}";
            endOffset = segment.Extent!.Value.EndOffset;
            before = segment;
        }
        return endOffset > lastEndOffset ? $"its segments end at offset {endOffset}, beyond {lastEndOffset}" : null;
    }

    static string? FaultOfSegment(ManifestSegment segment)
    {
        if (segment.BaseOffset < 0)
            return $"segment {segment.BaseOffset} has a negative base offset";
        if (segment.Extent is { } extent && extent.EndOffset < segment.BaseOffset)
            return $"segment {segment.BaseOffset} ends before it begins, at offset {extent.EndOffset}";
        return FaultOfTime(segment.LastAppendMs) ?? FaultOfLength(segment.Extent?.LengthBytes ?? segment.AppendedBytes);
    }

    static string? FaultOfTime(long lastAppendMs) =>
        lastAppendMs < 0 ? $"{lastAppendMs} is no time of an append" : null;

    static string? FaultOfLength(long lengthBytes) =>
        lengthBytes < 0 ? $"a segment cannot have a length of {lengthBytes} bytes" : null;
}
