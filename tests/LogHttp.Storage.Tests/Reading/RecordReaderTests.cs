using System.Globalization;
using System.Text;
using System.Text.Json;
using CsCheck;
using LogHttp.Storage.Appending;
using LogHttp.Storage.Reading;
using LogHttp.Storage.Records;

namespace LogHttp.Storage.Tests.Reading;

public class RecordReaderTests
{
    static readonly string[] Keys = ["user-7", "user-70", "", "née \"☃\"\\\n🎈", ",\"key\":\"user-7\",\"", "value"];

    /// <summary>Values with the bytes that the search for a key looks for.</summary>
    static readonly string[] Values =
    [
        "1",
        "{\"x\":1,\"key\":\"user-7\",\"y\":2}",
        "\",\\\"key\\\":\\\"user-7\\\",\\\"\"",
        "[]",
    ];

    [Fact]
    public async Task Read_RegionOfCutFile_Throws()
    {
        await using var log = await TestLog.OpenAsync();
        await log.AppendAsync("one", "two");
        using var page = log.Fetch("earliest");
        // Behind a whole line: it looks like the end.
        var firstLineBytes = TestLog.Text(page.Region!).IndexOf('\n', StringComparison.Ordinal) + 1;
        using (
            var file = new FileStream(log.SegmentPaths.Single(), FileMode.Open, FileAccess.Write, FileShare.ReadWrite)
        )
            file.SetLength(firstLineBytes);
        using var reader = new RecordReader(page.Region!);
        Assert.True(reader.TryRead(out _));
        Assert.Equal(firstLineBytes, Assert.Throws<CorruptionException>(() => reader.TryRead(out _)).Position);
    }

    [Fact]
    public Task Read_Key_ReturnsItsRecordsWhateverValuesHold() =>
        Gen.Select(
                Gen.Int[-1, Keys.Length - 1],
                Gen.Int[0, Values.Length - 1],
                Gen.Bool,
                Gen.Frequency((9, Gen.Int[0, 50]), (1, Gen.Int[0, 300_000]))
            )
            .Array[1, 200]
            .SampleAsync(
                async drawn =>
                {
                    await using var log = await TestLog.OpenAsync();
                    var records = drawn
                        .Select(record =>
                            (
                                Key: record.Item1 < 0 ? null : Keys[record.Item1],
                                Value: Values[record.Item2],
                                HasHeaders: record.Item3,
                                Pad: record.Item4
                            )
                        )
                        .ToArray();
                    foreach (var chunk in records.Chunk(7))
                        await AppendAsync(log, chunk);
                    foreach (var key in Keys)
                    {
                        var expected = Enumerable
                            .Range(0, records.Length)
                            .Where(offset => records[offset].Key == key)
                            .Select(offset => (long)offset);
                        Assert.Equal(expected, Read(log, RecordKey.Of(key)));
                    }
                    Assert.Equal(records.Length, Read(log, key: null).Count);
                },
                iter: 30,
                threads: 2
            );

    [Fact]
    public async Task Read_BinaryKey_FindsIt()
    {
        await using var log = await TestLog.OpenAsync();
        var batch = new RecordBatch(new RecordLimits());
        Assert.Null(batch.AddJson("1"u8, new RecordMetadata { KeyBytes = new byte[] { 0xFF, 0 } }));
        Assert.Null(batch.AddJson("2"u8, new RecordMetadata { KeyBytes = "text"u8.ToArray() }));
        await log.Partition.AppendAsync(batch);
        Assert.Equal([0], Read(log, RecordKey.Of([0xFF, 0])));
        Assert.Equal([1], Read(log, RecordKey.Of("text"u8)));
    }

    [Fact]
    public async Task Read_Fields_AreThoseOfLine()
    {
        await using var log = await TestLog.OpenAsync();
        await AppendAsync(log, [("k\"]}", "{\"a\":[1]}", true, 0), (null, "\"text\"", false, 0)]);
        using var page = log.Fetch("earliest");
        using var reader = new RecordReader(page.Region!);
        Assert.True(reader.TryRead(out var first));
        Assert.Equal("""{"h":["1}","2"],"i":""}""", Encoding.UTF8.GetString(first.Headers));
        Assert.Equal("{\"a\":[1]}", Encoding.UTF8.GetString(first.Value));
        Assert.True(reader.TryRead(out var second));
        Assert.Equal((1, 0, "\"text\""), (second.Offset, second.Headers.Length, Encoding.UTF8.GetString(second.Value)));
        Assert.False(reader.TryRead(out _));
    }

    static async Task AppendAsync(
        TestLog log,
        IEnumerable<(string? Key, string Value, bool HasHeaders, int Pad)> records
    )
    {
        var batch = new RecordBatch(new RecordLimits());
        foreach (var (key, value, hasHeaders, pad) in records)
        {
            Assert.Null(
                batch.AddJson(
                    Encoding.UTF8.GetBytes(value),
                    new RecordMetadata
                    {
                        Key = key,
                        Headers = hasHeaders
                            ? [new("h", "1}"), new("h", "2"), new("i", new string('p', Math.Min(pad, 30_000)))]
                            : null,
                    }
                )
            );
        }
        Assert.Equal(AppendStatus.Appended, (await log.Partition.AppendAsync(batch)).Status);
    }

    static List<long> Read(TestLog log, RecordKey? key)
    {
        var offsets = new List<long>();
        for (var next = 0L; ; )
        {
            using var page = log.Fetch(next.ToString(CultureInfo.InvariantCulture), 64 << 20);
            if (page.Region is null)
                return offsets;
            using var reader = new RecordReader(page.Region, key);
            while (reader.TryRead(out var record))
            {
                Assert.Equal(
                    JsonDocument.Parse(record.Line.ToArray()).RootElement.GetProperty("value").GetRawText(),
                    Encoding.UTF8.GetString(record.Value)
                );
                offsets.Add(record.Offset);
            }
            next = page.NextOffset;
        }
    }
}
