using CsCheck;
using LogHttp.Storage.Files;
using LogHttp.Storage.Segments;
using LogHttp.Testing;

namespace LogHttp.Storage.Tests.Segments;

/// <summary>api/FORMAT.md §14, on a disk.</summary>
public class SegmentManifestTests
{
    const string Directory = "/partition";
    const string FilePath = Directory + "/" + SegmentManifest.Name;

    static readonly ManifestHeader Header = new("orders", "8f1d4c0a52b7e693", 0, new());

    static PowerCutFileSystem CreateDisk(int seed = 1)
    {
        var fileSystem = new PowerCutFileSystem(new Random(seed));
        fileSystem.CreateDirectory(Directory);
        fileSystem.SyncDirectory("/");
        return fileSystem;
    }

    static SegmentManifest Create(IFileSystem fileSystem)
    {
        SegmentManifest.Create(fileSystem, Directory, ManifestState.Empty(Header));
        return SegmentManifest.Load(fileSystem, Directory);
    }

    static string Text(ManifestState state) =>
        $"{state.Header.Configuration.RetentionBytes} {state.LogStartOffset}: {string.Join(' ', state.Segments)}";

    static string TextOnDisk(IFileSystem fileSystem) => Text(SegmentManifest.Load(fileSystem, Directory).State);

    /// <summary>The model: a plain list.</summary>
    sealed class Model
    {
        readonly List<ManifestSegment> _segments = [];
        long _nextOffset;
        long _start;
        long _retentionBytes;

        public string Text => $"{_retentionBytes} {_start}: {string.Join(' ', _segments)}";

        /// <summary>Draws valid edits and applies them to the model.</summary>
        public ManifestEdit[] Next(Random random)
        {
            switch (random.Next(7))
            {
                case 0 when _segments is [.., { IsSealed: false }]:
                    return [Append(random.Next(1, 1000))];
                case 1 when _segments is [{ IsSealed: true }, ..]:
                    return [RemoveFirst(random.Next(1, _segments.Count(static segment => segment.IsSealed) + 1))];
                case 2:
                    _start = Math.Min(_nextOffset, _start + random.Next(20));
                    return [new ManifestEdit.LogStartMoved(_start)];
                case 3 when _segments.Count(static segment => segment.IsSealed) > 2:
                    return [Swap(random.Next(_segments.Count(static segment => segment.IsSealed) - 1), random.Next(3))];
                case 4:
                    _retentionBytes = random.Next(1, 100) << 20;
                    return [new ManifestEdit.Configured(new() { RetentionBytes = _retentionBytes })];
                default:
                    return _segments is [.., { IsSealed: false }] ? [SealLast(random), Make()] : [Make()];
            }
        }

        ManifestEdit.SegmentMade Make()
        {
            _segments.Add(new(_nextOffset, 0));
            return new(_segments[^1]);
        }

        ManifestEdit.SegmentSealed SealLast(Random random)
        {
            _nextOffset += random.Next(1, 50);
            var extent = new SegmentExtent(_nextOffset, random.Next(5000));
            _segments[^1] = _segments[^1] with { LastAppendMs = random.Next(2000), Extent = extent, AppendedBytes = 0 };
            return new(_segments[^1]);
        }

        ManifestEdit.ActiveAppended Append(long lastAppendMs)
        {
            _segments[^1] = _segments[^1] with { LastAppendMs = lastAppendMs, AppendedBytes = lastAppendMs };
            return new(lastAppendMs, lastAppendMs);
        }

        ManifestEdit.SegmentsRemoved RemoveFirst(int count)
        {
            var baseOffsets = _segments.Take(count).Select(static segment => segment.BaseOffset).ToArray();
            _start = Math.Max(_start, _segments[count - 1].Extent!.Value.EndOffset);
            _segments.RemoveRange(0, count);
            return new(baseOffsets, _start);
        }

        ManifestEdit.SegmentsSwapped Swap(int first, int replacements)
        {
            var (old, next) = (_segments[first], _segments[first + 1]);
            var generation = Math.Max(old.Generation, next.Generation) + 1;
            ManifestSegment[] made = replacements switch
            {
                0 => [],
                1 => [new(old.BaseOffset, generation, 5, new(next.Extent!.Value.EndOffset, 7))],
                _ =>
                [
                    new(old.BaseOffset, generation, 5, new(next.BaseOffset, 3)),
                    new(next.BaseOffset, generation, 5, new(next.Extent!.Value.EndOffset, 4)),
                ],
            };
            _segments.RemoveRange(first, 2);
            _segments.InsertRange(first, made);
            return new([old.BaseOffset, next.BaseOffset], made);
        }
    }

    [Fact]
    public void Load_MissingManifest_Throws() =>
        Assert.Throws<FileNotFoundException>(() => SegmentManifest.Load(CreateDisk(), Directory));

    [Fact]
    public void Create_BeforePowerCut_IsDurable()
    {
        var fileSystem = CreateDisk();
        Create(fileSystem);
        var manifest = SegmentManifest.Load(fileSystem.PowerCut(), Directory);
        Assert.Equal((Header, 0, 0), (manifest.State.Header, manifest.State.Segments.Count, manifest.TornBytes));
    }

    [Fact]
    public void Append_RealDisk_IsLoadedAgain()
    {
        using var temporary = new TemporaryDirectory();
        using var fileSystem = new PhysicalFileSystem(temporary.Path);
        SegmentManifest.Create(fileSystem, temporary.Path, ManifestState.Empty(Header));
        var manifest = SegmentManifest.Load(fileSystem, temporary.Path);
        manifest.Append([new ManifestEdit.SegmentMade(new(0, 0))], isDurable: false);
        manifest.Append([new ManifestEdit.ActiveAppended(7, 7)], isDurable: true);
        Assert.Equal(Text(manifest.State), Text(SegmentManifest.Load(fileSystem, temporary.Path).State));
        manifest.Compact();
        Assert.Equal(Text(manifest.State), Text(SegmentManifest.Load(fileSystem, temporary.Path).State));
    }

    [Fact]
    public void AppendsAndRestarts_Random_MatchModel() =>
        Gen.Int.Sample(
            static seed =>
            {
                var random = new Random(seed);
                var fileSystem = CreateDisk(seed);
                var manifest = Create(fileSystem);
                var model = new Model();
                for (var step = 0; step < 120; step++)
                {
                    manifest.Append(model.Next(random), isDurable: random.Next(2) == 0);
                    Assert.Equal(model.Text, Text(manifest.State));
                    if (manifest.NeedsCompaction)
                        manifest.Compact();
                    Assert.False(manifest.NeedsCompaction);
                    if (random.Next(10) == 0)
                    {
                        fileSystem = fileSystem.Kill();
                        manifest = SegmentManifest.Load(fileSystem, Directory);
                        Assert.Equal(model.Text, Text(manifest.State));
                    }
                }
                manifest.Append([], isDurable: true);
                Assert.Equal(model.Text, TextOnDisk(fileSystem.PowerCut()));
            },
            iter: 100
        );

    [Fact]
    public void Compact_ManyEdits_KeepsStateInFewLines()
    {
        var fileSystem = CreateDisk();
        var manifest = Create(fileSystem);
        manifest.Append([new ManifestEdit.SegmentMade(new(0, 0))], isDurable: true);
        for (var time = 1; time <= 66; time++)
        {
            Assert.False(manifest.NeedsCompaction, $"after {time} lines");
            manifest.Append([new ManifestEdit.ActiveAppended(time, time)], isDurable: false);
        }
        Assert.False(manifest.NeedsCompaction);
        manifest.Append([new ManifestEdit.ActiveAppended(67, 67)], isDurable: false);
        Assert.True(manifest.NeedsCompaction);
        var before = Text(manifest.State);
        manifest.Compact();
        Assert.False(manifest.NeedsCompaction);
        var survivor = fileSystem.PowerCut();
        Assert.Equal(before, TextOnDisk(survivor));
        Assert.True(survivor.List(Directory).Single().LengthBytes < 500);
    }

    [Fact]
    public void Append_InconsistentEdit_ChangesNothing()
    {
        var fileSystem = CreateDisk();
        var manifest = Create(fileSystem);
        var lengthBytes = fileSystem.List(Directory).Single().LengthBytes;
        ManifestEdit[] edits = [new ManifestEdit.SegmentMade(new(0, 0)), new ManifestEdit.SegmentMade(new(1, 0))];
        var exception = Assert.Throws<ArgumentException>(() => manifest.Append(edits, isDurable: true));
        Assert.Contains("segment 1 is made while segment 0 is active", exception.Message, StringComparison.Ordinal);
        Assert.Empty(manifest.State.Segments);
        Assert.Equal(lengthBytes, fileSystem.List(Directory).Single().LengthBytes);
    }

    [Fact]
    public void Append_AfterTornEnd_ReplacesFile()
    {
        var fileSystem = CreateDisk();
        Create(fileSystem);
        using (var file = fileSystem.Open(FilePath))
        {
            // Longer than the line that follows.
            file.Write("{\"edit\":\"made\",\"segm"u8, file.LengthBytes);
            file.Write(new byte[180], file.LengthBytes);
        }
        var manifest = SegmentManifest.Load(fileSystem, Directory);
        Assert.Equal(200, manifest.TornBytes);
        manifest.Append([new ManifestEdit.SegmentMade(new(0, 0))], isDurable: false);
        manifest = SegmentManifest.Load(fileSystem, Directory);
        Assert.Equal((0, 1), (manifest.TornBytes, manifest.State.Segments.Count));
    }

    [Fact]
    public void Load_DamagedLine_NamesPosition()
    {
        var fileSystem = CreateDisk();
        var manifest = Create(fileSystem);
        var position = fileSystem.List(Directory).Single().LengthBytes;
        manifest.Append([new ManifestEdit.SegmentMade(new(0, 0))], isDurable: true);
        manifest.Append([new ManifestEdit.ActiveAppended(1, 1)], isDurable: true);
        using (var file = fileSystem.Open(FilePath))
            file.Write("X"u8, position + 10);
        var exception = Assert.Throws<CorruptionException>(() => SegmentManifest.Load(fileSystem, Directory));
        Assert.Equal((FilePath, position), (exception.Path, exception.Position));
    }

    [Fact]
    public void Append_Fails_ChangesNothingAndNextRepairs()
    {
        foreach (var fault in new[] { Fault.InputOutputError, Fault.ShortWrite, Fault.DiskFull })
        {
            foreach (var kind in new[] { FileSystemCallKind.Open, FileSystemCallKind.Write, FileSystemCallKind.Sync })
            {
                if (!FileSystemCall.Admits(kind, fault))
                    continue;
                for (var seed = 0; seed < 20; seed++)
                {
                    var fileSystem = CreateDisk(seed);
                    var manifest = Create(fileSystem);
                    manifest.Append([new ManifestEdit.SegmentMade(new(0, 0))], isDurable: seed % 2 == 0);
                    fileSystem.Faults = call => call.Kind == kind ? fault : Fault.None;
                    ManifestEdit[] edits = [new ManifestEdit.LogStartMoved(1)];
                    Assert.ThrowsAny<IOException>(() => manifest.Append(edits, isDurable: true));
                    fileSystem.Faults = null;
                    Assert.Equal(0, manifest.State.LogStartOffset);
                    manifest.Append([new ManifestEdit.ActiveAppended(2, 2)], isDurable: true);
                    var survivor = fileSystem.PowerCut();
                    var state = SegmentManifest.Load(survivor, Directory).State;
                    Assert.Equal((0, 2), (state.LogStartOffset, state.Active!.LastAppendMs));
                    Assert.Equal(0, survivor.OpenHandleCount);
                }
            }
        }
    }

    [Fact]
    public void PowerCut_AtAnyCall_KeepsDurableStateWithoutDamage()
    {
        for (var seed = 0; seed < 12; seed++)
        {
            var isDone = false;
            for (var cutAt = 1; !isDone; cutAt++)
                isDone = Run(seed, cutAt);
        }
    }

    /// <summary>Returns whether the script ended before the cut.</summary>
    static bool Run(int seed, int cutAt)
    {
        var random = new Random(seed);
        var fileSystem = CreateDisk(seed * 1000 + cutAt);
        var manifest = Create(fileSystem);
        var model = new Model();
        // Every state that may be found: the last durable one, and the state after each edit.
        List<string> possible = [Text(manifest.State)];
        var plan = new SeededFaultPlan(new Random(cutAt)) { PowerCutAtCall = fileSystem.CallCount + cutAt };
        fileSystem.Faults = plan.Decide;
        var wasCut = false;
        try
        {
            for (var step = 0; step < 40; step++)
            {
                // Long lines, so that appends cross pages.
                for (var count = random.Next(1, 6); count > 0; count--)
                {
                    var edits = model.Next(random);
                    var isDurable = random.Next(4) == 0;
                    var state = manifest.State;
                    foreach (var edit in edits)
                        possible.Add(Text(state = state.Apply(edit, out _)));
                    manifest.Append(edits, isDurable);
                    if (isDurable)
                        possible = [possible[^1]];
                }
                if (random.Next(8) != 0)
                    continue;
                manifest.Compact();
                possible = [possible[^1]];
                if (random.Next(2) == 0)
                {
                    fileSystem = fileSystem.Kill();
                    manifest = SegmentManifest.Load(fileSystem, Directory);
                }
            }
        }
        catch (PowerCutException)
        {
            wasCut = true;
        }
        fileSystem = fileSystem.PowerCut();
        fileSystem.Faults = null;
        Assert.Contains(TextOnDisk(fileSystem), possible);
        manifest = SegmentManifest.Load(fileSystem, Directory);
        manifest.Append([new ManifestEdit.LogStartMoved(1_000_000)], isDurable: true);
        Assert.Equal(Text(manifest.State), TextOnDisk(fileSystem.PowerCut()));
        return !wasCut;
    }
}
