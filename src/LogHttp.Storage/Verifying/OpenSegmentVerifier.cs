using LogHttp.Storage.Logs;
using LogHttp.Storage.Partitions;
using LogHttp.Storage.Segments;

namespace LogHttp.Storage.Verifying;

/// <summary>
/// Verifies a segment of a partition that is open, beside its readers and its writer and without any lock of theirs,
/// and sees to what it finds: an index is made anew, damaged blocks are kept from readers from then on, mended ones
/// given back.
/// </summary>
internal static class OpenSegmentVerifier
{
    /// <summary>
    /// Goes through the segment step by step; gives how many bytes each took. It ends early where the segment goes.
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
        // Readers do well without the entries that a full disk had no room for.
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
