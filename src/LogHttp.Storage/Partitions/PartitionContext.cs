using LogHttp.Storage.Committing;
using LogHttp.Storage.Files;
using LogHttp.Storage.Journal;
using LogHttp.Storage.Layout;
using LogHttp.Storage.Segments;

namespace LogHttp.Storage.Partitions;

/// <summary>A partition's directory, its volume's syncer, and the objects that all partitions share.</summary>
internal sealed record PartitionContext(
    StorageEnvironment Environment,
    StorageOptions Options,
    SegmentSyncer Syncer,
    OpenSegments OpenSegments,
    ColdReads ColdReads,
    DiskReserve Reserve,
    JournalWriter Journal,
    JournalPartition JournalPartition,
    JournalEndSource EndSource,
    bool IsOnJournaledVolume,
    ManifestHeader ManifestHeader,
    string Directory
)
{
    public Segment NewSegment(long baseOffset) => new(Environment, OpenSegments, Directory, baseOffset);
}

/// <summary>How a partition finds its end when it is opened.</summary>
/// <param name="IsMarked">Whether the directory has a journal. Without one, ends are found by reading.</param>
/// <param name="IsRedone">Whether the journal's records are in the segments, synced, up to the end.</param>
/// <param name="IsRecorded">Whether the start records the end in the journal, so that no checkpoint has to.</param>
/// <param name="Problem">Why the end is uncertain, so that nothing may be cut or appended. Otherwise null.</param>
internal sealed record JournalEndSource(bool IsMarked, bool IsRedone, bool IsRecorded, string? Problem);
