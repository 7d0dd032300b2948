using System.Text;
using LogHttp.AspNetCore.Confluent;
using LogHttp.AspNetCore.Contract;
using LogHttp.AspNetCore.Producing;
using LogHttp.Storage;

namespace LogHttp.AspNetCore.Tests.Confluent;

public sealed class ConfluentBodyTests
{
    const int LargeBytes = 20_000_000;
    const long LatestTimestampMs = 1_795_400_000_000;

    static readonly RecordLimits Limits = new();

    static BodyBudget Budget(long maxReadingBytes) =>
        new(new BodyLimits(maxReadingBytes, long.MaxValue, 100, TimeSpan.FromSeconds(30)), TimeProvider.System);

    static PartitionedBatch Batch() =>
        new(new TopicConfiguration(), Limits, requested: null, producer: null, static () => 0);

    static ConfluentBody Body(
        PartitionedBatch batch,
        ConfluentOutcomes outcomes,
        BodyKind kind = BodyKind.ConfluentJson
    ) =>
        new(
            kind,
            batch,
            outcomes,
            partition: null,
            isAllOrNothing: false,
            Limits.MaxBatchBytes,
            LatestTimestampMs,
            CancellationToken.None
        );

    [Theory]
    [InlineData("{\"records\":[{\"key\":\"", "\"},{}]}", false, "MaxKeyBytes")]
    [InlineData("{\"records\":[{\"key\":[0", "]},{}]}", false, "MaxKeyBytes")]
    [InlineData("{\"records\":[{\"key\":\"", "\"},{}]}", true, "MaxKeyBytes")]
    [InlineData("{\"records\":[{\"value\":\"", "\"},{}]}", true, "MaxRecordBytes")]
    public void Read_KeyOrValueTooLarge_FailsRecordUndecoded(string start, string end, bool isBinary, string mentions)
    {
        using var outcomes = new ConfluentOutcomes(Budget(1 << 30), null);
        using var batch = Batch();
        var body = Encoding.ASCII.GetBytes(
            $"{start}{new string('0', LargeBytes)}{end}".Replace("[00", "[1", StringComparison.Ordinal)
        );
        var reader = Body(batch, outcomes, isBinary ? BodyKind.ConfluentBinary : BodyKind.ConfluentJson);
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Null(reader.Read(body));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20);
        var records = outcomes.Records().ToArray();
        Assert.Contains(mentions, records[0].Problem!.Detail, StringComparison.Ordinal);
        Assert.Equal((2, null), (records.Length, records[1].Problem));
    }

    [Theory]
    [InlineData("key", 16 << 10, true)]
    [InlineData("key", (16 << 10) + 1, false)]
    public void Read_KeyAtLimit_IsAccepted(string field, int sizeBytes, bool isTaken)
    {
        foreach (
            var (text, kind) in new[]
            {
                (new string('a', sizeBytes), BodyKind.ConfluentJson),
                (string.Concat(Enumerable.Repeat("\\u0061", sizeBytes)), BodyKind.ConfluentJson),
                (Convert.ToBase64String(new byte[sizeBytes]), BodyKind.ConfluentBinary),
            }
        )
        {
            using var outcomes = new ConfluentOutcomes(Budget(1 << 30), null);
            using var batch = Batch();
            Assert.Null(
                Body(batch, outcomes, kind)
                    .Read(Encoding.ASCII.GetBytes($"{{\"records\":[{{\"{field}\":\"{text}\"}}]}}"))
            );
            Assert.Equal(isTaken, Assert.Single(outcomes.Records()).Problem is null);
        }
    }

    [Fact]
    public void Read_BudgetExhausted_IsRejected()
    {
        var budget = Budget(64 << 10);
        using (var outcomes = new ConfluentOutcomes(budget, null))
        {
            using var batch = Batch();
            var body = $"{{\"records\":[{string.Join(',', Enumerable.Repeat("{},{\"partition\":9}", 10_000))}]}}";
            Assert.Equal("overloaded", Body(batch, outcomes).Read(Encoding.ASCII.GetBytes(body))?.Code);
            Assert.InRange(outcomes.Count, 4096, 16384);
        }
        Assert.Equal(0, budget.ReadingBytes);
    }

    [Fact]
    public void AddFailed_EqualProblems_ShareOneObject()
    {
        var budget = Budget(1 << 30);
        using var outcomes = new ConfluentOutcomes(budget, null);
        for (var i = 0; i < 10_000; i++)
            outcomes.AddFailed(new Problem(400, "invalid_value", $"The value is {"JSON"}."));
        Assert.True(outcomes.TryHold());
        Assert.InRange(budget.ReadingBytes, 0, 4096);
        Assert.Single(
            outcomes.Records().Select(static record => record.Problem!).Distinct(ReferenceEqualityComparer.Instance)
        );
    }

    [Theory]
    [InlineData("timestamp\":-1")]
    [InlineData("timestamp\":1.5")]
    [InlineData("timestamp\":1795400000001")]
    [InlineData("timestamp\":true")]
    [InlineData("timestamp\":\"yesterday\"")]
    [InlineData("timestamp\":\"2126-11-22T10:00:00Z\"")]
    [InlineData("headers\":{}")]
    [InlineData("headers\":[1]")]
    [InlineData("headers\":[{}]")]
    [InlineData("headers\":[{\"value\":\"\"}]")]
    [InlineData("headers\":[{\"name\":null}]")]
    [InlineData("headers\":[{\"name\":1}]")]
    [InlineData("headers\":[{\"name\":\"a\",\"name\":\"b\"}]")]
    [InlineData("headers\":[{\"name\":\"a\",\"value\":null,\"value\":null}]")]
    [InlineData("headers\":[{\"name\":\"a\",\"value\":\"!\"}]")]
    [InlineData("headers\":[{\"name\":\"a\",\"value\":7}]")]
    [InlineData("headers\":[{\"name\":\"a\",\"text\":\"\"}]")]
    [InlineData("headers\":[{\"name\":\"\\ud800\"}]")]
    [InlineData("time\":1")]
    public void Read_InvalidField_RejectsRequest(string field)
    {
        using var outcomes = new ConfluentOutcomes(Budget(1 << 30), null);
        using var batch = Batch();
        var problem = Body(batch, outcomes).Read(Encoding.ASCII.GetBytes($"{{\"records\":[{{\"{field}}}]}}"));
        Assert.Equal((422, "invalid_record"), (problem?.Status, problem?.Code));
        Assert.StartsWith("Record 1: ", problem!.Detail, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{\"name\":\"a\",\"value\":\"AAAA\"}", 100_000)]
    [InlineData("{\"name\":\"\"}", 2_000_000)]
    public void Read_HeadersTooLarge_FailRecordUndecoded(string header, int count)
    {
        using var outcomes = new ConfluentOutcomes(Budget(1 << 30), null);
        using var batch = Batch();
        var body = Encoding.ASCII.GetBytes(
            $"{{\"records\":[{{\"headers\":[{string.Join(',', Enumerable.Repeat(header, count))}]}},{{}}]}}"
        );
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Null(Body(batch, outcomes).Read(body));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 8 << 20);
        Assert.Equal(["invalid_header", null], outcomes.Records().Select(static record => record.Problem?.Code));
    }
}
