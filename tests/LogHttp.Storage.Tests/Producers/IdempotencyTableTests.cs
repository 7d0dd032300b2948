using CsCheck;
using LogHttp.Storage.Producers;

namespace LogHttp.Storage.Tests.Producers;

public class IdempotencyTableTests
{
    const int MaxKeys = 5;
    const long ExpiryMs = 100;

    static readonly ProducerLimits Limits = ProducerLimits.None with
    {
        MaxIdempotencyKeys = MaxKeys,
        IdempotencyExpiryMs = ExpiryMs,
    };

    static RememberedKey Key(string key, long offset, long timestampMs) =>
        new(new(key, Partitions: 1, Hash: 1), offset, offset + 1, timestampMs);

    /// <summary>
    /// Compares the table with a list of all keys. The log's time never goes back, and the clock may.
    /// </summary>
    [Fact]
    public void With_AnyKeys_MatchesModel() =>
        Gen.Select(Gen.Int[0, 7], Gen.Int[-10, 60], Gen.Bool)
            .Array[0, 300]
            .Sample(steps =>
            {
                var table = new IdempotencyTable(Limits);
                var model = new List<RememberedKey>();
                var (nowMs, stampMs) = (1_000L, 0L);
                foreach (var (number, stepMs, isRestarted) in steps)
                {
                    nowMs += stepMs;
                    stampMs = Math.Max(stampMs, nowMs);
                    var key = $"k{number}";
                    var known = model.FindLast(batch => batch.Stamp.Key == key);
                    if (known is not null && nowMs - known.TimestampMs < ExpiryMs)
                        // The clock may have gone back to a time at which a removed key was young.
                        Assert.True(table.Find(key, nowMs) is var found && (found == known || stampMs > nowMs));
                    else
                        Assert.Null(table.Find(key, nowMs));
                    var alive = model.Where(batch => nowMs - batch.TimestampMs < ExpiryMs).ToArray();
                    if (stampMs == nowMs)
                        Assert.Equal(
                            alive.Length < MaxKeys ? 0 : alive[0].TimestampMs + ExpiryMs - nowMs,
                            table.WaitForRoomMs(nowMs)
                        );
                    if (table.Find(key, nowMs) is null && table.WaitForRoomMs(nowMs) == 0)
                    {
                        var added = Key(key, model.Count, stampMs);
                        model.Add(added);
                        table = table.With(added, nowMs);
                        Assert.Same(table, table.With(added, nowMs));
                    }
                    Assert.InRange(table.Count, 0, MaxKeys);
                    if (isRestarted)
                        table = IdempotencyTable.Of(Limits, table.Alive()) ?? new IdempotencyTable(Limits);
                }
            });

    /// <summary>After a trim of all records, the log's time can begin at a clock that was set back.</summary>
    [Fact]
    public void With_TimestampsSetBack_KeepsKeyUntilItExpires()
    {
        var table = new IdempotencyTable(Limits)
            .With(Key("ahead", 0, timestampMs: 1_000), nowMs: 1_000)
            .With(Key("behind", 1, timestampMs: 500), nowMs: 500)
            .With(Key("last", 2, timestampMs: 700), nowMs: 700);
        Assert.NotNull(table.Find("ahead", 700));
        Assert.Null(table.Find("behind", 700));
        Assert.False(table.AreExpired(nowMs: 1_099));
        Assert.True(table.AreExpired(nowMs: 1_100));
    }

    [Fact]
    public void With_FullTable_ForgetsOldest()
    {
        var table = new IdempotencyTable(Limits);
        for (var offset = 0; offset < MaxKeys + 3; offset++)
            table = table.With(Key($"k{offset}", offset, offset), nowMs: 10);
        Assert.Equal(MaxKeys, table.Count);
        Assert.Null(table.Find("k2", 10));
        Assert.NotNull(table.Find("k3", 10));
    }

    [Fact]
    public void With_ClockWasAhead_KeepsLatestKeys()
    {
        const long Ahead = 1_000_000;
        var table = new IdempotencyTable(Limits);
        for (var offset = 0; offset < MaxKeys + 3; offset++)
        {
            Assert.Equal(0, table.WaitForRoomMs(nowMs: 10));
            table = table.With(Key($"k{offset}", offset, Ahead), nowMs: 10);
        }
        // Else no key would be taken until the clock reaches the log's time.
        Assert.Equal(MaxKeys, table.Count);
        Assert.NotNull(table.Find("k3", 10));
    }

    [Fact]
    public void With_AllExpired_RemovesAll()
    {
        var table = new IdempotencyTable(Limits);
        for (var offset = 0; offset < MaxKeys; offset++)
            table = table.With(Key($"k{offset}", offset, timestampMs: 0), nowMs: 0);
        table = table.With(Key("new", MaxKeys, ExpiryMs), ExpiryMs);
        Assert.Equal(1, table.Count);
        Assert.Equal(["new"], table.Alive().Select(static key => key.Stamp.Key));
    }
}
