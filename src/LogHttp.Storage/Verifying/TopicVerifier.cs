using LogHttp.Storage.Logs;
using LogHttp.Storage.Partitions;

namespace LogHttp.Storage.Verifying;

/// <summary>Verifies an open topic while clients read and write it.</summary>
public static class TopicVerifier
{
    /// <summary>Verifies all segments of a topic up to the high watermark, at a limited rate.</summary>
    /// <param name="topic">The topic.</param>
    /// <param name="report">Takes each finding.</param>
    /// <param name="bytesPerSecond">The most bytes to read in a second.</param>
    /// <param name="cancellationToken">Ends the verification early.</param>
    /// <exception cref="IOException">The disk can't be read.</exception>
    /// <exception cref="LogClosedException">The topic was deleted, or the log closed.</exception>
    public static async Task<VerifySummary> RunAsync(
        Topic topic,
        Func<Finding, ValueTask> report,
        long bytesPerSecond,
        CancellationToken cancellationToken
    )
    {
        ArgumentNullException.ThrowIfNull(topic);
        ArgumentNullException.ThrowIfNull(report);
        var (segments, bytes) = (0, 0L);
        var findings = new List<Finding>();
        foreach (var log in topic.Partitions)
        {
            var (view, time) = (log.View, log.Environment.Time);
            // The journal or the start found damage and made the partition read-only. Its segments alone may look
            // sound.
            if (log.StoppedReason is { } reason)
            {
                var finding = new Finding(FindingKind.Data, log.Directory, 0, 0, reason)
                {
                    Topic = topic.Name,
                    Partition = log.Number,
                };
                await report(finding).ConfigureAwait(false);
            }
            var started = time.GetTimestamp();
            var startBytes = bytes;
            for (var number = 0; number < view.Segments.Length; number++)
            {
                var segment = view.Segments[number];
                // A trim has removed the segment, or the topic is being deleted.
                if (segment.IsRetired && log.View == view)
                    throw new LogClosedException();
                if (segment.IsRetired)
                    continue;
                segments++;
                CheckContinuity(topic.Name, log, view, number, findings.Add);
                foreach (var step in OpenSegmentVerifier.Run(topic.Name, log, view, segment, findings.Add))
                {
                    bytes += step;
                    cancellationToken.ThrowIfCancellationRequested();
                    var ahead =
                        TimeSpan.FromSeconds((double)(bytes - startBytes) / bytesPerSecond)
                        - time.GetElapsedTime(started);
                    if (ahead > TimeSpan.FromMilliseconds(20))
                        await Task.Delay(ahead, time, cancellationToken).ConfigureAwait(false);
                }
                foreach (var finding in findings)
                    await report(finding).ConfigureAwait(false);
                findings.Clear();
            }
        }
        return new(Topics: 1, segments, bytes);
    }

    /// <summary>
    /// Checks that the segment begins where the one before it ends. Skips this if that one's index can't be read.
    /// </summary>
    static void CheckContinuity(string topic, PartitionLog log, LogView view, int number, Action<Finding> report)
    {
        var segment = view.Segments[number];
        try
        {
            var expected = view.EarliestOffset;
            if (number > 0)
            {
                using var before = view.Segments[number - 1].Acquire(isSealed: true);
                expected = view.Segments[number - 1].End!.NextOffset;
            }
            DirectoryVerifier.CheckContinuity(
                new(segment.BaseOffset, segment.DataPath, segment.IndexPath),
                expected,
                isFirst: number == 0,
                finding => report(finding with { Topic = topic, Partition = log.Number })
            );
        }
        catch (Exception exception) when (exception is CorruptionException or LogClosedException)
        {
            // The damage has been reported, or the segment is gone.
        }
    }
}
