using System.Globalization;
using System.Text;
using System.Text.Json;
using LogHttp.Storage.Appending;
using LogHttp.Storage.Reading;
using LogHttp.Storage.Records;

namespace LogHttp.Storage.Tests.Fuzz;

/// <summary>
/// No input makes the log crash or hang, and only records are served as records. LOGHTTP_FUZZ_SEED and
/// LOGHTTP_FUZZ_COUNT choose other and more inputs than the suite's.
/// </summary>
public class FuzzTests
{
    static readonly int Seed = Number("LOGHTTP_FUZZ_SEED", 1);

    static readonly string[] Tokens =
    [
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "\\",
        "\n",
        "\r",
        "\0",
        " ",
        "0",
        "-1",
        "1e9",
        "007",
        "9223372036854775807",
        "9223372036854775808",
        "99999999999999999999",
        "\u2028",
        "\uFFFD",
        "{\"offset\":",
        ",\"timestamp\":",
        ",\"batch\":2",
        ",\"batch\":2147483648",
        ",\"producer\":[\"p\",0,0]",
        ",\"producer\":[\"p\",0,0,\"89abcdef\"]",
        ",\"producer\":[]",
        ",\"commit\":[\"g\",\"t\",0,1,2]",
        ",\"idempotency\":[\"k\",\"h\"]",
        ",\"headers\":[[\"A\",null]]",
        ",\"key\":\"k\"",
        ",\"keyBase64\":\"AA==\"",
        ",\"headers\":{}",
        ",\"value\":null",
        ",\"valueBase64\":\"\"",
        "\\ud800",
        "\\u0000",
        "true",
        "null",
        "}\n",
        "@",
        "latest",
        "earliest",
        "2026-11-22T10:00:00Z",
        "+02:00",
        "T",
        "Z",
    ];

    static int Number(string name, int standard) =>
        int.TryParse(
            Environment.GetEnvironmentVariable(name),
            NumberStyles.None,
            CultureInfo.InvariantCulture,
            out var number
        )
            ? number
            : standard;

    static int Count(int standard) => Number("LOGHTTP_FUZZ_COUNT", standard);

    /// <summary>Returns lines and segments of every kind that the log writes.</summary>
    static byte[][] Segments()
    {
        var log = new ModelLog();
        log.Append("hello");
        var batch = new RecordBatch(new RecordLimits(), new ProducerStamp("p1", 0, 0));
        Assert.Null(
            batch.AddJson(
                "{\"id\":1,\"nested\":[[{\"a\":1.50e2}]]}"u8,
                new RecordMetadata { Key = "user-7", TimestampMs = 5 }
            )
        );
        Assert.Null(
            batch.AddText(
                "née \"☃\" 🎈\n"u8,
                new RecordMetadata { Headers = [new("Trace", "9f"), new("a", "1"), new("A", "2")] }
            )
        );
        Assert.Null(batch.AddBytes([0xFF, 0x00, 0x7F], new RecordMetadata { KeyBytes = new byte[] { 0xFF } }));
        log.Append(batch);
        var small = log.ReadAll();
        log.Append(Enumerable.Range(0, 200).Select(number => number.ToString(CultureInfo.InvariantCulture)));
        log.Append(new string('x', 9_000));
        return
        [
            small,
            log.ReadAll(),
            .. Encoding
                .UTF8.GetString(small)
                .Split('\n', StringSplitOptions.RemoveEmptyEntries)
                .Select(line => Encoding.UTF8.GetBytes(line + "\n")),
        ];
    }

    [Fact]
    public void Check_MutatedLine_AcceptsReadableJsonAlone()
    {
        var mutator = new Mutator(Seed, Segments(), Tokens);
        var passed = 0;
        for (var number = 0; number < Count(60_000); number++)
        {
            var line = mutator.Next();
            var end = line.AsSpan().IndexOf((byte)'\n');
            line = end < 0 ? line : line[..(end + 1)];
            // Readers get unchecked lines. They may reject a line as invalid, and no more.
            var isRecord = RecordView.TryParse(line, out var view);
            if (RecordFormat.Check(line, out var head, out _) is not null)
                continue;
            passed++;
            using var json = JsonDocument.Parse(line);
            Assert.True(isRecord, Hex(line));
            Assert.Equal(
                (head.Offset, head.TimestampMs),
                (
                    json.RootElement.GetProperty("offset").GetInt64(),
                    json.RootElement.GetProperty("timestamp").GetInt64()
                )
            );
            Assert.Equal(
                json.RootElement.GetProperty(view.IsBase64 ? "valueBase64" : "value").GetRawText(),
                Encoding.UTF8.GetString(view.Value)
            );
        }
        Assert.NotEqual(0, passed);
    }

    [Fact]
    public void Open_MutatedSegment_ServesWholeRecordsAlone()
    {
        var mutator = new Mutator(Seed, Segments(), Tokens);
        var (readOnly, cut) = (0, 0);
        for (var number = 0; number < Count(1_500); number++)
        {
            var bytes = mutator.Next();
            var log = new ModelLog();
            log.Restart(fileSystem =>
            {
                // Without a checkpoint the whole segment is read. Only a checkpoint would vouch for unread bytes.
                fileSystem.DeleteFile($"{ModelLog.PartitionDirectory}/checkpoint");
                using var segment = fileSystem.Open($"{ModelLog.PartitionDirectory}/00000000000000000000.ndjson");
                segment.Write(bytes, 0);
            });
            var served = log.ReadAll();
            Assert.True(bytes.AsSpan().StartsWith(served), $"Other bytes are served than there were: {Hex(bytes)}");
            CheckRecords(served, log.Partition.EndOffset, bytes);
            if (log.Partition.StoppedReason is null)
            {
                cut += served.Length < bytes.Length ? 1 : 0;
                Assert.Equal(AppendStatus.Appended, log.Append("after").Status);
                Assert.True(log.ReadAll().AsSpan().StartsWith(served), Hex(bytes));
            }
            else
            {
                readOnly++;
                Assert.Equal(AppendStatus.PartitionStopped, log.Append("after").Status);
                Assert.Equal(bytes, log.ReadFile($"{ModelLog.PartitionDirectory}/00000000000000000000.ndjson"));
            }
        }
        Assert.True(readOnly > 0 && cut > 0, $"{readOnly} were damaged, {cut} were torn.");
    }

    static void CheckRecords(byte[] served, long endOffset, byte[] bytes)
    {
        var (next, batchRest) = (0L, 0);
        foreach (var text in Encoding.UTF8.GetString(served).Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            Assert.Null(RecordFormat.Check(Encoding.UTF8.GetBytes(text + "\n"), out var head, out _));
            Assert.True(head.Offset >= next, Hex(bytes));
            next = head.Offset + 1;
            batchRest = (batchRest == 0 ? head.BatchCount : batchRest) - 1;
        }
        Assert.True(batchRest == 0, $"Half a batch is served: {Hex(bytes)}");
        Assert.Equal(next, endOffset);
    }

    [Fact]
    public void TryParse_MutatedPlace_RoundTrips()
    {
        byte[][] corpus =
        [
            .. new[]
            {
                "42",
                "earliest",
                "latest",
                "-10",
                "@1795341600000",
                "@2026-11-22T10:00:00Z",
                "@2026-11-22T10:00:00.123456789+02:00",
                "@2026-11-22",
            }.Select(Encoding.UTF8.GetBytes),
        ];
        var mutator = new Mutator(Seed, corpus, Tokens);
        var passed = 0;
        for (var number = 0; number < Count(100_000); number++)
        {
            var text = Encoding.UTF8.GetString(mutator.Next());
            if (!LogPlace.TryParse(text, out var place))
                continue;
            passed++;
            Assert.True(LogPlace.TryParse(place.ToString(), out var again) && again == place, text);
            Assert.True(place.TimeMs is not { } timeMs || timeMs >= 0, text);
        }
        Assert.NotEqual(0, passed);
    }

    [Fact]
    public void Open_MutatedIndexOrCheckpoint_KeepsRecordsReadable()
    {
        var log = new ModelLog();
        log.Append(Enumerable.Range(0, 400).Select(number => number.ToString(CultureInfo.InvariantCulture)));
        var expected = log.ReadAll();
        log.Close();
        foreach (var name in new[] { "00000000000000000000.index", "checkpoint" })
        {
            var mutator = new Mutator(Seed, [log.ReadFile($"{ModelLog.PartitionDirectory}/{name}")], Tokens);
            for (var number = 0; number < Count(400); number++)
            {
                var bytes = mutator.Next();
                log.Reopen(fileSystem =>
                {
                    fileSystem.DeleteFile($"{ModelLog.PartitionDirectory}/{name}");
                    using var file = fileSystem.Create($"{ModelLog.PartitionDirectory}/{name}");
                    file.Write(bytes, 0);
                });
                Assert.True(expected.AsSpan().SequenceEqual(log.ReadAll(4096)), $"{name}: {Hex(bytes)}");
                log.Close();
            }
        }
    }

    static string Hex(byte[] bytes) => Convert.ToHexString(bytes.AsSpan(0, Math.Min(bytes.Length, 20_000)));
}
