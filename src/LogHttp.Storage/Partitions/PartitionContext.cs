using LogHttp.Storage.Appending;
using LogHttp.Storage.Files;
using LogHttp.Storage.Segments;

namespace LogHttp.Storage;

/// <summary>A partition's directory, its volume's syncer, and what it shares with all partitions.</summary>
internal sealed record PartitionContext(
    StorageEnvironment Environment,
    StorageOptions Options,
    SegmentSyncer Syncer,
    OpenSegments OpenSegments,
    ColdReads ColdReads,
    DiskReserve Reserve,
    AppendBudget AppendBudget,
    string Directory)
{
    public Segment NewSegment(long baseOffset) => new(Environment, OpenSegments, Directory, baseOffset);
}
