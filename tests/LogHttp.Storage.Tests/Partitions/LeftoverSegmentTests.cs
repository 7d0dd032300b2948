using LogHttp.Storage.Appending;
using LogHttp.Storage.Segments;
using LogHttp.Testing;

namespace LogHttp.Storage.Tests.Partitions;

/// <summary>Empty segments that an interrupted roll or a failed write left behind.</summary>
public class LeftoverSegmentTests
{
    [Fact]
    public void Append_AfterLeftoverRemoved_SurvivesPowerCut()
    {
        for (var seed = 0; seed < 40; seed++)
        {
            var log = new ModelLog(seed: seed);
            log.Append("first");
            log.Restart(LeaveASegmentCutToNothing);
            log.Append("second");
            var acknowledged = log.ReadAll();

            log.CutPower();

            Assert.Equal(acknowledged, log.ReadAll());
            Assert.Equal(AppendStatus.Appended, log.Append("third").Status);
        }
    }

    /// <summary>Truncates a segment to nothing. Neither that nor a later removal is durable before a sync.</summary>
    static void LeaveASegmentCutToNothing(PowerCutFileSystem fileSystem)
    {
        using var file = fileSystem.Create($"{ModelLog.PartitionDirectory}/{SegmentLayout.DataName(1)}");
        file.Write("refused"u8, 0);
        file.Sync();
        fileSystem.SyncDirectory(ModelLog.PartitionDirectory);
        file.Truncate(0);
    }
}
