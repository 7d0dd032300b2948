using CsCheck;
using LogHttp.Storage.Files;
using LogHttp.Testing;
using static LogHttp.Storage.Tests.Testing.PowerCutWorld;

namespace LogHttp.Storage.Tests.Testing;

/// <summary>Properties of a file's content under any calls.</summary>
public class PowerCutContentProperties
{
    const string Path = $"{Here}/new";
    const int SectorSizeBytes = 512;

    enum Step
    {
        Write,
        Append,
        Truncate,
        Sync,
        FailSync,
    }

    static readonly Gen<(Step Step, int Position, int SizeBytes)[]> Steps = Gen.Select(
        Gen.Enum<Step>(),
        Gen.Int[0, 20_000],
        Gen.Int[0, 10_000]
    ).Array[1, 20];

    [Fact]
    public void Read_AnyDiskOutcome_ReturnsWhatWasWritten() =>
        Gen.Select(Gen.Int, Steps)
            .Sample(
                (seed, steps) =>
                {
                    using var file = CreateFile(seed, out var fileSystem);
                    List<byte> expected = [];
                    foreach (var step in steps)
                    {
                        Take(step, fileSystem, file, expected);
                        Assert.Equal(expected.ToArray(), ReadAll(file));
                    }
                },
                iter: 200
            );

    [Fact]
    public void PowerCut_AnyPage_HoldsMomentSinceSync() => AfterACutEachBlockIsOfAMomentSinceTheSync(PageSizeBytes);

    [Fact]
    public void PowerCut_AnySector_HoldsMomentSinceSync() => AfterACutEachBlockIsOfAMomentSinceTheSync(SectorSizeBytes);

    static void AfterACutEachBlockIsOfAMomentSinceTheSync(int blockSizeBytes) =>
        Gen.Select(Gen.Int, Steps)
            .Sample(
                (seed, steps) =>
                {
                    using var file = CreateFile(seed, out var fileSystem);
                    fileSystem.TearsPages = blockSizeBytes < PageSizeBytes;
                    List<byte> live = [];
                    List<byte[]> moments =
                    [
                        [],
                    ];
                    long lowestBytes = 0,
                        highestBytes = 0;
                    // Without truncations: other tests cover the bytes that they bring back.
                    foreach (var step in steps.Where(step => step.Step is not (Step.Truncate or Step.FailSync)))
                    {
                        Take(step, fileSystem, file, live);
                        highestBytes = live.Count;
                        if (step.Step is Step.Sync)
                        {
                            moments.Clear();
                            lowestBytes = live.Count;
                        }
                        moments.Add([.. live]);
                    }

                    var found = ReadFile(fileSystem.PowerCut(), Path);

                    Assert.InRange(found.Length, lowestBytes, highestBytes);
                    for (var position = 0; position < found.Length; position += blockSizeBytes)
                    {
                        var block = found[position..Math.Min(position + blockSizeBytes, found.Length)];
                        Assert.True(
                            moments.Exists(moment =>
                                block.AsSpan().SequenceEqual(BlockOf(moment, position, block.Length))
                            ),
                            $"The {blockSizeBytes} bytes at position {position} were never there at one moment."
                        );
                    }
                },
                iter: 500
            );

    [Fact]
    public void PowerCut_AfterAppends_KeepsBytesSyncedBefore() =>
        Gen.Select(Gen.Int, Steps)
            .Sample(
                (seed, steps) =>
                {
                    using var file = CreateFile(seed, out var fileSystem);
                    List<byte> live = [];
                    byte[] durable = [];
                    var hasFailed = false;
                    foreach (var step in steps.Where(step => step.Step is not (Step.Truncate or Step.Write)))
                    {
                        Take(step, fileSystem, file, live);
                        hasFailed |= step.Step is Step.FailSync;
                        if (step.Step is Step.Sync && !hasFailed)
                            durable = [.. live];
                    }

                    var found = ReadFile(fileSystem.PowerCut(), Path);

                    Assert.Equal(durable, found[..durable.Length]);
                },
                iter: 500
            );

    [Fact]
    public void PowerCut_AfterSuccessfulSync_KeepsItsContent() =>
        Gen.Select(Gen.Int, Steps)
            .Sample(
                (seed, steps) =>
                {
                    using var file = CreateFile(seed, out var fileSystem);
                    List<byte> live = [];
                    foreach (var step in steps.Where(step => step.Step is not Step.FailSync))
                        Take(step, fileSystem, file, live);
                    file.Sync();

                    Assert.Equal(live.ToArray(), ReadFile(fileSystem.PowerCut(), Path));
                },
                iter: 200
            );

    static IFile CreateFile(int seed, out PowerCutFileSystem fileSystem)
    {
        fileSystem = Create(seed);
        var file = fileSystem.Create(Path);
        fileSystem.SyncDirectory(Here);
        return file;
    }

    static void Take(
        (Step Step, int Position, int SizeBytes) step,
        PowerCutFileSystem fileSystem,
        IFile file,
        List<byte> live
    )
    {
        switch (step.Step)
        {
            case Step.Write:
                Write(file, live, step.Position, step.SizeBytes);
                break;
            case Step.Append:
                Write(file, live, live.Count, step.SizeBytes);
                break;
            case Step.Truncate:
                var lengthBytes = Math.Min(step.Position, live.Count);
                file.Truncate(lengthBytes);
                live.RemoveRange(lengthBytes, live.Count - lengthBytes);
                break;
            case Step.Sync:
                file.Sync();
                break;
            default:
                StrikeNext(fileSystem, FileSystemCallKind.Sync, Fault.InputOutputError);
                Assert.Throws<IOException>(file.Sync);
                break;
        }
    }

    static void Write(IFile file, List<byte> live, int position, int sizeBytes)
    {
        // Never zeros, and different in each write: a byte at the wrong position shows.
        var content = new byte[sizeBytes];
        for (var index = 0; index < sizeBytes; index++)
            content[index] = (byte)(1 + (live.Count * 31 + index * 7 + position) % 255);
        file.Write(content, position);
        if (sizeBytes == 0)
            return;
        while (live.Count < position + sizeBytes)
            live.Add(0);
        for (var index = 0; index < sizeBytes; index++)
            live[position + index] = content[index];
    }

    static byte[] BlockOf(byte[] content, int position, int sizeBytes)
    {
        var block = new byte[sizeBytes];
        if (position < content.Length)
            content.AsSpan(position, Math.Min(sizeBytes, content.Length - position)).CopyTo(block);
        return block;
    }
}
