using System.Collections.Immutable;
using LogHttp.Storage.Segments;

namespace LogHttp.Storage.Partitions;

/// <summary>Builds the manifest of a partition without one, as in earlier formats.</summary>
/// <param name="context">The partition.</param>
/// <param name="lengths">The length of each existing segment, by base offset.</param>
/// <param name="lastWritesMs">The time of each segment's last write, Unix milliseconds.</param>
internal sealed class ManifestBuilder(
    PartitionContext context,
    IReadOnlyDictionary<long, long> lengths,
    IReadOnlyDictionary<long, long> lastWritesMs
)
{
    /// <summary>
    /// Builds the state of a partition without a manifest from its files. It has the segments with content, and an
    /// empty one if that was active. Other empty segments come from rolls that failed, or from jumps of offsets.
    /// </summary>
    public ManifestState Build(Checkpoint? checkpoint)
    {
        var baseOffsets = lengths.Keys.Order().ToArray();
        var active = FindActive(baseOffsets, checkpoint);
        var segments = ImmutableList.CreateBuilder<ManifestSegment>();
        for (var number = 0; number < baseOffsets.Length && number <= active; number++)
        {
            var baseOffset = baseOffsets[number];
            var lengthBytes = lengths[baseOffset];
            if (number == active)
            {
                segments.Add(new(baseOffset, Generation: 0));
                continue;
            }
            // A roll makes sure that the index of an empty segment has no entries. If it has some, another program
            // emptied the segment, and the index shows the loss.
            var isKept = lengthBytes > 0 || LastIndexEntry(baseOffset) is not null;
            var isTrimmed = baseOffsets[number + 1] <= checkpoint?.LogStartOffset;
            if (isKept && !isTrimmed)
            {
                var extent = BuildExtent(baseOffset, baseOffsets[number + 1]);
                segments.Add(new(baseOffset, Generation: 0, lastWritesMs[baseOffset], extent));
            }
        }
        var logStartOffset = checkpoint?.LogStartOffset ?? (segments.Count > 0 ? segments[0].BaseOffset : 0);
        return ManifestState.Empty(context.ManifestHeader, logStartOffset) with { Segments = segments.ToImmutable() };
    }

    /// <summary>Finds the active segment among the existing ones, as earlier formats left them.</summary>
    int FindActive(long[] baseOffsets, Checkpoint? checkpoint)
    {
        var lastFilled = Array.FindLastIndex(baseOffsets, baseOffset => lengths[baseOffset] > 0);
        var active = -1;
        if (checkpoint is not null)
        {
            var (baseOffset, position) = (checkpoint.Durable.BaseOffset, checkpoint.Durable.Position);
            active = Array.IndexOf(baseOffsets, baseOffset);
            // A trim of all records has left that segment for a new one. Its files may be gone, or half of them.
            var isLeft = lengths.GetValueOrDefault(baseOffset, position) == position;
            if (checkpoint.LogStartOffset == checkpoint.Durable.NextOffset && isLeft)
                active = Math.Max(active, Array.IndexOf(baseOffsets, checkpoint.LogStartOffset));
        }
        return active < lastFilled || active < 0 ? Math.Max(lastFilled, 0) : active;
    }

    /// <summary>Finds the end of a segment by its index. Without one, takes the next segment's base offset.</summary>
    SegmentExtent BuildExtent(long baseOffset, long nextBaseOffset)
    {
        if (LastIndexEntry(baseOffset) is not { } last)
            return new(nextBaseOffset, lengths[baseOffset]);
        return new(
            Math.Min(nextBaseOffset, baseOffset + last.RelativeOffset),
            Math.Max(lengths[baseOffset], last.Position)
        );
    }

    IndexEntry? LastIndexEntry(long baseOffset)
    {
        try
        {
            using var index = context.Environment.FileSystem.Open(
                Path.Combine(context.Directory, SegmentLayout.IndexName(baseOffset))
            );
            var entries = (int)((index.LengthBytes - IndexFile.HeaderBytes) / IndexEntry.SizeBytes);
            return entries > 0 && IndexFile.HasHeader(index, baseOffset) ? IndexFile.TryRead(index, entries - 1) : null;
        }
        catch (FileNotFoundException)
        {
            return null;
        }
    }
}
