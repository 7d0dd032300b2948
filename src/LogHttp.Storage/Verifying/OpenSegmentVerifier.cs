using LogHttp.Storage.Logs;
using LogHttp.Storage.Partitions;
using LogHttp.Storage.Segments;

namespace LogHttp.Storage.Verifying;

/// <summary>
/// Verifies a segment of an open partition, beside its readers and its writer, without their locks. It repairs too: it
/// rebuilds a wrong index, hides damaged blocks from readers, and gives repaired blocks back to them.
/// </summary>
internal static class OpenSegmentVerifier
{
    /// <summary>
    /// Verifies the segment step by step, and yields the bytes of each step. Ends early if the segment is removed.
    /// </summary>
    public static IEnumerable<long> Run(
        string topic,
        PartitionLog log,
        LogView view,
        Segment segment,
        Action<Finding> report
    )
    {
        var isSealed = segment != view.Active;
        // A full disk had no room for some entries. Readers can do without them.
        if (!isSealed && !view.IsIndexWhole)
            yield break;
        using var lease = segment.Acquire(isSealed: false);
        var extent = isSealed
            ? new VerifiedExtent(lease.Files.Data.LengthBytes)
            : new VerifiedExtent(view.End.Position, view.End.IndexEntries);
        var damage = new List<DamagedRange>();
        using var verifier = new SegmentVerifier(
            new(segment.BaseOffset, segment.DataPath, segment.IndexPath),
            lease.Files.Data,
            lease.Files.Index,
            extent,
            Take
        );
        foreach (var bytes in verifier.Run())
        {
            yield return bytes;
            if (segment.IsRetired)
                yield break;
        }
        if (verifier.IsIndexWrong && !verifier.HasDamage)
            segment.RebuildIndex(lease.Files, extent.EndPosition, isSealed, segment.IndexRebuildCount);
        log.SetDamage(segment, damage);

        void Take(Finding finding)
        {
            report(finding with { Topic = topic, Partition = log.Number });
            if (finding.Kind != FindingKind.Data)
                return;
            var range = new DamagedRange(
                finding.Position,
                finding.Position + finding.LengthBytes,
                finding.NextOffset,
                finding.Reason
            );
            if (!segment.Damage.Contains(range))
                StorageLog.DamageFound(
                    log.Environment.Logger,
                    topic,
                    log.Number,
                    finding.Path,
                    finding.Position,
                    finding.Reason
                );
            damage.Add(range);
        }
    }
}
