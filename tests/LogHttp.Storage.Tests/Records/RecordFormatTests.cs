using System.Runtime.CompilerServices;
using System.Text;
using LogHttp.Storage.Records;

namespace LogHttp.Storage.Tests.Records;

public class RecordFormatTests
{
    [Fact]
    public void FirstRecordBytes_SeveralRecords_EndsAtFirstLineEnd()
    {
        var bytes = "ab\ncd\ne"u8;
        Assert.Equal(3, RecordFormat.FirstRecordBytes(bytes));
        Assert.Equal(6, RecordFormat.WholeRecordsBytes(bytes));
        Assert.Equal((0, 0), (RecordFormat.FirstRecordBytes("e"u8), RecordFormat.WholeRecordsBytes("e"u8)));
    }

    [Fact]
    public void BatchFields_InHead_AreReadAndSkipped()
    {
        var line = Encoding.UTF8.GetBytes(
            """{"offset":7,"timestamp":1,"batch":2,"producer":["p",3,4,"89abcdef"],"commit":["g","t",0,3,42],"idempotency":["k","h"],"key":"k","value":1}"""
                + "\n"
        );
        Assert.Null(RecordFormat.Check(line, out var head, out var batch));
        Assert.Equal((7, 2, true), (head.Offset, head.BatchCount, batch.Any));
        Assert.Equal(new(new("p", 3, 4), 0x89abcdef), batch.Stamp);
        Assert.True(RecordFormat.TryRead(line, out var view));
        Assert.Equal("1"u8, view.Value);
        Assert.True(RecordKey.Of("k").IsOf(view));
    }

    [Theory]
    [InlineData("\"commit\":[\"g\",\"t\",0,3,42]")]
    [InlineData("\"idempotency\":[\"k\",\"h\"]")]
    [InlineData("\"producer\":[\"p\",0,0,\"89abcdef\"]")]
    public void BatchField_WithinBatch_IsDamage(string field)
    {
        var log = new ModelLog();
        log.Restart(fileSystem =>
        {
            fileSystem.DeleteFile($"{ModelLog.PartitionDirectory}/checkpoint");
            using var segment = fileSystem.Open($"{ModelLog.PartitionDirectory}/00000000000000000000.ndjson");
            segment.Write(
                Encoding.UTF8.GetBytes(
                    $"{{\"offset\":0,\"timestamp\":0,\"batch\":2,{field},\"value\":1}}\n{{\"offset\":1,"
                        + $"\"timestamp\":0,{field},\"value\":1}}\n{{\"offset\":2,\"timestamp\":0,\"value\":1}}\n"
                ),
                0
            );
        });
        Assert.Contains(
            "a field of a batch's first line stands inside of a batch",
            log.Partition.StoppedReason,
            StringComparison.Ordinal
        );
    }

    /// <summary>
    /// Another format of records can be added behind one door, as long as no other code knows the format of a line.
    /// </summary>
    [Fact]
    public void RecordFormat_InStorage_IsOnlyEntryPoint()
    {
        string[] inside = ["RecordLine", "RecordFields", "HeadWriter", "ProducerField", "JsonText", "'\\n'"];
        // These files have lines of their own, which are not records.
        string[] others = ["Checkpoint.cs", "TopicFile.cs", "ChecksummedLine.cs", "ManifestContent.cs"];
        var knowing = Directory
            .EnumerateFiles(SourceDirectory(), "*.cs", SearchOption.AllDirectories)
            .Where(path =>
                !path.Split(Path.DirectorySeparatorChar).Any(static part => part is "Records" or "obj" or "bin")
                && !others.Contains(Path.GetFileName(path))
            )
            .SelectMany(path =>
                inside.Where(File.ReadAllText(path).Contains).Select(word => $"{Path.GetFileName(path)} knows {word}")
            );
        Assert.Empty(knowing);
    }

    static string SourceDirectory([CallerFilePath] string source = "") =>
        Path.GetFullPath(Path.Combine(Path.GetDirectoryName(source)!, "..", "..", "..", "src", "LogHttp.Storage"));
}
