using LogHttp.Storage.Appending;
using LogHttp.Storage.Journal;
using LogHttp.Storage.Logs;

namespace LogHttp.Storage.Tests.Appending;

public class RequestCompletionsTests
{
    [Fact]
    public void ContinueInline_OneRound_RunsAfterAllPartitionsArePublished()
    {
        var log = new ModelLog(new() { Partitions = 2 });
        log.Commits.Hold<JournalWriter>();
        var publishedEnds = new List<long>();

        for (var partition = 0; partition < 2; partition++)
            Continue(
                log.BeginAppend(ModelLog.Batch("a"), partition, AppendOptions.ContinueInline),
                () => publishedEnds.Add(log.Partitions.Sum(static other => other.EndOffset))
            );
        log.Release();

        Assert.Equal([2L, 2L], publishedEnds);
    }

    [Fact]
    public void ContinueInline_WhileGroupsWait_HoldsNoTurn()
    {
        var log = new ModelLog(new() { Flush = FlushPolicy.Os });
        Task<AppendResult>? second = null;

        Continue(
            log.BeginAppend(ModelLog.Batch("a"), options: AppendOptions.ContinueInline),
            () => second = log.BeginAppend("b")
        );

        Assert.Equal(AppendStatus.Appended, ModelLog.StatusOf(second!));
    }

    [Fact]
    public void IsContinuingInline_BehindAppend_IsTrueThereAlone()
    {
        var log = new ModelLog();
        log.Commits.Hold<JournalWriter>();
        var (behindInline, behindOther) = (false, true);

        Continue(
            log.BeginAppend(ModelLog.Batch("a"), options: AppendOptions.ContinueInline),
            () => behindInline = PartitionLog.IsContinuingInline
        );
        log.Release();
        Continue(log.BeginAppend("b"), () => behindOther = PartitionLog.IsContinuingInline);

        Assert.Equal((true, false), (behindInline, behindOther));
        Assert.False(PartitionLog.IsContinuingInline);
    }

    static void Continue(Task<AppendResult> append, Action then) =>
        append.ContinueWith(
            _ => then(),
            CancellationToken.None,
            TaskContinuationOptions.ExecuteSynchronously,
            TaskScheduler.Default
        );
}
