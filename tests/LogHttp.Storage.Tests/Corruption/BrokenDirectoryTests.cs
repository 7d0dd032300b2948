using LogHttp.Storage.Files;
using LogHttp.Storage.Layout;
using LogHttp.Storage.Partitions;
using LogHttp.Storage.Segments;
using LogHttp.Storage.Verifying;

namespace LogHttp.Storage.Tests.Corruption;

/// <summary>
/// Directories that are broken in all known ways: the findings of verify before a start, and the result of the start.
/// </summary>
public class BrokenDirectoryTests
{
    static readonly TopicConfiguration SmallSegments = new() { SegmentBytes = 64 << 10 };

    /// <summary>
    /// Creates segments of two batches of 50 records, some 29 KB each: 0, 100, 200, and the active one at 300.
    /// </summary>
    static async Task<TestLog> OpenAsync(FlushPolicy flush = default)
    {
        var log = await TestLog.OpenAsync(SmallSegments with { Flush = flush });
        for (var batch = 0; batch < 7; batch++)
            await log.AppendAsync(Enumerable.Range(0, 50).Select(number => $"{batch} {number} {new string('x', 500)}"));
        Assert.Equal([Name(0), Name(100), Name(200), Name(300)], log.SegmentPaths.Select(Path.GetFileName));
        return log;
    }

    static string Name(long baseOffset) => SegmentLayout.DataName(baseOffset);

    static List<Finding> Verify(TestLog log)
    {
        var findings = new List<Finding>();
        DirectoryVerifier.Run(new ReadOnlyFileSystem(), log.DataDirectory, topic: null, findings.Add);
        return findings;
    }

    /// <summary>Breaks a closed log, verifies it, and starts it again.</summary>
    static async Task<List<Finding>> BreakAsync(TestLog log, Action<Func<long, string>> breakIt)
    {
        List<Finding>? findings = null;
        await log.RestartAsync(() =>
        {
            breakIt(baseOffset => Path.Combine(log.PartitionDirectory, Name(baseOffset)));
            findings = Verify(log);
        });
        return findings!;
    }

    static void Edit(string path, Action<FileStream> edit)
    {
        using var file = File.Open(path, FileMode.Open);
        edit(file);
    }

    static void Flip(string path, long position) =>
        Edit(
            path,
            file =>
            {
                file.Position = position;
                var old = file.ReadByte();
                file.Position = position;
                file.WriteByte((byte)(old ^ 1));
            }
        );

    static string IndexOf(string segmentPath) => Path.ChangeExtension(segmentPath, ".index");

    [Fact]
    public async Task Verify_SoundDirectory_FindsNothing()
    {
        await using var log = await OpenAsync();
        Assert.Empty(await BreakAsync(log, _ => { }));
        Assert.Equal(350, log.ReadAll().Count);
    }

    [Fact]
    public async Task TornTail_Verified_IsNotedAndStartRemovesIt()
    {
        await using var log = await OpenAsync();
        var finding = Assert.Single(
            await BreakAsync(log, path => File.AppendAllText(path(300), "{\"offset\":350,\"timestamp\":1,\"va"))
        );
        Assert.Equal(FindingKind.Note, finding.Kind);
        Assert.Contains("torn tail", finding.Reason, StringComparison.Ordinal);
        Assert.Equal((350, null), (log.Partition.EndOffset, log.Partition.StoppedReason));
        await log.AppendAsync("goes on");
        finding = Assert.Single(await BreakAsync(log, _ => { }));
        Assert.EndsWith(".torn", finding.Path, StringComparison.Ordinal);
        Assert.Equal(FindingKind.Note, finding.Kind);
    }

    [Fact]
    public async Task HalfBatch_Verified_IsNotedAndStartRemovesIt()
    {
        await using var log = await OpenAsync();
        var finding = Assert.Single(
            await BreakAsync(
                log,
                path => File.AppendAllText(path(300), "{\"offset\":350,\"timestamp\":1,\"batch\":2,\"value\":1}\n")
            )
        );
        Assert.Equal(FindingKind.Note, finding.Kind);
        Assert.Equal(350, log.Partition.EndOffset);
    }

    [Fact]
    public async Task RecordsAfterBadLine_Verified_AreDamageAndStartCutsNothing()
    {
        // With a journal the end is known, and records behind it are cut.
        await using var log = await OpenAsync(FlushPolicy.Os);
        var finding = Assert.Single(
            await BreakAsync(
                log,
                path => File.AppendAllText(path(300), "no record\n{\"offset\":350,\"timestamp\":1,\"value\":1}\n")
            )
        );
        Assert.Equal(FindingKind.Data, finding.Kind);
        Assert.Contains("read-only", log.Partition.StoppedReason, StringComparison.Ordinal);
        Assert.Equal(350, log.ReadAll().Count);
    }

    [Fact]
    public async Task SealedSegment_BadCrc_IsDamageOfOneBlock()
    {
        await using var log = await OpenAsync();
        var finding = Assert.Single(await BreakAsync(log, path => Flip(path(100), 10_000)));
        Assert.Equal((FindingKind.Data, 100), (finding.Kind, finding.Segment));
        Assert.InRange(10_000, finding.Position, finding.Position + finding.LengthBytes - 1);
        Assert.InRange(finding.LengthBytes, SegmentLayout.BlockBytes, 2 * SegmentLayout.BlockBytes);
        Assert.Null(log.Partition.StoppedReason);
    }

    [Fact]
    public async Task IndexEntry_Damaged_IsIndexFindingAndReadersGetAll()
    {
        await using var log = await OpenAsync();
        var finding = Assert.Single(
            await BreakAsync(log, path => Flip(IndexOf(path(100)), IndexFile.PositionOf(3) + 9))
        );
        Assert.Equal((FindingKind.Index, IndexFile.PositionOf(3)), (finding.Kind, finding.Position));
        Assert.Equal(350, log.ReadAll().Count);
    }

    [Fact]
    public async Task Index_Missing_IsRebuilt()
    {
        await using var log = await OpenAsync();
        var finding = Assert.Single(await BreakAsync(log, path => File.Delete(IndexOf(path(100)))));
        Assert.Equal(FindingKind.Index, finding.Kind);
        Assert.Equal(350, log.ReadAll().Count);
        Assert.Empty(await BreakAsync(log, _ => { }));
    }

    [Fact]
    public async Task Index_OfOtherSegment_IsIndexFinding()
    {
        await using var log = await OpenAsync();
        var findings = await BreakAsync(
            log,
            path => File.Copy(IndexOf(path(200)), IndexOf(path(100)), overwrite: true)
        );
        Assert.Contains(findings, finding => finding is { Kind: FindingKind.Index, Position: 0 });
    }

    [Fact]
    public async Task Index_RebuiltOverDamage_DoesNotHideIt()
    {
        await using var log = await OpenAsync();
        await BreakAsync(
            log,
            path =>
            {
                Flip(IndexOf(path(100)), IndexFile.PositionOf(0) + 9);
                // One letter of a value: the line is as valid as before.
                Flip(path(100), 20_000);
            }
        );
        Assert.Throws<CorruptionException>(() => log.ReadAll());
        Assert.Contains(await BreakAsync(log, _ => { }), finding => finding.Kind == FindingKind.Data);
    }

    [Fact]
    public async Task Segment_UnderWrongName_IsForeignAndOffsetsMissing()
    {
        await using var log = await OpenAsync();
        var findings = await BreakAsync(
            log,
            path => File.Move(path(100), Path.Combine(log.PartitionDirectory, "100.ndjson"))
        );
        Assert.Contains(
            findings,
            finding =>
                finding.Kind == FindingKind.Note && finding.Path.EndsWith("/100.ndjson", StringComparison.Ordinal)
        );
        Assert.Contains(
            findings,
            finding =>
                finding.Kind == FindingKind.Data
                && finding.Reason.Contains("offsets 100 to 199 are missing", StringComparison.Ordinal)
        );
        Assert.Contains("segment 100 is missing", log.Partition.StoppedReason, StringComparison.Ordinal);
        Assert.Equal(200, Assert.Throws<CorruptionException>(() => log.ReadAll()).NextOffset);
        Assert.Equal(150, log.ReadAll("200").Count);
    }

    [Fact]
    public async Task Segment_WithOffsetsOfAnother_IsDamage()
    {
        await using var log = await OpenAsync();
        var findings = await BreakAsync(
            log,
            path =>
            {
                File.Move(path(100), Path.Combine(log.PartitionDirectory, Name(50)));
                File.Move(IndexOf(path(100)), IndexOf(Path.Combine(log.PartitionDirectory, Name(50))));
            }
        );
        Assert.Contains(
            findings,
            finding =>
                finding is { Kind: FindingKind.Data, Segment: 50 }
                && finding.Reason.Contains("the manifest does not name it", StringComparison.Ordinal)
        );
        Assert.Contains(findings, finding => finding is { Kind: FindingKind.Data, Segment: 100 });
        Assert.NotNull(log.Partition.StoppedReason);
        Assert.True(File.Exists(Path.Combine(log.PartitionDirectory, Name(50))));
    }

    [Fact]
    public async Task SealedSegment_Empty_IsDamageAndStartKeepsEvidence()
    {
        await using var log = await OpenAsync();
        var finding = Assert.Single(await BreakAsync(log, path => Edit(path(100), static file => file.SetLength(0))));
        Assert.Equal(
            (FindingKind.Data, 100, 0, 200),
            (finding.Kind, finding.Segment, finding.Position, finding.NextOffset)
        );
        Assert.Throws<CorruptionException>(() => log.Fetch("120"));
        using var page = log.Fetch("200");
        Assert.Equal(200, page.FirstOffset);
        Assert.Single(await BreakAsync(log, _ => { }));
    }

    [Fact]
    public async Task SealedSegment_CutShort_IsDamageFromCutBlock()
    {
        await using var log = await OpenAsync();
        var finding = Assert.Single(
            await BreakAsync(log, path => Edit(path(100), static file => file.SetLength(30_000)))
        );
        Assert.Equal((FindingKind.Data, 100, 200), (finding.Kind, finding.Segment, finding.NextOffset));
        Assert.InRange(finding.Position, 30_000 - 2 * SegmentLayout.BlockBytes, 30_000);
    }

    [Theory]
    [InlineData("garbage")]
    [InlineData("garbage\n")]
    [InlineData("\0\0\0")]
    public async Task SealedSegment_TrailingGarbage_IsDamageAfterEnd(string garbage)
    {
        await using var log = await OpenAsync();
        long lengthBytes = 0;
        var findings = await BreakAsync(
            log,
            path =>
            {
                lengthBytes = new FileInfo(path(100)).Length;
                File.AppendAllText(path(100), garbage);
            }
        );
        Assert.Contains(
            findings,
            finding =>
                finding.Kind == FindingKind.Data
                && finding.Position + finding.LengthBytes == lengthBytes + garbage.Length
        );
    }

    [Fact]
    public async Task Segment_Missing_IsDamage()
    {
        await using var log = await OpenAsync();
        var findings = await BreakAsync(log, path => File.Delete(path(100)));
        Assert.Contains(
            findings,
            finding =>
                finding.Kind == FindingKind.Data
                && finding.Reason.Contains("offsets 100 to 199 are missing", StringComparison.Ordinal)
        );
        Assert.Contains(
            findings,
            finding => finding.Kind == FindingKind.Note && finding.Path.EndsWith(".index", StringComparison.Ordinal)
        );
        findings = await BreakAsync(log, path => File.Delete(path(300)));
        Assert.Contains(
            findings,
            finding =>
                finding.Kind == FindingKind.Data
                && finding.Reason.Contains("all before 350 was durable", StringComparison.Ordinal)
        );
        Assert.Contains("segment 100 is missing", log.Partition.StoppedReason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task FirstSegment_Missing_IsDamage()
    {
        await using var log = await OpenAsync();
        var findings = await BreakAsync(log, path => File.Delete(path(0)));
        Assert.Contains(
            findings,
            finding => finding.Reason.Contains("offsets 0 to 99 are missing", StringComparison.Ordinal)
        );
    }

    [Fact]
    public async Task ForeignFiles_Verified_AreNotedAndKept()
    {
        await using var log = await OpenAsync();
        string[] foreign =
        [
            Path.Combine(log.PartitionDirectory, "notes.txt"),
            Path.Combine(log.DataDirectory, "topics", "t", "x"),
            Path.Combine(log.DataDirectory, "topics", "file"),
            Path.Combine(log.DataDirectory, "other"),
        ];
        var findings = await BreakAsync(log, _ => Array.ForEach(foreign, path => File.WriteAllText(path, "x")));
        Assert.Equal(foreign.Order(), findings.Select(finding => finding.Path).Order());
        Assert.All(findings, finding => Assert.Equal(FindingKind.Note, finding.Kind));
        Assert.All(foreign, path => Assert.True(File.Exists(path)));
        Assert.Equal(350, log.ReadAll().Count);
    }

    [Fact]
    public async Task HalfCreatedTopics_Verified_AreNotedAndStartRemovesThem()
    {
        await using var log = await OpenAsync();
        string[] halves =
        [
            Path.Combine(log.DataDirectory, "tmp", "8f1d4c0a52b7e693"),
            Path.Combine(log.DataDirectory, "deleted", "8f1d4c0a52b7e694"),
        ];
        var findings = await BreakAsync(
            log,
            _ => Array.ForEach(halves, path => Directory.CreateDirectory(Path.Combine(path, "0")))
        );
        Assert.Equal(halves.Order(), findings.Select(finding => finding.Path).Order());
        Assert.All(findings, finding => Assert.Equal(FindingKind.Note, finding.Kind));
        Assert.All(halves, path => Assert.False(Directory.Exists(path)));
    }

    [Fact]
    public async Task Checkpoint_Damaged_IsReportedAndStartReadsAll()
    {
        await using var log = await OpenAsync();
        var finding = Assert.Single(
            await BreakAsync(log, _ => Flip(Path.Combine(log.PartitionDirectory, Checkpoint.Name), 5))
        );
        Assert.Equal((FindingKind.Index, Checkpoint.Name), (finding.Kind, Path.GetFileName(finding.Path)));
        Assert.Equal(350, log.ReadAll().Count);
        Assert.Empty(await BreakAsync(log, _ => { }));
    }

    [Fact]
    public async Task Format_Older_IsReadAndNewerIsReported()
    {
        await using var log = await OpenAsync();
        var topicFile = Path.Combine(log.DataDirectory, "topics", "t", TopicFile.Name);
        var current = File.ReadAllText(topicFile);
        var older = current
            .Replace("\"format\":3", "\"format\":1", StringComparison.Ordinal)
            .Replace(",\"retentionMs\":0,\"retentionBytes\":0", "", StringComparison.Ordinal);
        Assert.NotEqual(current, older);
        Assert.DoesNotContain("retention", older, StringComparison.Ordinal);
        Assert.Empty(await BreakAsync(log, _ => File.WriteAllText(topicFile, older)));
        Assert.Equal(350, log.ReadAll().Count);
        List<Finding>? findings = null;
        await Assert.ThrowsAsync<NotSupportedException>(() =>
            log.RestartAsync(() =>
            {
                File.WriteAllText(
                    topicFile,
                    current.Replace("\"format\":3", "\"format\":99", StringComparison.Ordinal)
                );
                findings = Verify(log);
            })
        );
        Assert.Contains("format 99", Assert.Single(findings!).Reason, StringComparison.Ordinal);
        await log.RestartAsync(() => File.WriteAllText(topicFile, current));
    }
}
