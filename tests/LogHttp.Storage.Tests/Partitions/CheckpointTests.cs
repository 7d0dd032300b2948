using System.Text;
using CsCheck;
using LogHttp.Storage.Bytes;
using LogHttp.Storage.Partitions;
using LogHttp.Storage.Producers;
using LogHttp.Storage.Records;
using LogHttp.Storage.Segments;

namespace LogHttp.Storage.Tests.Partitions;

public class CheckpointTests
{
    static readonly ProducerLimits Limits = new(MaxProducers: 100, ExpiryMs: 1000);

    static readonly Checkpoint Example = new(
        5,
        new SegmentCursor(42)
        {
            Position = 9120,
            NextOffset = 131,
            IndexEntries = 2,
            BlockPosition = 8300,
            BlockCrc = 305419896,
            MaxTimestampMs = 1763800000123,
        },
        1763800000122,
        new ProducerTable(Limits)
    );

    static byte[] Encoded => Example.Encode().ToArray();

    static Checkpoint? Decode(ReadOnlySpan<byte> bytes, out string reason) =>
        Checkpoint.Decode(bytes, Limits, out reason);

    static byte[] WithCrc(string line) =>
        Encoding.ASCII.GetBytes($"{line}\ncrc32c:{Crc32C.Of(Encoding.ASCII.GetBytes(line + "\n")):x8}\n");

    [Fact]
    public void Encode_Checkpoint_MatchesFormatAndDecodes()
    {
        var bytes = Encoded;
        Assert.Equal(
            WithCrc(
                """{"format":3,"logStartOffset":5,"segment":42,"position":9120,"nextOffset":131,"indexEntries":2,"blockPosition":8300,"blockCrc":305419896,"maxTimestamp":1763800000123,"lastStamp":1763800000122}"""
            ),
            bytes
        );
        Assert.Equal(Example, Decode(bytes, out _)! with { Producers = Example.Producers });
    }

    [Fact]
    public void Encode_Producers_DropsExpiredOnes()
    {
        var producers = Example
            .Producers.With(new("old", 0, 0), new(0, 1, 1, 5, 6, 7), nowMs: 1000)
            .With(new("p", 3, 0), new(0, 1, null, 40, 41, 8), nowMs: 1999)
            .With(new("p", 3, 1), new(1, 2, 0x89abcdef, 41, 43, 9), nowMs: 2000);
        var bytes = (Example with { LastStampMs = 2000, Producers = producers }).Encode().Span;
        Assert.Contains(
            ""","producers":[{"id":"p","epoch":3,"lastSeen":2000,"batches":[{"sequence":0,"offset":40,"nextOffset":41,"timestamp":8,"count":1},{"sequence":1,"offset":41,"nextOffset":43,"timestamp":9,"count":2,"crc32c":"89abcdef"}]}]}""",
            Encoding.ASCII.GetString(bytes),
            StringComparison.Ordinal
        );
        var (id, state) = Assert.Single(Decode(bytes, out _)!.Producers.Alive(2000));
        Assert.Equal(("p", 3, 2000, 3), (id, state.Epoch, state.LastSeenMs, state.NextSequence));
    }

    [Theory]
    [InlineData('<')]
    [InlineData('"')]
    [InlineData('~')]
    public void Encode_LargestProducer_FitsItsShare(char letter)
    {
        const long Most = ProducerStamp.MaxNumber;
        var batches = Enumerable
            .Range(0, ProducerTable.RememberedBatches)
            .Select(number => new ProducedBatch(
                Most - 5 + number,
                int.MaxValue,
                uint.MaxValue,
                long.MaxValue - 10 + number,
                long.MaxValue - 9 + number,
                long.MaxValue
            ));
        var state = new ProducerState(Most, long.MaxValue, [.. batches]);
        var sizes = Enumerable
            .Range(1, 2)
            .Select(count =>
                (
                    Example with
                    {
                        LastStampMs = long.MaxValue,
                        Producers = new ProducerTable(
                            Limits,
                            Enumerable
                                .Range(0, count)
                                .Select(number =>
                                    KeyValuePair.Create(
                                        (char)('a' + number) + new string(letter, ProducerStamp.MaxIdLength - 1),
                                        state
                                    )
                                ),
                            keys: []
                        ),
                    }
                )
                    .Encode()
                    .Length
            )
            .ToArray();
        // 100,000 producers with ids of '<' made a checkpoint that no start could read.
        Assert.InRange(sizes[1] - sizes[0], 1, Checkpoint.MaxProducerBytes);
    }

    [Fact]
    public void Encode_Keys_KeepsThem()
    {
        var key = new RememberedKey(new("a\"", 3, UInt128.MaxValue), 40, 43, 1763800000100);
        var bytes = (Example with { Producers = Example.Producers.With(key, nowMs: 0) }).Encode().Span;
        Assert.Contains(
            ""","idempotency":[{"key":"a\"","hash":"3:ffffffffffffffffffffffffffffffff","offset":40,"nextOffset":43,"timestamp":1763800000100}]}""",
            Encoding.ASCII.GetString(bytes),
            StringComparison.Ordinal
        );
        Assert.Equal([key], Decode(bytes, out _)!.Producers.Keys!.Alive());
    }

    [Theory]
    [InlineData('<')]
    [InlineData('"')]
    public void Encode_LargestKey_FitsItsShare(char letter)
    {
        var producers = Example.Producers;
        var sizes = new List<int>();
        for (var number = 0; number < 3; number++)
        {
            var name = (char)('a' + number) + new string(letter, IdempotencyStamp.MaxKeyLength - 1);
            var key = new RememberedKey(
                new(name, int.MaxValue, UInt128.MaxValue),
                long.MaxValue - 10 + number,
                long.MaxValue - 9 + number,
                RecordFormat.MaxTimestampMs
            );
            producers = producers.With(key, nowMs: 0);
            sizes.Add((Example with { Producers = producers }).Encode().Length);
        }
        Assert.InRange(sizes[2] - sizes[1], 1, IdempotencyTable.MaxKeyBytes);
        Assert.Equal(3 * IdempotencyTable.MaxKeyBytes, producers.Keys!.EncodedBytes);
    }

    [Fact]
    public void Encode_Damage_KeepsIt()
    {
        var bytes = (
            Example with
            {
                Damage = [new(42, new(8300, 12400, 131, "rotten")), new(7, new(0, 5, null, "cut"))],
            }
        )
            .Encode()
            .Span;
        Assert.Contains(
            ""","damage":[{"segment":42,"position":8300,"endPosition":12400,"reason":"rotten","nextOffset":131},{"segment":7,"position":0,"endPosition":5,"reason":"cut"}]}""",
            Encoding.ASCII.GetString(bytes),
            StringComparison.Ordinal
        );
        Assert.Equal(
            [new(42, new(8300, 12400, 131, "rotten")), new(7, new(0, 5, null, "cut"))],
            Decode(bytes, out _)!.Damage
        );
    }

    [Fact]
    public void Decode_PreviousFormat_HasNoProducers()
    {
        var line = Encoding
            .ASCII.GetString(Encoded)
            .Split('\n')[0]
            .Replace("\"format\":3", "\"format\":1", StringComparison.Ordinal);
        Assert.Equal(
            (131, 0),
            (Decode(WithCrc(line), out _)!.Durable.NextOffset, Decode(WithCrc(line), out _)!.Producers.Count)
        );
    }

    [Fact]
    public void Decode_AnyFlippedBitOrTruncation_IsRejected() =>
        Gen.Select(Gen.Int[0, Encoded.Length - 1], Gen.Int[0, 7])
            .Sample(
                (position, bit) =>
                {
                    var bytes = Encoded;
                    Assert.Null(Decode(bytes.AsSpan(0, position), out _));
                    bytes[position] ^= (byte)(1 << bit);
                    Assert.Null(Decode(bytes, out var reason));
                    Assert.NotEqual("", reason);
                }
            );

    [Fact]
    public void Decode_Format2_CountsBatchesWithoutChecksums()
    {
        var line = Encoding
            .ASCII.GetString(Encoded)
            .Split('\n')[0]
            .Replace("\"format\":3", "\"format\":2", StringComparison.Ordinal);
        line =
            line[..^1]
            + ""","producers":[{"id":"p","epoch":3,"lastSeen":2000,"batches":[{"sequence":7,"offset":41,"nextOffset":44,"timestamp":9}]}]}""";
        var (_, state) = Assert.Single(Decode(WithCrc(line), out _)!.Producers.Alive(2000));
        Assert.Equal((8, new(7, 3, null, 41, 44, 9)), (state.NextSequence, Assert.Single(state.Batches)));
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("{\"format\":1}")]
    [InlineData("[1]")]
    [InlineData("nonsense")]
    public void Decode_OtherContentWithValidCrc_NamesReason(string line)
    {
        Assert.Null(Decode(WithCrc(line), out var reason));
        Assert.NotEqual("", reason);
    }

    [Fact]
    public void Decode_UnknownField_IsRejected()
    {
        var line = Encoding.ASCII.GetString(Encoded).Split('\n')[0];
        Assert.Null(
            Decode(WithCrc(line.Replace("{\"format\":3", "{\"format\":3,\"new\":2", StringComparison.Ordinal)), out _)
        );
    }

    [Fact]
    public void Decode_NewerFormat_Throws()
    {
        var line = Encoding.ASCII.GetString(Encoded).Split('\n')[0];
        foreach (var newer in new[] { "{\"format\":4", "{\"new\":{\"format\":1},\"format\":4" })
        {
            var refused = Assert.Throws<NotSupportedException>(() =>
                Decode(WithCrc(line.Replace("{\"format\":3", newer, StringComparison.Ordinal)), out _)
            );
            Assert.Contains(
                "has format 4; this server knows formats up to 3",
                refused.Message,
                StringComparison.Ordinal
            );
        }
    }
}
