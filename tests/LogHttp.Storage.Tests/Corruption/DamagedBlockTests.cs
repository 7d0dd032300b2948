using System.Text;
using CsCheck;
using LogHttp.Storage.Reading;
using LogHttp.Storage.Segments;
using LogHttp.Storage.Verifying;

namespace LogHttp.Storage.Tests.Corruption;

/// <summary>A block that was found to be damaged is not sent any more. All records before and behind it are.</summary>
public class DamagedBlockTests
{
    const int Batches = 24;

    static async Task<TestLog> OpenAsync()
    {
        var log = await TestLog.OpenAsync(new TopicConfiguration { SegmentBytes = 64 << 10 });
        for (var batch = 0; batch < Batches; batch++)
            await log.AppendAsync(Enumerable.Range(0, 10).Select(number => $"{batch} {number} {new string('x', 600)}"));
        return log;
    }

    static async Task<List<Finding>> VerifyAsync(TestLog log)
    {
        var findings = new List<Finding>();
        await TopicVerifier.RunAsync(
            log.Topic,
            finding =>
            {
                findings.Add(finding);
                return ValueTask.CompletedTask;
            },
            long.MaxValue,
            CancellationToken.None
        );
        return findings;
    }

    static void Flip(string path, long position, int bit)
    {
        // As a disk would do it: the server has the file open.
        using var file = new FileStream(
            path,
            FileMode.Open,
            FileAccess.ReadWrite,
            FileShare.ReadWrite | FileShare.Delete
        );
        file.Position = position;
        var old = file.ReadByte();
        file.Position = position;
        file.WriteByte((byte)(old ^ (1 << bit)));
    }

    /// <summary>Reads all readable records, continues behind each unreadable block, and counts the refusals.</summary>
    static (string Text, int Refusals) ReadAround(TestLog log, int maxBytes)
    {
        var (text, refusals) = (new StringBuilder(), 0);
        for (var place = 0L; ; )
        {
            try
            {
                using var page = log.Fetch(place.ToString(System.Globalization.CultureInfo.InvariantCulture), maxBytes);
                if (page.Status != FetchStatus.Page)
                    return (text.ToString(), refusals);
                text.Append(TestLog.Text(page.Region!));
                place = page.NextOffset;
            }
            catch (CorruptionException exception)
            {
                refusals++;
                Assert.True(exception.NextOffset > place);
                place = exception.NextOffset!.Value;
            }
        }
    }

    [Fact]
    public async Task Verify_FlippedBit_HidesItsBlockAlone()
    {
        await using var log = await OpenAsync();
        var (whole, none) = ReadAround(log, 1 << 20);
        Assert.Equal(0, none);
        var paths = log.SegmentPaths.SkipLast(1).ToArray();
        var lengths = paths.Select(path => new FileInfo(path).Length).ToArray();
        var before = paths.Select(File.ReadAllText).ToArray();
        await Gen.Select(
                Gen.Int[0, paths.Length - 1],
                Gen.Double[0, 1],
                Gen.Int[0, 7],
                Gen.Int[12, 20].Select(bits => 1 << bits)
            )
            .SampleAsync(
                async (segment, place, bit, maxBytes) =>
                {
                    var position = (long)(place * (lengths[segment] - 1));
                    Flip(paths[segment], position, bit);
                    var finding = Assert.Single(await VerifyAsync(log));
                    Assert.InRange(position, finding.Position, finding.Position + finding.LengthBytes - 1);
                    // Every byte as before, except for the block.
                    var block = before[segment].Substring((int)finding.Position, (int)finding.LengthBytes);
                    Assert.Equal((whole.Replace(block, "", StringComparison.Ordinal), 1), ReadAround(log, maxBytes));
                    // Repaired, it is served again.
                    Flip(paths[segment], position, bit);
                    Assert.Empty(await VerifyAsync(log));
                    Assert.Equal((whole, 0), ReadAround(log, maxBytes));
                },
                iter: 60,
                threads: 1
            );
    }

    [Fact]
    public async Task Verify_FlippedIndexBit_RepairsIndex()
    {
        await using var log = await OpenAsync();
        var (whole, _) = ReadAround(log, 4096);
        var path = Path.ChangeExtension(log.SegmentPaths.First(), ".index");
        var index = File.ReadAllBytes(path);
        await Gen.Select(Gen.Int[0, index.Length - 1], Gen.Int[0, 7])
            .SampleAsync(
                async (position, bit) =>
                {
                    Flip(path, position, bit);
                    Assert.Equal(
                        (FindingKind.Index, path),
                        Assert.Single((await VerifyAsync(log)).Select(finding => (finding.Kind, finding.Path)))
                    );
                    Assert.Empty(await VerifyAsync(log));
                    Assert.Equal((whole, 0), ReadAround(log, 4096));
                },
                iter: 60,
                threads: 1
            );
    }

    [Fact]
    public async Task Damage_AfterRestart_IsKeptAndPagesAreNotFinal()
    {
        await using var log = await OpenAsync();
        Flip(log.SegmentPaths.First(), 10_000, 0);
        var finding = Assert.Single(await VerifyAsync(log));
        await log.RestartAsync();
        var (_, refusals) = ReadAround(log, 1 << 20);
        Assert.Equal(1, refusals);
        using (var page = log.Fetch("0"))
            Assert.Equal((finding.Position, false), (page.Region!.LengthBytes, page.IsFinal));
        using (var other = log.Fetch($"{finding.NextOffset}"))
            Assert.Equal(finding.NextOffset, other.FirstOffset);
        // The refusal is the same wherever the reader begins.
        var refusal = Assert.Throws<CorruptionException>(() => log.Fetch($"{finding.NextOffset - 1}"));
        Assert.Equal(
            (finding.Path, finding.Position, finding.NextOffset),
            (refusal.Path, refusal.Position, refusal.NextOffset)
        );
        await log.AppendAsync("goes on");
        // Restored from a copy and verified: the damage is permanently forgotten.
        await log.RestartAsync(() => Flip(log.SegmentPaths.First(), 10_000, 0));
        Assert.Empty(await VerifyAsync(log));
        await log.RestartAsync();
        Assert.Equal(0, ReadAround(log, 1 << 20).Refusals);
    }

    [Fact]
    public void Scrub_WithinRate_FindsDamage()
    {
        var log = new ModelLog(
            new TopicConfiguration { SegmentBytes = 64 << 10 },
            adjust: options => options with { ScrubBytesPerSecond = 16 << 10 }
        );
        for (var batch = 0; batch < 12; batch++)
            log.Append(Enumerable.Range(0, 10).Select(number => $"{batch} {number} {new string('x', 600)}"));
        var path = $"{ModelLog.PartitionDirectory}/{SegmentLayout.DataName(0)}";
        using (var file = log.FileSystem.Open(path))
            file.Write("?"u8, 50_000);
        log.Pass(TimeSpan.FromSeconds(2));
        // Some 32 KiB of about 60 were read, so the damage is not known yet.
        using (var page = log.Partition.Fetch(LogPlace.Earliest, PageSize.AtMost(1 << 20)))
            Assert.True(page.Region!.LengthBytes > 50_000);
        log.Pass(TimeSpan.FromSeconds(10));
        using (var page = log.Partition.Fetch(LogPlace.Earliest, PageSize.AtMost(1 << 20)))
            Assert.InRange(page.Region!.LengthBytes, 50_000 - 2 * SegmentLayout.BlockBytes, 50_000);
        // It is not read again before the next day: repaired meanwhile, it stays refused until then.
        using (var file = log.FileSystem.Open(path))
            file.Write("x"u8, 50_000);
        log.Pass(TimeSpan.FromHours(23));
        Assert.Throws<CorruptionException>(() => log.ReadAll());
        log.Pass(TimeSpan.FromHours(2));
        Assert.NotEmpty(log.ReadAll());
        log.Close();
    }
}
