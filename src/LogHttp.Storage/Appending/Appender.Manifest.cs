using LogHttp.Storage.Segments;

namespace LogHttp.Storage.Appending;

// The turn's changes of the manifest, and the deletion of files that the manifest no longer names.
internal sealed partial class Appender
{
    // Used by the turn. Null for a read-only partition without a valid manifest.
    readonly SegmentManifest? _manifest;

    // Guarded by _gate.
    bool _isConfigurationNew;
    bool _isTidyingDue;

    // Used by the turn: segments whose files are still to be deleted. Null if there are none.
    List<Segment>? _removed;

    volatile bool _needsTidying;

    /// <summary>The partition's manifest. Null for a read-only partition without a valid one.</summary>
    public SegmentManifest? Manifest => _manifest;

    /// <summary>Under <c>_gate</c>.</summary>
    bool IsManifestStepDue => _isConfigurationNew || _isTidyingDue;

    /// <summary>Whether the manifest still has segments or a log start from before a trim.</summary>
    bool IsStartOutdated
    {
        get
        {
            var (state, view) = (_manifest!.State, _view);
            return state.LogStartOffset < view.EarliestOffset
                || (state.Segments.Count > 0 && state.Segments[0].BaseOffset < view.Segments[0].BaseOffset);
        }
    }

    /// <summary>
    /// Deletes files that an earlier trim could not delete, and compacts the manifest if it has grown. Any thread. The
    /// work runs in the turn, while no append waits.
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

    /// <summary>
    /// A step of the turn: brings the manifest up to date. It may fail, because no caller waits for it.
    /// </summary>
    void RunManifestStep()
    {
        bool isConfigurationNew,
            isTidyingDue;
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
            // Need not be durable: topic.json holds the configuration durably, and the next start compares the two.
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
            StorageLog.ManifestFailed(_context.Environment.Logger, exception, _context.Directory);
        }
        NoteTidying();
    }

    void NoteTidying() =>
        _needsTidying =
            _removed is { Count: > 0 } || (_manifest is { } manifest && (manifest.NeedsCompaction || IsStartOutdated));

    /// <summary>Retires a segment that the view no longer has. <see cref="DeleteRemoved"/> deletes its files.</summary>
    void Remove(Segment segment)
    {
        segment.Retire();
        (_removed ??= []).Add(segment);
    }

    /// <summary>
    /// Deletes the files of removed segments, once the manifest does not name them either. If the disk refuses,
    /// retention's timer tries again. The trim has taken effect all the same.
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
        if (!IsStartOutdated && !_manifest!.MustReplace)
            return true;
        ManifestEdit[] edits = IsStartOutdated
            ? [_manifest!.State.EditToStartAt(_view.EarliestOffset, _view.Segments[0].BaseOffset)]
            : [];
        try
        {
            WithReserve(() => _manifest!.Append(edits, isDurable: true));
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

    /// <summary>
    /// Used by the closing turn: notes the time of the last append to the active segment, and its length. After a crash
    /// the length differs, and the file's own time counts.
    /// </summary>
    void NoteLastAppend()
    {
        var lengthBytes = _written.Cursor.Position;
        if (_isDeleted || lengthBytes == 0 || _manifest is not { State.Active: { } active } manifest)
            return;
        if ((active.LastAppendMs, active.AppendedBytes) == (Active.LastAppendMs, lengthBytes))
            return;
        try
        {
            manifest.Append([new ManifestEdit.ActiveAppended(Active.LastAppendMs, lengthBytes)], isDurable: true);
        }
        catch (IOException exception)
        {
            StorageLog.ManifestFailed(_context.Environment.Logger, exception, _context.Directory);
        }
    }
}
