namespace LogHttp.Storage.Appending;

// Moves the log's start. Readers lose earlier records at once, and segments before the start are removed.
internal sealed partial class AppendTurn
{
    /// <summary>A step of the turn: runs the next trim. Returns false if none waits.</summary>
    bool TryRunTrim()
    {
        if (_appender.Queue.PeekTrim() is not { } trim)
            return false;
        // The checkpoint holds the log's start and the synced end, from which the next start reads on.
        if (_appender.Publication.TurnWaits() || WaitsForSync())
            return true;
        try
        {
            MoveStart(Math.Min(trim.Offset, _appender.View.EndOffset));
            trim.Complete(_appender.View.EarliestOffset);
        }
        catch (IOException exception)
        {
            trim.Fail(exception);
        }
        _appender.Queue.DequeueTrim();
        _appender.ScheduleTurn();
        return true;
    }

    /// <summary>
    /// Moves the start of the log, durably. The order is: checkpoint, readers' view, manifest, files. A crash in
    /// between leaves segments before the start, which the next start removes.
    /// </summary>
    void MoveStart(long offset)
    {
        if (offset > _appender.View.EarliestOffset)
        {
            _appender.Publication.RunInReserveIfFull(() =>
                _appender.Checkpoints.Write(_appender.View.Active, _written, offset)
            );
            lock (_appender.Gate)
                _appender.Watermarks.MoveStart(offset);
            _appender.Waiters.Shrunk();
        }
        _appender.ManifestKeeper.RemoveSegmentsBeforeStart();
        if (_appender.View.EarliestOffset == _appender.View.EndOffset && _written.Cursor.Position > 0)
            TryRollEmptied();
        Context.Reserve.Keep();
    }

    /// <summary>
    /// Rolls to a new segment after all records are trimmed, so that the space of the active one can be returned too.
    /// </summary>
    void TryRollEmptied()
    {
        try
        {
            _appender.Publication.RunInReserveIfFull(() => Roll(_written.Cursor.NextOffset));
        }
        catch (IOException exception)
        {
            // The trim has taken effect. The next roll, or trim, removes the segment.
            StorageLog.SpaceNotReturned(Context.Environment.Logger, exception, _appender.View.Active.DataPath);
        }
    }
}
