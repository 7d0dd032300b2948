namespace LogHttp.Storage.Appending;

// The partition's position in the journal, for operators.
internal sealed partial class Appender
{
    /// <summary>
    /// Whether the journal decides the log's end, and how many bytes of the active segment are durable only in the
    /// journal.
    /// </summary>
    public (bool IsJournaled, long UnsyncedBytes) JournalPosition
    {
        get
        {
            lock (_gate)
            {
                var isJournaled = _published.IsJournaled;
                var isSameSegment = _published.Cursor.BaseOffset == _synced.BaseOffset;
                var unsyncedBytes = isJournaled && isSameSegment ? _published.Cursor.Position - _synced.Position : 0;
                return (isJournaled, Math.Max(0, unsyncedBytes));
            }
        }
    }
}
