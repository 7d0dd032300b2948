using LogHttp.Storage.Segments;
using LogHttp.Testing;

namespace LogHttp.Storage.Tests.Segments;

public class OpenSegmentsTests
{
    const int MaxOpenSegments = 8;

    readonly PowerCutFileSystem _fileSystem = new(new Random(1));
    readonly SimulatedTime _time = new(ModelLog.Now);
    readonly OpenSegments _open = new(MaxOpenSegments);

    Segment[] Create(int count)
    {
        var environment = new StorageEnvironment { FileSystem = _fileSystem, Time = _time };
        var segments = Enumerable.Range(0, count).Select(number => new Segment(environment, _open, "/", number)).ToArray();
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
    public void Acquire_OfMoreThanMayBeOpen_ClosesThoseThatAreLongestUnused()
    {
        var segments = Create(3 * MaxOpenSegments);
        foreach (var segment in segments)
        {
            Use(segment).Dispose();
            Assert.InRange(_open.Count, 1, MaxOpenSegments);
            Assert.Equal(2 * _open.Count, _fileSystem.OpenHandleCount);
        }
        // What was used last is still open: using it again opens nothing.
        _fileSystem.Faults = static call => call.Kind == FileSystemCallKind.Open ? throw new InvalidOperationException($"{call}") : Fault.None;
        Use(segments[^1]).Dispose();
        Assert.Throws<InvalidOperationException>(() => Use(segments[0]));
    }

    [Fact]
    public void Acquire_WhileTheLongestUnusedAreInUse_ClosesOthers()
    {
        var segments = Create(3 * MaxOpenSegments);
        using var first = Use(segments[0]);
        using var second = Use(segments[1]);
        foreach (var segment in segments[2..])
            Use(segment).Dispose();
        Assert.InRange(_open.Count, 1, MaxOpenSegments);
        Assert.Equal(0, first.Files.Data.LengthBytes);
    }

    [Fact]
    public void Acquire_WhileAllAreInUse_OpensOneMore_AndComesBackToTheBoundLater()
    {
        var segments = Create(3 * MaxOpenSegments);
        var leases = segments[..12].Select(Use).ToArray();
        Assert.Equal(12, _open.Count);
        foreach (var lease in leases)
            lease.Dispose();
        Use(segments[20]).Dispose();
        Assert.InRange(_open.Count, 1, MaxOpenSegments);
    }

    [Fact]
    public void Retire_OfASegmentInUse_ClosesItWithTheLastLease()
    {
        var segment = Create(1)[0];
        var lease = Use(segment);
        segment.Retire();
        Assert.Equal(2, _fileSystem.OpenHandleCount);
        lease.Dispose();
        lease.Dispose();
        Assert.Equal((0, 0), (_fileSystem.OpenHandleCount, _open.Count));
    }
}
