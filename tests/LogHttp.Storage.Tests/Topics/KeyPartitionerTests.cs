using System.Text;
using LogHttp.Storage.Topics;

namespace LogHttp.Storage.Tests.Topics;

public class KeyPartitionerTests
{
    /// <summary>The hashes of Kafka's own client for these keys.</summary>
    [Theory]
    [InlineData("21", -973932308)]
    [InlineData("foobar", -790332482)]
    [InlineData("a-little-bit-long-string", -985981536)]
    [InlineData("a-little-bit-longer-string", -1486304829)]
    [InlineData("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971)]
    [InlineData("abc", 479470107)]
    public void Murmur2_AnyKey_MatchesKafka(string key, int hash) =>
        Assert.Equal(hash, (int)KeyPartitioner.Murmur2(Encoding.UTF8.GetBytes(key)));

    [Fact]
    public void PartitionOf_NegativeHash_IsPartition() =>
        Assert.Equal((-973932308 & 0x7fffffff) % 7, KeyPartitioner.PartitionOf("21", 7));
}
