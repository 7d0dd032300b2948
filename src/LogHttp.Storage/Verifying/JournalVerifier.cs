using System.Globalization;
using LogHttp.Storage.Files;
using LogHttp.Storage.Journal;
using LogHttp.Storage.Layout;

namespace LogHttp.Storage.Verifying;

/// <summary>
/// Verifies the journal of a data directory that no server has open: its mark, every round of its files, and the
/// entries that have no place (api/FORMAT.md §9 to §11). Changes nothing.
/// </summary>
/// <param name="fileSystem">The disk.</param>
/// <param name="directory">The data directory.</param>
/// <param name="report">Takes each finding.</param>
internal sealed class JournalVerifier(IFileSystem fileSystem, string directory, Action<Finding> report)
{
    const string PendingReason =
        "the journal waits to be applied: the server was not stopped cleanly. "
        + "The next start applies it, and may restore bytes that are reported as damaged below";

    const string UnusedReason =
        $"the journal is not used: there is no {DirectoryLayout.TopicsName}/{JournalMark.Name}. "
        + "The next start finds the logs' ends by reading";

    const string RestoreHint = "It is missing or lacks a segment: bring it back and start the server";

    readonly string _topics = Path.Combine(directory, DirectoryLayout.TopicsName);
    readonly string _journal = Path.Combine(directory, DirectoryLayout.JournalName);

    public void Run()
    {
        if (!TryReadMark(out var mark))
            return;
        try
        {
            CheckRounds(mark);
        }
        catch (Exception exception) when (exception is IOException or NotSupportedException)
        {
            report(new(FindingKind.Data, _journal, 0, 0, $"the journal can't be read: {exception.Message}"));
        }
        CheckUnplaced();
    }

    /// <summary>Returns false when the mark can't be used. Then nothing is known of the journal.</summary>
    bool TryReadMark(out JournalMark? mark)
    {
        mark = null;
        var path = Path.Combine(_topics, JournalMark.Name);
        try
        {
            mark = JournalMark.Read(fileSystem, _topics);
            return true;
        }
        catch (Exception exception) when (exception is IOException or NotSupportedException)
        {
            var reason = exception is CorruptionException corruption ? corruption.Reason : exception.Message;
            report(
                new(FindingKind.Data, path, 0, 0, $"the journal's mark can't be used, and no server starts: {reason}")
            );
            return false;
        }
    }

    void CheckRounds(JournalMark? mark)
    {
        var scan = JournalScan.Read(fileSystem, _journal);
        var isNeeded = mark is { IsEmpty: false };
        if (isNeeded)
            Note(Path.Combine(_topics, JournalMark.Name), PendingReason);
        else if (mark is null && !scan.IsEmpty)
            Note(_journal, UnusedReason);
        if (scan.Damage is { } damage)
            ReportDamage(scan, damage, isNeeded);
        else if (isNeeded && !scan.ContainsEpoch(mark!.Epoch))
            report(new(FindingKind.Data, _journal, 0, 0, Missing(mark)));
        else if (isNeeded)
            ListFiles(scan);
        if (scan.TornRound is { } torn && isNeeded)
            report(
                new(
                    FindingKind.Note,
                    PathOf(torn.FileNumber),
                    torn.Position,
                    0,
                    "the last round is torn: it was never acknowledged"
                )
            );
        foreach (var name in scan.TemporaryNames)
            Note(Path.Combine(_journal, name), "an unfinished journal file. It may be deleted");
        foreach (var name in scan.ForeignNames)
            Note(Path.Combine(_journal, name), "not of the journal; it is left alone");
    }

    static string Missing(JournalMark mark) =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"the journal with epoch {mark.Epoch:x16} is missing. Without it topics with flush=always are read-only"
        );

    void ReportDamage(JournalScan scan, string damage, bool isNeeded)
    {
        var (path, position) = scan.DamagedPosition ?? (_journal, 0);
        var finding = new Finding(isNeeded ? FindingKind.Data : FindingKind.Note, path, position, 0, damage);
        report(isNeeded ? finding : finding with { Reason = $"{damage} No round of it is needed." });
    }

    void ListFiles(JournalScan scan)
    {
        foreach (var range in scan.Rounds)
        {
            var lengthBytes = range.EndPosition - range.FirstPosition;
            var reason = string.Create(
                CultureInfo.InvariantCulture,
                $"rounds from {range.FirstNumber} on wait to be applied"
            );
            report(new(FindingKind.Note, PathOf(range.FileNumber), range.FirstPosition, lengthBytes, reason));
        }
    }

    void CheckUnplaced()
    {
        var unplaced = new UnplacedEntries(fileSystem, _journal, static () => 0);
        foreach (var (topicId, partition, sizeBytes) in unplaced.List())
        {
            var path = Path.Combine(_journal, JournalScan.UnplacedName, UnplacedEntries.NameOf(topicId, partition));
            try
            {
                unplaced.ReadAll(topicId, partition, static (in JournalEntry _, ReadOnlySpan<byte> _, ulong _) => { });
                var topic = string.Create(
                    CultureInfo.InvariantCulture,
                    $"topic id {topicId:x16}, partition {partition}"
                );
                report(
                    new(FindingKind.Note, path, 0, sizeBytes, $"acknowledged records wait for {topic}. {RestoreHint}")
                );
            }
            catch (CorruptionException exception)
            {
                report(new(FindingKind.Data, path, exception.Position, 0, exception.Reason));
            }
            catch (Exception exception) when (exception is IOException or NotSupportedException)
            {
                report(new(FindingKind.Data, path, 0, sizeBytes, $"the disk can't read it: {exception.Message}"));
            }
        }
    }

    string PathOf(long fileNumber) => Path.Combine(_journal, JournalFile.NameOf(fileNumber));

    void Note(string path, string reason) => report(new(FindingKind.Note, path, 0, 0, reason));
}
