using LogHttp.Storage.Segments;

namespace LogHttp.Storage.Appending;

// What a turn does to the manifest, and for files that are gone from it, while nothing waits to be appended.
internal sealed partial class Appender
{
    // The turn's; null of a read-only partition without a sound one.
    readonly SegmentManifest? _manifest;

    // Guarded by _gate.
    bool _isConfigurationNew;
    bool _isTidyingDue;

    // The turn's: segments whose files are still to be deleted. Null: there is none.
    List<Segment>? _removed;

    volatile bool _needsTidying;

    /// <summary>The partition's manifest; null of a read-only partition without a sound one.</summary>
    public SegmentManifest? Manifest => _manifest;

    /// <summary>Under <c>_gate</c>.</summary>
    bool IsManifestStepDue => _isConfigurationNew || _isTidyingDue;

    /// <summary>
    /// Deletes files that an earlier trim could not, and makes the manifest short where it has grown. Any thread: the turn
    /// does it, while nothing waits to be appended.
    /// </summary>
    public void Tidy()
    {
        if (_needsTidying)
            RequireManifestStep(static appender => appender._isTidyingDue = true);
    }

    void RequireManifestStep(Action<Appender> require)
    {
        lock (_gate)
        {
            if (_refusal is not null || IsClosing)
                return;
            require(this);
            if (_turnTaken)
                return;
            _turnTaken = true;
        }
        ScheduleTurn();
    }

    /// <summary>A turn's step: brings the manifest up to date where that is due. Nobody waits for it, so it may fail.</summary>
    void RunManifestStep()
    {
        bool isConfigurationNew, isTidyingDue;
        lock (_gate)
        {
            if (!IsManifestStepDue || Waiting.Count > 0)
                return;
            (isConfigurationNew, isTidyingDue) = (_isConfigurationNew, _isTidyingDue);
            (_isConfigurationNew, _isTidyingDue) = (false, false);
            if (_refusal is not null)
                return;
        }
        try
        {
            if (isConfigurationNew)
                _manifest!.Append([new ManifestEdit.Configured(_configuration)], isDurable: false);
            if (!isTidyingDue)
                return;
            DeleteRemoved();
            if (_manifest!.NeedsCompaction)
                _manifest.Compact();
        }
        catch (IOException exception)
        {
            // topic.json has the configuration, and the next start compares.
            StorageLog.ManifestFailed(_context.Environment.Logger, exception, _context.Directory);
        }
        NoteTidying();
    }

    void NoteTidying() => _needsTidying = _removed is { Count: > 0 } || _manifest is { } manifest && (manifest.NeedsCompaction || IsStartOutdated);

    /// <summary>Whether the manifest does not say yet where the log starts.</summary>
    bool IsStartOutdated => _manifest!.State.LogStartOffset < _view.EarliestOffset || _manifest.State.Segments is { Count: > 0 } named && named[0].BaseOffset < _view.Segments[0].BaseOffset;

    /// <summary>A segment is gone from the view: its files go with <see cref="DeleteRemoved"/>.</summary>
    void Remove(Segment segment)
    {
        segment.Retire();
        (_removed ??= []).Add(segment);
    }

    /// <summary>
    /// Deletes the files of segments that readers do not know any more, once the manifest does not name them either. Where
    /// the disk refuses, retention's timer has it tried again: the trim has happened all the same.
    /// </summary>
    void DeleteRemoved()
    {
        if (TryDropFromManifest() && _removed is { Count: > 0 } removed)
        {
            _removed = null;
            foreach (var segment in removed)
                DeleteFiles(segment);
        }
        NoteTidying();
    }

    bool TryDropFromManifest()
    {
        if (!IsStartOutdated)
            return true;
        try
        {
            WithReserve(() => _manifest!.Append([_manifest.State.EditToStartAt(_view.EarliestOffset, _view.Segments[0].BaseOffset)], isDurable: true));
            return true;
        }
        catch (IOException exception)
        {
            StorageLog.ManifestFailed(_context.Environment.Logger, exception, _context.Directory);
            return false;
        }
    }

    void DeleteFiles(Segment segment)
    {
        try
        {
            segment.DeleteFiles();
            StorageLog.TrimmedSegmentRemoved(_context.Environment.Logger, segment.DataPath);
        }
        catch (IOException exception)
        {
            StorageLog.SpaceNotReturned(_context.Environment.Logger, exception, segment.DataPath);
            (_removed ??= []).Add(segment);
        }
    }

    /// <summary>The closing turn's: notes when the active segment was last appended to. After a crash its file's time says it.</summary>
    void NoteLastAppend()
    {
        if (_isDeleted || _manifest is not { State.Active: { } active } manifest || active.LastAppendMs >= Active.LastAppendMs || _written.Cursor.Position == 0)
            return;
        try
        {
            manifest.Append([new ManifestEdit.ActiveAppended(Active.LastAppendMs)], isDurable: true);
        }
        catch (IOException exception)
        {
            StorageLog.ManifestFailed(_context.Environment.Logger, exception, _context.Directory);
        }
    }
}
