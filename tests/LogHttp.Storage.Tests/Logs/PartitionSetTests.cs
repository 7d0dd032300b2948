using CsCheck;
using LogHttp.Storage.Appending;
using LogHttp.Storage.Records;
using LogHttp.Storage.Topics;

namespace LogHttp.Storage.Tests.Logs;

public class PartitionSetTests
{
    static RecordBatch Batch(string producer, long sequence, params string[] values)
    {
        var batch = new RecordBatch(new RecordLimits(), new ProducerStamp(producer, 0, sequence));
        foreach (var value in values)
            Assert.Null(batch.AddText(System.Text.Encoding.UTF8.GetBytes(value)));
        return batch;
    }

    static int? Choose(ModelLog log, RecordBatch batch, Func<int, int?> hash)
    {
        var set = log.Topic.EnterPartitions();
        try
        {
            Assert.True(set.Settled.IsCompleted);
            return set.ChooseFor(batch, hash);
        }
        finally
        {
            set.Leave();
        }
    }

    static (int Partition, AppendStatus Status) Append(ModelLog log, RecordBatch batch, int hash)
    {
        var partition = Choose(log, batch, count => hash % count)!.Value;
        var append = log.BeginAppend(batch, partition);
        return (partition, append.Result.Status);
    }

    [Fact]
    public void ChooseFor_TopicThatNeverGrew_TakesHash()
    {
        var log = new ModelLog(new() { Partitions = 3 });
        Assert.Equal((1, AppendStatus.Appended), Append(log, Batch("p", 0, "a"), hash: 4));
        // The producer numbers the records of another partition too.
        Assert.Equal((2, AppendStatus.Appended), Append(log, Batch("p", 0, "b"), hash: 5));
        Assert.Null(Choose(log, Batch("p", 0, "c"), static _ => null));
    }

    [Fact]
    public void ChooseFor_ProducerFromBefore_Stays()
    {
        var log = new ModelLog(new() { Partitions = 3 });
        Append(log, Batch("p", 0, "a"), hash: 4);
        log.Grow(6);

        Assert.Equal((1, AppendStatus.Repeated), Append(log, Batch("p", 0, "a"), hash: 4));
        Assert.Equal((1, AppendStatus.Appended), Append(log, Batch("p", 1, "b"), hash: 4));
        // A gap is reported where the producer is, and a new producer goes to the hash.
        Assert.Equal((1, AppendStatus.SequenceGap), Append(log, Batch("p", 7, "c"), hash: 4));
        Assert.Equal((4, AppendStatus.Appended), Append(log, Batch("q", 0, "a"), hash: 4));
        Assert.Equal((4, AppendStatus.Repeated), Append(log, Batch("q", 0, "a"), hash: 4));
        log.Grow(8);
        Assert.Equal((1, AppendStatus.Appended), Append(log, Batch("p", 2, "d"), hash: 4));
        Assert.Equal((4, AppendStatus.Appended), Append(log, Batch("q", 1, "b"), hash: 4));
    }

    [Fact]
    public void ChooseFor_SeveralKnowProducer_FindsSequence()
    {
        // The hash 2 is partition 2 of 3 and of 4, and the hash 6 is partition 0 of 3 and 2 of 4.
        var log = new ModelLog(new() { Partitions = 3 });
        Append(log, Batch("p", 0, "a"), hash: 2);
        Append(log, Batch("p", 0, "x", "y"), hash: 6);
        log.Grow(4);

        Assert.Equal((0, AppendStatus.Repeated), Append(log, Batch("p", 0, "x", "y"), hash: 6));
        Assert.Equal((0, AppendStatus.Appended), Append(log, Batch("p", 2, "z"), hash: 6));
        Assert.Equal((2, AppendStatus.Appended), Append(log, Batch("p", 1, "b"), hash: 2));
    }

    [Fact]
    public void ChooseFor_ProducerThatNamedPartition_FindsRepeatThere()
    {
        var log = new ModelLog(new() { Partitions = 3 });
        log.BeginAppend(Batch("p", 0, "a"), partition: 0);
        log.Grow(4);

        Assert.Equal((0, AppendStatus.Repeated), Append(log, Batch("p", 0, "a"), hash: 2));
    }

    [Fact]
    public async Task Settled_AppendsFromBefore_AreAwaited()
    {
        var log = new ModelLog(new() { Partitions = 3 });
        var earlier = log.Topic.EnterPartitions();
        log.Grow(6);
        var later = log.Topic.EnterPartitions();
        log.Grow(7);
        var latest = log.Topic.EnterPartitions();

        Assert.Equal((6, 7), (later.Partitions.Length, latest.Partitions.Length));
        Assert.False(later.Settled.IsCompleted);
        later.Leave();
        Assert.False(latest.Settled.IsCompleted);
        earlier.Leave();
        await later.Settled;
        await latest.Settled;
    }

    /// <summary>
    /// Producers with one hash each send their batches in order, and repeat some of the last five, while the topic
    /// grows and the process is killed. A model knows the batches of each producer.
    /// </summary>
    [Fact]
    public void ChooseFor_RandomGrowths_AppendsEachBatchOnce()
    {
        var step = Gen.OneOf(
            Gen.Select(Gen.Int[0, 5], Gen.Int[0, 4], static (producer, back) => (Kind: 0, producer, back)),
            Gen.Select(Gen.Int[0, 5], Gen.Int[0, 4], static (producer, _) => (Kind: 1, producer, 0)),
            Gen.Select(Gen.Int[1, 3], static by => (Kind: 2, by, 0)),
            Gen.Const((Kind: 3, 0, 0))
        );
        step.Array[5, 60]
            .Sample(
                static steps =>
                {
                    var log = new ModelLog(new() { Partitions = 2 });
                    var places = Enumerable.Range(0, 6).Select(static _ => new List<(int, long)>()).ToArray();
                    foreach (var (kind, number, back) in steps)
                    {
                        if (kind == 2 && log.Partitions.Count + number <= 16)
                            log.Grow(log.Partitions.Count + number);
                        else if (kind == 3)
                            log.Kill();
                        else if (kind < 2)
                            Send(log, number, places[number], isRepeat: kind == 0, back);
                    }
                    Assert.Equal(
                        places.Sum(static sent => sent.Count),
                        log.Partitions.Sum(static partition => partition.EndOffset)
                    );
                },
                iter: 200
            );
    }

    static void Send(ModelLog log, int producer, List<(int, long)> places, bool isRepeat, int back)
    {
        isRepeat &= back < places.Count;
        var sequence = isRepeat ? places.Count - 1 - back : places.Count;
        var batch = Batch($"p{producer}", sequence, $"{producer} {sequence}");
        var partition = Choose(log, batch, count => KeyPartitioner.HashOf($"p{producer}") % count)!.Value;
        var result = log.BeginAppend(batch, partition).Result;
        Assert.Equal(isRepeat ? AppendStatus.Repeated : AppendStatus.Appended, result.Status);
        if (isRepeat)
            Assert.Equal(places[sequence], (partition, result.FirstOffset));
        else
            places.Add((partition, result.FirstOffset));
    }
}
