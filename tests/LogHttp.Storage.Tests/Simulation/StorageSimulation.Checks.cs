using System.Buffers;
using LogHttp.Storage.Appending;
using LogHttp.Storage.Files;
using LogHttp.Storage.Journal;
using LogHttp.Storage.Logs;
using LogHttp.Storage.Partitions;
using LogHttp.Storage.Reading;
using LogHttp.Storage.Records;
using LogHttp.Storage.Segments;

namespace LogHttp.Storage.Tests.Simulation;

// Checks of the log, through its readers and in its files.
sealed partial class StorageSimulation
{
    const int JournalAppliedEvent = 31;

    static readonly int[] PageSizes = [1, 4096, 8192, 16 << 10, 64 << 10, 1 << 20];

    void OnLogged(int eventId, string message)
    {
        // Bytes are never damaged here, only lost, so the log has no reason to distrust its files.
        if (eventId == JournalAppliedEvent)
            _faults.RedoEnds(_fileSystem.CallCount);
        if (_isJournalMissing)
            return;
        Require(eventId is not 5 || _isSegmentMissing, $"a partition is read-only: {message}");
        Require(eventId is not 9, $"a checkpoint can't be used: {message}");
        Require(eventId is not 10 || _faults.ErrorCount > 0, $"an index was damaged: {message}");
        Require(eventId is not 11, $"a file was left behind: {message}");
    }

    /// <summary>Compares all readable records with the required ones.</summary>
    void LookAtAll(bool afterStart)
    {
        _trace.Add(afterStart ? "look at all after the start" : "look at all");
        using var pause = _faults.Pause();
        // The simulation's own reads have no more effect than a reader's: caches, and indexes that have to be rebuilt.
        NoteLimit();
        var capacityBytes = _fileSystem.CapacityBytes;
        _fileSystem.CapacityBytes = long.MaxValue;
        foreach (var name in _names)
            LookAt(name, afterStart);
        CheckRoom();
        if (afterStart)
        {
            foreach (var directory in (string[])["tmp", "deleted"])
                Require(
                    _fileSystem.List($"{DataDirectory}/{directory}").Count == 0,
                    $"The start left something in {directory}"
                );
            ReconcileUnits();
            // Topics whose disk is missing were not checked.
            _wasPowerCut &= _unmounted.Count > 0;
        }
        // The files of the journal, two more during a repair, the mark, and the file of unplaced entries.
        var bound = 2 * (_options.MaxOpenSegments + _heldPages.Count + Models.Count()) + JournalOptions.MaxFiles + 4;
        Require(
            _fileSystem.OpenHandleCount <= bound,
            $"{_fileSystem.OpenHandleCount} file handles are open; at most {bound} should be"
        );
        _fileSystem.CapacityBytes = capacityBytes;
    }

    void LookAt(NameModel name, bool afterStart)
    {
        if (name.IsUnreadable && (!afterStart || _unmounted.Contains(name)))
        {
            Require(IsUnreadable(name), $"{name.Name} should be damaged");
            return;
        }
        var topic = _catalog.Find(name.Name);
        if (afterStart)
        {
            var found = name.Possible.Find(model => model?.Id == topic?.Id);
            Require(
                found is not null || (topic is null && name.Possible.Contains(null)),
                $"{name.Name} leads to {topic?.Id ?? "nothing"}; it should to "
                    + $"{string.Join(" or ", name.Possible.Select(model => model?.Id ?? "nothing"))}"
            );
            name.Settle(found);
        }
        Require(
            topic?.Id == name.Topic?.Id,
            $"{name.Name} leads to {topic?.Id ?? "nothing"}; it should to {name.Topic?.Id ?? "nothing"}"
        );
        if (topic is null)
            return;
        LookAt(topic, name.Topic!, afterStart);
    }

    void LookAt(Topic topic, TopicModel model, bool afterStart)
    {
        if (afterStart && model.PossibleConfigurations.Contains(topic.Configuration))
        {
            model.Configure(topic.Configuration);
            // Another configuration that was written may still be found, but not after a power cut.
            if (_wasPowerCut && model.PowerCutsBeforeChange < _powerCuts)
                model.PossibleConfigurations.RemoveAll(configuration => configuration != topic.Configuration);
        }
        Require(
            topic.Configuration == model.Configuration,
            $"{model} has the configuration {topic.Configuration}; it should have "
                + $"{string.Join(" or ", model.PossibleConfigurations)}"
        );
        for (var number = 0; number < topic.Partitions.Length; number++)
        {
            var (log, partition) = (topic.Partitions[number], model.Partitions[number]);
            AwaitRepair(log);
            if (afterStart)
                Reconcile(log, partition);
            CheckStop(log, partition);
            CheckRecords(log, partition);
            CheckFiles(log, partition, $"{DataDirectory}/topics/{model.Name}/{number}");
            CheckSpaceOf(log, partition, $"{DataDirectory}/topics/{model.Name}/{number}", afterStart);
            CheckFinalPages(log, partition);
            for (var count = _random.Next(4); count > 0; count--)
                Fetch(log, partition);
        }
    }

    /// <summary>Reads some of the final pages again.</summary>
    void CheckFinalPages(PartitionLog log, PartitionModel model)
    {
        if (IsWithoutIndex(log) || model.FinalPages.Count == 0)
            return;
        var final = model.FinalPages.Keys.Order().ToArray();
        for (var count = Math.Min(final.Length, 8); count > 0; count--)
        {
            var (offset, maxBytes) = final[_random.Next(final.Length)];
            Fetch(log, model, LogPlace.At(offset), offset, PageSize.AtMost(maxBytes));
        }
    }

    void CheckStop(PartitionLog log, PartitionModel model) =>
        Require(
            log.StoppedReason is null
                || _faults.ErrorCount > _errorsBeforeLife
                || (IsWithoutIndex(log) && _wasOpenedLimited),
            $"{model.Name} stopped, and no error had struck: {log.StoppedReason}"
        );

    /// <summary>
    /// Whether it was opened on a full disk. Then it can be read and not written, and pages may end anywhere.
    /// </summary>
    static bool IsWithoutIndex(PartitionLog log) =>
        log.StoppedReason?.Contains("the disk was full when it was opened", StringComparison.Ordinal) ?? false;

    /// <summary>
    /// After a start: decides which unacknowledged appends are in the log, and removes lines that a power cut may lose.
    /// </summary>
    void Reconcile(PartitionLog log, PartitionModel model)
    {
        model.Unknown.Sort((left, right) => left.Id.CompareTo(right.Id));
        foreach (var append in model.Unknown)
            NoteJump(model, append);
        ReconcileStart(log, model);
        ReadOnlySpan<byte> rest = ReadAll(log);
        var matched = Math.Min(model.IndexOf(model.Start), model.Lines.Count);
        while (matched < model.Lines.Count && rest.StartsWith(model.Lines[matched].Bytes))
            rest = rest[model.Lines[matched++].Bytes.Length..];
        if (matched < model.Lines.Count)
        {
            Require(
                rest.IsEmpty,
                $"{model.Name}: record {model.Lines[matched].Offset} of {model.Lines[matched].Append} is not "
                    + $"there or was changed; in its place stands {Head(rest)}"
            );
            Require(
                _wasPowerCut,
                $"{model.Name}: record {model.Lines[matched].Offset} of {model.Lines[matched].Append} and what "
                    + "follows was lost, though acknowledged or seen"
            );
            Require(
                matched >= model.DurableCount,
                $"{model.Name}: record {model.Lines[matched].Offset} was lost, though durable up to number "
                    + $"{model.DurableCount}"
            );
            Require(
                matched == 0 || model.Lines[matched - 1].IsBatchEnd,
                $"{model.Name}: {model.Lines[matched].Append} was cut in two"
            );
            foreach (var line in model.Lines.Skip(matched))
                NoteJump(model, line.Append);
            model.Lines.RemoveRange(matched, model.Lines.Count - matched);
        }
        model.Producers.Restart(model.NextOffset, NowMs, _latestClockMs);
        model.Keys.Restart(model.NextOffset);
        foreach (var append in model.Unknown)
        {
            if (!rest.IsEmpty)
                Settle(model, append, ref rest);
        }
        Require(
            rest.IsEmpty,
            $"{model.Name}: nobody asked for {Head(rest)}, or it was refused, or should not come after "
                + $"{model.NextOffset - 1}"
        );
        model.Unknown.Clear();
        model.DurableCount = model.Lines.Count;
    }

    /// <summary>Finds an append without a known response at its required position, whole or not at all.</summary>
    void Settle(PartitionModel model, SimulatedAppend append, ref ReadOnlySpan<byte> rest)
    {
        Require(RecordFormat.TryReadHead(rest, out var head), $"{model.Name}: {Head(rest)} is no record");
        // Of a batch with repeated records, the log has the rest.
        foreach (var answer in AnswersTo(model, append))
        {
            if (
                answer.Dropped > 0
                && rest.StartsWith(append.Without(answer.Dropped).Line(0, head.Offset, head.TimestampMs))
            )
            {
                append = append.Without(answer.Dropped);
                break;
            }
        }
        // The stamp is that of the first record without a timestamp of its own.
        // With a key, the key's field has it if the first record has a timestamp of its own.
        var stampMs = append.HasTimestamp(0) ? append.KeyTimestampMs(rest) : null;
        var whole = rest;
        for (var record = 0; record < append.Count; record++)
        {
            if (!append.HasTimestamp(record) && stampMs is null && RecordFormat.TryReadHead(whole, out var next))
                stampMs = next.TimestampMs;
            var line = append.Line(record, head.Offset, stampMs ?? 0);
            // A repeat with another expected offset is the same line, and was refused.
            if (!whole.StartsWith(line) || (append.ExpectedNextOffset ?? head.Offset) != head.Offset)
            {
                Require(
                    record == 0,
                    $"{model.Name}: {append} is there up to its record {record} only, or changed; then comes "
                        + $"{Head(whole)}"
                );
                // Only a refused append may be missing before a later one.
                Require(
                    MayBeRefused(model, append),
                    $"{model.Name}: {Head(rest)} is there, but {append} before it is not"
                );
                return;
            }
            whole = whole[line.Length..];
        }
        Require(
            append.HasOffsets ? head.Offset >= model.NextOffset : model.CanBeNext(head.Offset),
            $"{model.Name}: {append} is at {head.Offset}; the next is {model.NextOffset}"
        );
        RequireNext(model, append, AppendStatus.Appended);
        model.Add(append, head.Offset, stampMs ?? 0);
        if (append.Producer is { } stamp)
            model.Producers.Found(stamp, BatchOf(append, head.Offset, stampMs), NowMs, _latestClockMs);
        if (append.Key is { } key)
            model.Keys.Add(key, BatchOf(append, head.Offset, stampMs));
        rest = whole;
    }

    static string Head(ReadOnlySpan<byte> line) =>
        System.Text.Encoding.UTF8.GetString(line[..Math.Min(line.Length, 120)]);

    /// <summary>Reads all bytes as readers get them, from the earliest offset on, with pages of one size.</summary>
    byte[] ReadAll(PartitionLog log)
    {
        var size = PageSize.AtMost(PageSizes[_random.Next(PageSizes.Length)]);
        var bytes = new ArrayBufferWriter<byte>();
        try
        {
            for (var place = LogPlace.Earliest; ; )
            {
                using var page = log.Fetch(place, size);
                if (page.Status != FetchStatus.Page)
                    return bytes.WrittenSpan.ToArray();
                var length = (int)page.Region!.LengthBytes;
                page.Region.File.ReadExactly(bytes.GetSpan(length)[..length], page.Region.Position);
                bytes.Advance(length);
                place = LogPlace.At(page.NextOffset);
            }
        }
        catch (IOException exception)
        {
            throw new SimulationException(
                $"A log can't be read, though no error strikes now: {exception.Message}",
                exception
            );
        }
    }

    /// <summary>
    /// The number of a partition's lines that readers may get: all, but only the surely durable ones of a stopped
    /// partition.
    /// </summary>
    static int VisibleCount(PartitionLog log, PartitionModel model)
    {
        if (log.StoppedReason is null)
        {
            Require(
                model.CanBeNext(log.EndOffset),
                $"{model.Name} ends at {log.EndOffset}; it should at {model.NextOffset}"
            );
            return model.Lines.Count;
        }
        var count = model.IndexOf(log.EndOffset);
        // If the disk failed the repair too, readers get the segment's surely durable bytes. The journal keeps the
        // rest.
        var isUnrepaired =
            log.StoppedReason.Contains("so did the repair", StringComparison.Ordinal)
            || log.StoppedReason.Contains("could not be taken back", StringComparison.Ordinal);
        Require(
            count >= model.DurableCount || isUnrepaired,
            $"{model.Name} stopped and shows {count} records; {model.DurableCount} are durable"
        );
        Require(count == 0 || model.Lines[count - 1].IsBatchEnd, $"{model.Name} stopped and shows half a batch");
        return count;
    }

    void CheckRecords(PartitionLog log, PartitionModel model)
    {
        ReadOnlySpan<byte> rest = ReadAll(log);
        foreach (var line in model.Lines.Take(VisibleCount(log, model)).Skip(model.IndexOf(model.Start)))
        {
            Require(
                rest.StartsWith(line.Bytes),
                $"{model.Name}: record {line.Offset} of {line.Append} is not there or was changed; in its place "
                    + $"stands {Head(rest)}"
            );
            rest = rest[line.Bytes.Length..];
        }
        Require(rest.IsEmpty, $"{model.Name}: after the last record comes {Head(rest)}");
    }

    /// <summary>Compares the segment files with the format, and their indexes with a rebuilt one.</summary>
    void CheckFiles(PartitionLog log, PartitionModel model, string directory)
    {
        var bases = SegmentBases(directory, out var emptyFollows);
        var visible = model.Lines[..VisibleCount(log, model)];
        for (var i = 0; i < bases.Count; i++)
        {
            var isSealed = i < bases.Count - 1;
            var oracle = Segment(visible, bases, i);
            // A trimmed segment that could not be removed does not belong to the log any more.
            if (oracle.LengthBytes == 0 || bases[i] < log.View.Segments[0].BaseOffset)
                continue;
            var data = ReadFile($"{directory}/{SegmentLayout.DataName(bases[i])}");
            var isWhole = !isSealed && log.StoppedReason is null && model.Pending.Count == 0;
            Require(
                isWhole ? data.Length == oracle.LengthBytes : data.Length >= oracle.LengthBytes,
                $"{model.Name}: segment {bases[i]} has {data.Length} bytes; its records take {oracle.LengthBytes}"
            );
            var index = ReadFile($"{directory}/{SegmentLayout.IndexName(bases[i])}");
            var expected = oracle.Index();
            var isRight = isSealed
                ? index.AsSpan().SequenceEqual(expected)
                : index.AsSpan().StartsWith(expected) || IsWithoutIndex(log);
            // A failed sync of the volume may lose the header of an index that is not open. The first entry writes it
            // again.
            isRight |= !isSealed && expected.Length == IndexFile.HeaderBytes && _faults.ErrorCount > 0;
            // If an empty segment follows, either that one is active and this one is sealed, or the roll to it failed.
            if (!isRight && !isSealed && emptyFollows)
                isRight = index.AsSpan().SequenceEqual(Segment(visible, [.. bases, long.MaxValue], i).Index());
            Require(
                isRight,
                $"{model.Name}: the index of {(isSealed ? "sealed" : "active")} segment {bases[i]} ({index.Length}"
                    + $" bytes) is not what its {oracle.LengthBytes} bytes give ({expected.Length} bytes); they differ "
                    + $"from {index.AsSpan().CommonPrefixLength(expected)} on"
            );
        }
        var checkpoint = Checkpoint.Decode(
            ReadFile($"{directory}/{Checkpoint.Name}"),
            new ProducerLimits(100, long.MaxValue),
            out var reason
        );
        Require(checkpoint is not null, $"{model.Name}: the checkpoint can't be read: {reason}");
        CheckManifest(log, model, directory);
    }

    /// <summary>Checks that the manifest names the existing segments, and has the length of the sealed ones.</summary>
    void CheckManifest(PartitionLog log, PartitionModel model, string directory)
    {
        var state = SegmentManifest.Load(_fileSystem, directory).State;
        var manifest = log.Manifest!;
        // After a failed write the file has the old state or the new one, until it is replaced.
        if (!manifest.MustReplace)
            Require(
                Bytes(state).SequenceEqual(Bytes(manifest.State)),
                $"{model.Name}: the manifest does not say what the log knows: {Describe(state)} instead of "
                    + $"{Describe(manifest.State)}"
            );
        var first = log.View.Segments[0].BaseOffset;
        var named = manifest.State.Segments.Where(segment => segment.BaseOffset >= first).ToArray();
        Require(
            named
                .Select(segment => segment.BaseOffset)
                .SequenceEqual(log.View.Segments.Select(segment => segment.BaseOffset)),
            $"{model.Name}: the manifest names {Describe(manifest.State)}"
        );
        foreach (var segment in state.Segments)
        {
            var lengthBytes = ReadFile($"{directory}/{SegmentLayout.DataName(segment.BaseOffset)}").Length;
            Require(
                segment.Extent is not { } extent || lengthBytes == extent.LengthBytes,
                $"{model.Name}: segment {segment.BaseOffset} has {lengthBytes} bytes; the manifest says "
                    + $"{segment.Extent}"
            );
        }
        if (model.Trims.Count == 0 && log.StoppedReason is null)
            Require(
                manifest.State.LogStartOffset <= log.EarliestOffset,
                $"{model.Name} begins at {log.EarliestOffset}; the manifest says {manifest.State.LogStartOffset}"
            );

        static byte[] Bytes(ManifestState state) => ManifestContent.Encode(state);
        static string Describe(ManifestState state) => $"{state.LogStartOffset}: {string.Join(' ', state.Segments)}";
    }

    /// <summary>
    /// The base offsets of a partition's segments that hold records. If none does, that of the first segment.
    /// </summary>
    List<long> SegmentBases(string directory, out bool emptyFollows)
    {
        var entries = new List<(long BaseOffset, long LengthBytes)>();
        foreach (var entry in _fileSystem.List(directory))
        {
            if (SegmentLayout.TryParseDataName(entry.Name, out var baseOffset))
                entries.Add((baseOffset, entry.LengthBytes));
        }
        entries.Sort();
        var last = entries.FindLastIndex(entry => entry.LengthBytes > 0);
        emptyFollows = last >= 0 && last < entries.Count - 1;
        return
        [
            .. entries
                .Where((entry, number) => entry.LengthBytes > 0 || (last < 0 && number == 0))
                .Select(entry => entry.BaseOffset),
        ];
    }

    static SegmentOracle Segment(List<ModelLine> lines, List<long> bases, int number)
    {
        var isSealed = number < bases.Count - 1;
        return new(
            bases[number],
            [.. lines.Where(line => line.Offset >= bases[number] && (!isSealed || line.Offset < bases[number + 1]))],
            isSealed
        );
    }

    byte[] ReadFile(string path)
    {
        using var file = _fileSystem.Open(path);
        var bytes = new byte[file.LengthBytes];
        file.ReadExactly(bytes, 0);
        return bytes;
    }

    void FetchSomewhere()
    {
        foreach (var (log, model) in Partitions(AnyName()))
        {
            if (_random.Next(2) == 0)
                Fetch(log, model);
        }
    }

    /// <summary>Fetches once, at a random position.</summary>
    void Fetch(PartitionLog log, PartitionModel model)
    {
        AwaitRepair(log);
        var (place, offset) = DrawPlace(log, model, VisibleCount(log, model));
        var size = PageSize.AtMost(PageSizes[_random.Next(PageSizes.Length)]);
        if (Fetch(log, model, place, offset, size) is { } held && _random.Next(4) == 0 && !IsWithoutIndex(log))
            CheckPageEnd(model, held, place, size);
    }

    /// <summary>Expects exactly the page of the lines, or the error that the disk has caused.</summary>
    HeldPage? Fetch(PartitionLog log, PartitionModel model, LogPlace place, long offset, PageSize size)
    {
        var visible = VisibleCount(log, model);
        var end = log.EndOffset;
        Require(
            log.EarliestOffset == model.Start,
            $"{model.Name} begins at {log.EarliestOffset}; it should at {model.Start}"
        );
        FetchResult page;
        try
        {
            page = log.Fetch(place, size);
        }
        catch (IOException exception)
            when (exception is not CorruptionException and not CorruptIndexException
                && _faults.ErrorCount > _errorsBeforeLife
            )
        {
            _trace.Add($"{model.Name}: fetch at {place} failed: {exception.Message}");
            return null;
        }
        var first = model.IndexOf(offset);
        var expected = Expected(model, offset, end, first >= visible);
        Require(
            page.Status == expected && page.EndOffset == end && page.EarliestOffset == model.Start,
            $"{model.Name}: a fetch at {place} found {page}; the end is {end}, so it should be {expected}"
        );
        if (page.Status != FetchStatus.Page)
            return null;
        var held = HeldPage.Of(model, page, first, visible);
        CheckFinal(log, model, held, offset, size);
        _heldPages.Add(held);
        if (_random.Next(3) > 0 || _heldPages.Count > 4)
            ReleasePage();
        return held;
    }

    static FetchStatus Expected(PartitionModel model, long offset, long end, bool isNothingThere) =>
        offset < model.Start ? FetchStatus.BelowEarliest
        : offset > end ? FetchStatus.BeyondEnd
        : isNothingThere ? FetchStatus.AtEnd
        : FetchStatus.Page;

    /// <summary>Checks that a final page is the same for ever, also after a power cut.</summary>
    static void CheckFinal(PartitionLog log, PartitionModel model, HeldPage held, long offset, PageSize size)
    {
        if (model.FinalPages.TryGetValue((offset, size.MaxBytes), out var nextOffset))
            Require(
                held.Page.NextOffset == nextOffset || IsWithoutIndex(log),
                $"{model.Name}: the page of {size.MaxBytes} at {offset} was final and ended before {nextOffset}; "
                    + $"now it ends before {held.Page.NextOffset}"
            );
        if (!held.Page.IsFinal)
            return;
        model.FinalPages[(offset, size.MaxBytes)] = held.Page.NextOffset;
        model.DurableCount = Math.Max(model.DurableCount, held.Last);
    }

    (LogPlace, long Offset) DrawPlace(PartitionLog log, PartitionModel model, int visible)
    {
        var end = log.EndOffset;
        switch (_random.Next(10))
        {
            case 0:
                return (LogPlace.Earliest, model.Start);
            case 1:
                return (LogPlace.Latest, end);
            case 2:
                var count = 1 + _random.Next(100);
                return (LogPlace.FromEnd(count), Math.Max(model.Start, end - count));
            case 3:
                return (LogPlace.At(end + 1), end + 1);
            case 4 or 5:
                var timestampMs = DrawTime(model);
                // A record before the start counts as long as its segment exists.
                var firstThere = Math.Min(visible, model.IndexOf(log.View.Segments[0].BaseOffset));
                var first = model.Lines.FindIndex(
                    firstThere,
                    visible - firstThere,
                    line => line.TimestampMs >= timestampMs
                );
                return (
                    LogPlace.AtTime(timestampMs),
                    first < 0 ? end : Math.Max(model.Start, model.Lines[first].Offset)
                );
            default:
                var offset = model.Lines.Count == 0 ? 0 : model.Lines[_random.Next(model.Lines.Count)].Offset;
                offset = Math.Max(0, offset - (model.TakesOffsets ? _random.Next(3) : 0));
                return (LogPlace.At(offset), offset);
        }
    }

    long DrawTime(PartitionModel model) =>
        model.Lines.Count == 0 || _random.Next(8) == 0
            ? _random.Next(3) switch
            {
                0 => 0,
                1 => NowMs,
                _ => long.MaxValue,
            }
            : Math.Max(0, model.Lines[_random.Next(model.Lines.Count)].TimestampMs + _random.Next(-1, 2));

    /// <summary>
    /// Readers that started at different offsets meet: the end of a page depends on the segment's bytes and the page
    /// size alone.
    /// </summary>
    void CheckPageEnd(PartitionModel model, HeldPage page, LogPlace place, PageSize size)
    {
        using var pause = _faults.Pause();
        var bases = SegmentBases($"{DataDirectory}/topics/{model.Name}", out _);
        var number = bases.FindLastIndex(baseOffset => baseOffset <= model.Lines[page.First].Offset);
        var isActive = number == bases.Count - 1 || model.IndexOf(bases[number + 1]) >= page.Visible;
        var lines = model.Lines[
            model.IndexOf(bases[number])..(isActive ? page.Visible : model.IndexOf(bases[number + 1]))
        ];
        var segment = new SegmentOracle(bases[number], lines, isSealed: !isActive);
        var first = page.First - model.IndexOf(bases[number]);
        var last = segment.PageEnd(first, size) + model.IndexOf(bases[number]);
        Require(
            page.Last == last,
            $"{model.Name}: the page of {size.MaxBytes} at {place} goes to record number {page.Last - 1}; it "
                + $"should to {last - 1}"
        );
        Require(
            page.Page.Region!.Position == segment.PositionOf(first),
            $"{model.Name}: the page at {place} lies at {page.Page.Region.Position}"
        );
        Require(
            page.Page.Region.LengthBytes <= size.MaxBytes || page.Last == page.First + 1,
            $"{model.Name}: a page of {size.MaxBytes} has {page.Page.Region.LengthBytes} bytes"
        );
    }

    void ReleasePage()
    {
        if (_heldPages.Count == 0)
            return;
        var page = _heldPages[_random.Next(_heldPages.Count)];
        _heldPages.Remove(page);
        using var pause = _faults.Pause();
        page.CheckAndDispose();
    }

    /// <summary>A page that is still being sent, and its required lines.</summary>
    sealed record HeldPage(PartitionModel Model, FetchResult Page, ModelLine[] Lines, int First, int Last, int Visible)
    {
        /// <param name="mayBeginInGap">
        /// A follower that continues gives its own position, and not that of the next record.
        /// </param>
        public static HeldPage Of(
            PartitionModel model,
            FetchResult page,
            int first,
            int visible,
            bool mayBeginInGap = false
        )
        {
            Require(
                mayBeginInGap
                    ? model.IndexOf(page.FirstOffset) == first
                    : page.FirstOffset == model.Lines[first].Offset,
                $"{model.Name}: the page begins with {page.FirstOffset} instead of {model.Lines[first].Offset}"
            );
            var last = model.IndexOf(page.NextOffset);
            Require(
                last > first && last <= visible && model.Lines[last - 1].Offset + 1 == page.NextOffset,
                $"{model.Name}: the page from {page.FirstOffset} on is followed by {page.NextOffset}"
            );
            return new(model, page, [.. model.Lines[first..last]], first, last, visible);
        }

        public void CheckAndDispose()
        {
            var bytes = new byte[Page.Region!.LengthBytes];
            Page.Region.File.ReadExactly(bytes, Page.Region.Position);
            Page.Dispose();
            ReadOnlySpan<byte> rest = bytes;
            foreach (var line in Lines)
            {
                Require(
                    rest.StartsWith(line.Bytes),
                    $"{Model.Name}: the page from {Page.FirstOffset} to {Page.NextOffset} holds other bytes at "
                        + $"{line.Offset}"
                );
                rest = rest[line.Bytes.Length..];
            }
            Require(
                rest.IsEmpty,
                $"{Model.Name}: the page from {Page.FirstOffset} to {Page.NextOffset} holds {rest.Length} bytes "
                    + "too many"
            );
        }
    }
}
