using LogHttp.Storage.Segments;
using LogHttp.Testing;

namespace LogHttp.Storage.Tests.Segments;

public class OpenSegmentsTests
{
    const int MaxOpenSegments = 4;

    // The indexes of these segments are not needed.
    const int MostOpen = 2 * MaxOpenSegments;

    readonly PowerCutFileSystem _fileSystem = new(new Random(1));
    readonly SimulatedTime _time = new(ModelLog.Now);
    readonly OpenSegments _open = new(MaxOpenSegments);

    Segment[] Create(int count)
    {
        var environment = new StorageEnvironment { FileSystem = _fileSystem, Time = _time };
        var segments = Enumerable
            .Range(0, count)
            .Select(number => new Segment(environment, _open, "/", number))
            .ToArray();
        foreach (var segment in segments)
            segment.Create();
        return segments;
    }

    SegmentLease Use(Segment segment)
    {
        _time.Advance(TimeSpan.FromSeconds(1));
        return segment.Acquire(isSealed: false);
    }

    [Fact]
    public void Acquire_AboveLimit_ClosesLongestUnused()
    {
        var segments = Create(3 * MostOpen);
        foreach (var segment in segments)
        {
            Use(segment).Dispose();
            Assert.InRange(_open.OpenFiles, 1, MostOpen);
            Assert.Equal(_open.OpenFiles, _fileSystem.OpenHandleCount);
        }
        // The segments used last are still open: using them again opens nothing.
        _fileSystem.Faults = static call =>
            call.Kind == FileSystemCallKind.Open ? throw new InvalidOperationException($"{call}") : Fault.None;
        Use(segments[^1]).Dispose();
        Assert.Throws<InvalidOperationException>(() => Use(segments[0]));
    }

    [Fact]
    public void Acquire_LongestUnusedInUse_ClosesOthers()
    {
        var segments = Create(3 * MostOpen);
        using var first = Use(segments[0]);
        using var second = Use(segments[1]);
        foreach (var segment in segments[2..])
            Use(segment).Dispose();
        Assert.InRange(_open.OpenFiles, 1, MostOpen);
        Assert.Equal(0, first.Files.Data.LengthBytes);
    }

    [Fact]
    public void Acquire_AllInUse_ExceedsLimitUntilReleased()
    {
        var segments = Create(3 * MostOpen);
        var leases = segments[..12].Select(Use).ToArray();
        Assert.Equal(12, _open.OpenFiles);
        foreach (var lease in leases)
            lease.Dispose();
        Use(segments[20]).Dispose();
        Assert.InRange(_open.OpenFiles, 1, MostOpen);
    }

    [Fact]
    public void Retire_SegmentInUse_ClosesWithLastLease()
    {
        var segment = Create(1)[0];
        var lease = Use(segment);
        Assert.Equal(IndexFile.HeaderBytes, lease.Files.Index.LengthBytes);
        segment.Retire();
        Assert.Equal(2, _fileSystem.OpenHandleCount);
        lease.Dispose();
        lease.Dispose();
        Assert.Equal((0, 0), (_fileSystem.OpenHandleCount, _open.OpenFiles));
    }

    [Fact]
    public void Acquire_WithIndexes_OpensHalfAsMany()
    {
        var segments = Create(3 * MostOpen);
        foreach (var segment in segments)
        {
            using (var lease = Use(segment))
                Assert.Equal(IndexFile.HeaderBytes, lease.Files.Index.LengthBytes);
            Assert.InRange(_open.OpenFiles, 2, MostOpen);
            Assert.Equal(_open.OpenFiles, _fileSystem.OpenHandleCount);
        }
    }

    [Fact]
    public void Index_OfRetiredSegment_IsNeitherOpenedNorRebuilt()
    {
        var segment = Create(1)[0];
        using var lease = Use(segment);
        segment.Retire();
        segment.DeleteFiles();
        Assert.Throws<LogClosedException>(() => lease.Files.Index);
        Assert.Empty(_fileSystem.List("/"));
    }

    [Fact]
    public void Acquire_IndexesOfOpenSegments_MakesRoomForThem()
    {
        var segments = Create(MostOpen - 2);
        foreach (var segment in segments)
            Use(segment).Dispose();
        // The index of an empty segment is empty. It is rebuilt, and still is empty then.
        foreach (var segment in segments)
        {
            Assert.Throws<CorruptionException>(() => segment.Acquire(isSealed: true));
            Assert.InRange(_open.OpenFiles, 1, MostOpen);
        }
    }
}
