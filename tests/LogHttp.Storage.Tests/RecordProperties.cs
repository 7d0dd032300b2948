using System.Text;
using System.Text.Json;
using CsCheck;
using LogHttp.Storage.Appending;
using LogHttp.Storage.Records;
using LogHttp.Storage.Tests.Records;

namespace LogHttp.Storage.Tests;

/// <summary>Every record can be read unchanged: across segments, starts, power cuts and rebuilt indexes.</summary>
public class RecordProperties
{
    [Fact]
    public void Records_AnyContent_RoundTrip() =>
        RecordGen
            .Record.Array[1, 12]
            .Array[1, 12]
            .Sample(
                batches =>
                {
                    var log = new ModelLog(new TopicConfiguration { SegmentBytes = 64 << 10 });
                    foreach (var records in batches)
                    {
                        var batch = new RecordBatch(new RecordLimits());
                        foreach (var record in records)
                            record.AddTo(batch);
                        Assert.Equal(AppendStatus.Appended, log.Append(batch).Status);
                    }
                    var expected = batches.SelectMany(records => records).ToArray();
                    AssertHolds(log, expected);
                    log.Restart();
                    AssertHolds(log, expected);
                    log.Restart(fileSystem =>
                    {
                        foreach (var entry in fileSystem.List(ModelLog.PartitionDirectory))
                        {
                            if (!entry.Name.EndsWith(".ndjson", StringComparison.Ordinal))
                                fileSystem.DeleteFile($"{ModelLog.PartitionDirectory}/{entry.Name}");
                        }
                    });
                    AssertHolds(log, expected);
                    log.CutPower();
                    AssertHolds(log, expected);
                },
                iter: 60
            );

    static void AssertHolds(ModelLog log, TestRecord[] expected)
    {
        var lines = Encoding
            .UTF8.GetString(log.ReadAll(pageBytes: 4096))
            .Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(expected.Length, lines.Length);
        for (var i = 0; i < lines.Length; i++)
        {
            using var line = JsonDocument.Parse(lines[i]);
            Assert.Equal(i, line.RootElement.GetProperty("offset").GetInt64());
            expected[i].AssertIs(line.RootElement);
        }
    }
}
