using CsCheck;
using LogHttp.Storage.Files;
using LogHttp.Storage.Verifying;

namespace LogHttp.Storage.Tests.Corruption;

/// <summary>Any flipped bit of a sealed segment or of its index is found, and the right file is blamed.</summary>
public class FlippedBitTests
{
    static readonly TopicConfiguration SmallSegments = new() { SegmentBytes = 64 << 10 };

    /// <summary>
    /// Opens a partition of some segments, with records of all sizes, some in batches, some with a producer.
    /// </summary>
    static async Task<TestLog> OpenAsync()
    {
        var log = await TestLog.OpenAsync(SmallSegments);
        for (var batch = 0; batch < 40; batch++)
            await log.AppendAsync(
                Enumerable
                    .Range(0, batch % 7 + 1)
                    .Select(number => $"{batch} {number} {new string('x', batch * 37 % 1500)} \"é\\n")
            );
        await log.AppendAsync(new string('y', 20_000));
        for (var batch = 0; batch < 30; batch++)
            await log.AppendAsync(Enumerable.Range(0, 5).Select(number => $"{batch} {number} {new string('z', 300)}"));
        Assert.True(log.SegmentPaths.Count() >= 3);
        return log;
    }

    [Fact]
    public async Task Verify_AnyFlippedBit_NamesFileAndBlock()
    {
        await using var log = await OpenAsync();
        // The log is closed: the checkpoint knows the end of the active segment, too.
        await log.RestartAsync(() =>
            Gen.Select(Gen.Int[0, 1], Gen.Int[0, 2], Gen.Double[0, 1], Gen.Int[0, 7])
                .Sample(
                    (kind, segment, place, bit) =>
                    {
                        var data = log.SegmentPaths.ElementAt(segment);
                        var path = kind == 0 ? data : Path.ChangeExtension(data, ".index");
                        var position = (long)(place * (new FileInfo(path).Length - 1));
                        Flip(path, position, bit);
                        var findings = Verify(log);
                        Flip(path, position, bit);
                        Assert.Empty(Verify(log));
                        Assert.Contains(
                            findings,
                            finding =>
                                finding.Path == path
                                && finding.Kind == (kind == 0 ? FindingKind.Data : FindingKind.Index)
                                && finding.Position <= position
                                && position < finding.Position + finding.LengthBytes
                        );
                        // Findings blame nothing else, except for the offsets around a line whose own offset is
                        // changed.
                        Assert.All(findings, finding => Assert.Equal(path, finding.Path));
                        Assert.True(findings.Count == 1, string.Join('\n', findings));
                    },
                    iter: 300,
                    threads: 1
                )
        );
    }

    static List<Finding> Verify(TestLog log)
    {
        var findings = new List<Finding>();
        DirectoryVerifier.Run(new ReadOnlyFileSystem(), log.DataDirectory, topic: null, findings.Add);
        return findings;
    }

    static void Flip(string path, long position, int bit)
    {
        using var file = File.Open(path, FileMode.Open);
        file.Position = position;
        var old = file.ReadByte();
        file.Position = position;
        file.WriteByte((byte)(old ^ (1 << bit)));
    }
}
