using LogHttp.Storage.Journal;
using LogHttp.Storage.Segments;

namespace LogHttp.Storage.Appending;

// Hands written groups to the journal. Records where the journal begins and ceases to decide
// the log's end.
internal sealed partial class AppendTurn
{
    /// <summary>Hands a written group to the journal.</summary>
    void SubmitGroup(AppendGroup group, AppendGroup.Frame frame)
    {
        var entries = EntriesBefore(group.Start);
        var unit = new GroupUnit(_appender, group, _written, entries) { EnteredBytes = Reservation.Use() };
        unit.SetFrame(frame.Bytes, frame.SizeBytes);
        _appender.Publication.Submit(unit);
    }

    /// <summary>
    /// Records in one entry that the large group is in the segment, synced. The entry marks the end of a batch. Nothing
    /// else of the partition is in flight, so the entry can't cut off a later one's records.
    /// </summary>
    void SubmitSyncedGroup()
    {
        var group = _group!;
        _group = null;
        var cursor = _written.Cursor;
        JournalEntry[] entries =
        [
            .. EntriesBefore(group.Start),
            _appender.JournalPartition.Entry(JournalEntryKind.SyncedUpTo, cursor.BaseOffset, cursor.Position),
        ];
        _appender.Publication.Submit(
            new GroupUnit(_appender, group, _written, entries) { EnteredBytes = Reservation.Use() }
        );
        if (!_appender.Publication.TurnWaits())
            End();
    }

    /// <summary>Returns the entries that must precede a group's records in the journal.</summary>
    JournalEntry[] EntriesBefore(in SegmentCursor start)
    {
        if (_written.IsJournaled && !_isSegmentNew)
            return [];
        var kind = _written.IsJournaled ? JournalEntryKind.SegmentMade : JournalEntryKind.JournalingBegins;
        (_written, _isSegmentNew) = (_written with { IsJournaled = true }, false);
        return [_appender.JournalPartition.Entry(kind, start.BaseOffset, start.Position)];
    }

    /// <summary>
    /// Ends journaling after the flush policy has become a laxer one. Once the entry is durable, a start finds the end
    /// of the log by reading, as that policy needs. All written data is published and synced before. The turn waits for
    /// the entry.
    /// </summary>
    void EndJournaling()
    {
        var cursor = _written.Cursor;
        SubmitEntry(
            _appender.JournalPartition.Entry(JournalEntryKind.JournalingEnds, cursor.BaseOffset, cursor.Position),
            failure =>
            {
                if (failure is not null)
                    _appender.Publication.StopForJournal(failure);
                _written = _written with { IsJournaled = false };
                lock (_appender.Gate)
                    _appender.Watermarks.EndJournaling();
                _appender.ScheduleTurn();
            }
        );
    }

    /// <summary>Submits an entry for which the turn has reserved room.</summary>
    void SubmitEntry(JournalEntry entry, Action<IOException?> completed) =>
        Context.Journal.Submit(
            new PartitionUnit(_appender.JournalPartition, entry, completed) { EnteredBytes = Reservation.Use() }
        );
}
