using System.Text;
using LogHttp.Storage.Appending;
using LogHttp.Storage.Journal;
using LogHttp.Storage.Logs;

namespace LogHttp.Storage.Tests.Appending;

public class RequestCompletionsTests
{
    [Fact]
    public void AppendInlineAsync_OneRound_RunsAfterAllArePublished()
    {
        var log = new ModelLog(new() { Partitions = 2 });
        log.Commits.Hold<JournalWriter>();
        var publishedEnds = new List<long>();

        for (var partition = 0; partition < 2; partition++)
            Continue(
                log.BeginInlineAppend(ModelLog.Batch("a"), partition),
                () => publishedEnds.Add(log.Partitions.Sum(static other => other.EndOffset))
            );
        log.Release();

        Assert.Equal([2L, 2L], publishedEnds);
    }

    [Fact]
    public void AppendInlineAsync_WhileGroupsWait_HoldsNoTurn()
    {
        var log = new ModelLog(new() { Flush = FlushPolicy.Os });
        Task<AppendResult>? second = null;

        Continue(log.BeginInlineAppend(ModelLog.Batch("a")), () => second = log.BeginAppend("b"));

        Assert.Equal(AppendStatus.Appended, ModelLog.StatusOf(second!));
    }

    [Fact]
    public void IsContinuingInline_BehindAppend_IsTrueThereAlone()
    {
        var log = new ModelLog();
        log.Commits.Hold<JournalWriter>();
        var (behindInline, behindOther) = (false, true);

        Continue(log.BeginInlineAppend(ModelLog.Batch("a")), () => behindInline = PartitionLog.IsContinuingInline);
        log.Release();
        Continue(log.BeginAppend("b"), () => behindOther = PartitionLog.IsContinuingInline);

        Assert.Equal((true, false), (behindInline, behindOther));
        Assert.False(PartitionLog.IsContinuingInline);
    }

    [Theory]
    [InlineData(5)]
    [InlineData(5_000)]
    public async Task AppendInlineAsync_ResetBatch_AppendsOtherRecords(int textLength)
    {
        var log = new ModelLog();
        var batch = ModelLog.Batch("first");
        Assert.Equal(0, (await log.BeginInlineAppend(batch)).FirstOffset);

        for (var number = 1; number < 4; number++)
        {
            batch.Reset(new RecordLimits(), producer: null, expectedBytes: 0, ValueForm.Auto);
            Assert.Equal((0, 0), (batch.Count, batch.SizeBytes));
            var text = new string((char)('a' + number), textLength);
            Assert.Null(batch.AddText(Encoding.UTF8.GetBytes(text)));
            var result = await log.BeginInlineAppend(batch);

            Assert.Equal((AppendStatus.Appended, (long)number), (result.Status, result.FirstOffset));
            Assert.EndsWith($"\"{text}\"}}\n", Encoding.UTF8.GetString(log.ReadAll()), StringComparison.Ordinal);
        }
    }

    static void Continue(Task<AppendResult> append, Action then) =>
        append.ContinueWith(
            _ => then(),
            CancellationToken.None,
            TaskContinuationOptions.ExecuteSynchronously,
            TaskScheduler.Default
        );
}
