using LogHttp.Storage.Partitions;
using LogHttp.Storage.Segments;

namespace LogHttp.Storage.Appending;

/// <summary>
/// Keeps the partition's manifest up to date, and deletes files that it no longer names. Used by the turn, except for
/// <see cref="NeedsTidying"/>.
/// </summary>
internal sealed class ManifestKeeper
{
    readonly Appender _appender;

    // Segments whose files are still to be deleted. Null if there are none.
    List<Segment>? _removed;

    volatile bool _needsTidying;

    public ManifestKeeper(Appender appender, RecoveredPartition found)
    {
        (_appender, Manifest) = (appender, found.Manifest);
        foreach (var segment in found.Trimmed)
            Remove(segment);
        NoteTidying();
    }

    /// <summary>The partition's manifest. Null for a read-only partition without a valid one.</summary>
    public SegmentManifest? Manifest { get; }

    /// <summary>Whether a step for <see cref="ManifestSteps.Tidying"/> has work. Any thread.</summary>
    public bool NeedsTidying => _needsTidying;

    /// <summary>Whether the manifest still has segments or a log start from before a trim.</summary>
    bool IsStartOutdated
    {
        get
        {
            var (state, view) = (Manifest!.State, _appender.View);
            return state.LogStartOffset < view.EarliestOffset
                || (state.Segments.Count > 0 && state.Segments[0].BaseOffset < view.Segments[0].BaseOffset);
        }
    }

    /// <summary>
    /// A step of the turn: brings the manifest up to date. It may fail, because no caller waits for it.
    /// </summary>
    public void RunSteps()
    {
        var steps = _appender.Queue.TakeManifestSteps();
        if (steps == 0)
            return;
        try
        {
            // Need not be durable: topic.json holds the configuration durably, and the next start compares the two.
            if (steps.HasFlag(ManifestSteps.Configuration))
                Manifest!.Append([new ManifestEdit.Configured(_appender.Queue.Configuration)], isDurable: false);
            if (!steps.HasFlag(ManifestSteps.Tidying))
                return;
            DeleteRemoved();
            if (Manifest!.NeedsCompaction)
                Manifest.Compact();
        }
        catch (IOException exception)
        {
            LogFailure(exception);
        }
        NoteTidying();
    }

    /// <summary>Replaces a manifest that a failed write may have damaged.</summary>
    public void ReplaceIfDamaged()
    {
        if (Manifest!.MustReplace)
            Manifest.Compact();
    }

    /// <summary>
    /// Retires a segment that the view no longer has. Reads in progress finish. <see cref="DeleteRemoved"/> deletes its
    /// files. The space is returned when the last reader has finished.
    /// </summary>
    public void Remove(Segment segment)
    {
        segment.Retire();
        (_removed ??= []).Add(segment);
    }

    /// <summary>Removes the segments before the log's start from the view, and deletes their files.</summary>
    public void RemoveSegmentsBeforeStart()
    {
        var view = _appender.View;
        var count = 0;
        while (count < view.Segments.Length - 1 && view.Segments[count + 1].BaseOffset <= view.EarliestOffset)
            count++;
        if (count > 0)
        {
            lock (_appender.Gate)
                _appender.Watermarks.RemoveSegments(count);
            foreach (var segment in view.Segments[..count])
                Remove(segment);
        }
        DeleteRemoved();
    }

    /// <summary>
    /// Used by the closing turn: notes the time of the last append to the active segment, and its length. After a crash
    /// the length differs, and the file's own time counts.
    /// </summary>
    public void NoteLastAppend(long lengthBytes)
    {
        if (_appender.Queue.IsDeletion || lengthBytes == 0 || Manifest?.State.Active is not { } active)
            return;
        var lastAppendMs = _appender.View.Active.LastAppendMs;
        if ((active.LastAppendMs, active.AppendedBytes) == (lastAppendMs, lengthBytes))
            return;
        try
        {
            Manifest.Append([new ManifestEdit.ActiveAppended(lastAppendMs, lengthBytes)], isDurable: true);
        }
        catch (IOException exception)
        {
            LogFailure(exception);
        }
    }

    /// <summary>Notes a failed change of the manifest that no caller waits for.</summary>
    public void LogFailure(IOException exception) =>
        StorageLog.ManifestFailed(_appender.Context.Environment.Logger, exception, _appender.Context.Directory);

    void NoteTidying() =>
        _needsTidying =
            _removed is { Count: > 0 } || (Manifest is { } manifest && (manifest.NeedsCompaction || IsStartOutdated));

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
        if (!IsStartOutdated && !Manifest!.MustReplace)
            return true;
        var view = _appender.View;
        ManifestEdit[] edits = IsStartOutdated
            ? [Manifest!.State.EditToStartAt(view.EarliestOffset, view.Segments[0].BaseOffset)]
            : [];
        try
        {
            _appender.Publication.RunInReserveIfFull(() => Manifest!.Append(edits, isDurable: true));
            return true;
        }
        catch (IOException exception)
        {
            LogFailure(exception);
            return false;
        }
    }

    void DeleteFiles(Segment segment)
    {
        var logger = _appender.Context.Environment.Logger;
        try
        {
            segment.DeleteFiles();
            StorageLog.TrimmedSegmentRemoved(logger, segment.DataPath);
        }
        catch (IOException exception)
        {
            StorageLog.SpaceNotReturned(logger, exception, segment.DataPath);
            (_removed ??= []).Add(segment);
        }
    }
}
