using LogHttp.Storage.Appending;
using LogHttp.Storage.Files;
using LogHttp.Storage.Segments;

namespace LogHttp.Storage;

/// <summary>What a partition shares with all others of its data directory, and where it lives.</summary>
internal sealed record PartitionContext(StorageEnvironment Environment, StorageOptions Options, Committer Committer, OpenSegments OpenSegments, ColdReads ColdReads, DiskReserve Reserve, AppendBudget AppendBudget, string Directory)
{
    public Segment NewSegment(long baseOffset) => new(Environment, OpenSegments, Directory, baseOffset);
}
