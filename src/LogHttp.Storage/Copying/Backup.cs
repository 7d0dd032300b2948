using System.Globalization;
using LogHttp.Storage.Files;
using LogHttp.Storage.Journal;
using LogHttp.Storage.Layout;
using LogHttp.Storage.Partitions;
using LogHttp.Storage.Segments;
using LogHttp.Storage.Topics;

namespace LogHttp.Storage.Copying;

/// <summary>
/// Copies a data directory into a new one that a server can open. It needs the files alone, whether a server writes to
/// them or not. The copy holds everything that was acknowledged before the backup began, in whole batches.
/// </summary>
/// <remarks>
/// <para>
/// A server never changes the bytes of segments below the one that the checkpoint names. Those become hard links if the
/// file system has them. All other files are copied, because a start may write to them.
/// </para>
/// <para>
/// While a server runs, files change under the copier: a roll, a trim or a deletion removes a file. Then the partition
/// or the topic is copied again from its start. Acknowledged records are in the segments, if only in the page cache, so
/// such a copy needs no journal. A directory with an unapplied journal that no process has open is copied with its
/// journal. Then a start is run on the copy, which applies the journal there.
/// </para>
/// </remarks>
public sealed class Backup
{
    /// <summary>Each attempt can meet another trim. An attempt copies only the end of a partition.</summary>
    const int MaxAttempts = 100;

    const int MaxTopicAttempts = 3;
    const int BufferBytes = 1 << 20;

    /// <summary>More bytes than the entry of a partition's end takes in the journal.</summary>
    const int MaxStateBytes = 128;

    const long MinJournalBytes = 256 << 10;
    const long MaxJournalBytes = 64 << 20;

    readonly IFileSystem _source;
    readonly string _sourceDirectory;
    readonly StorageEnvironment _environment;
    readonly string _partialDirectory;

    // The segments that the journal of a crashed directory names. A start writes to them.
    readonly HashSet<(ulong TopicId, int Partition, long BaseOffset)> _journaledSegments = [];
    bool _isCrashed;
    int _topics;
    int _partitions;
    int _linked;
    int _copied;
    long _copiedBytes;

    Backup(IFileSystem source, string sourceDirectory, StorageEnvironment environment, string partialDirectory)
    {
        (_source, _sourceDirectory) = (source, sourceDirectory);
        (_environment, _partialDirectory) = (environment, partialDirectory);
    }

    IFileSystem Target => _environment.FileSystem;

    string SourceTopics => Path.Combine(_sourceDirectory, DirectoryLayout.TopicsName);

    string SourceJournal => Path.Combine(_sourceDirectory, DirectoryLayout.JournalName);

    string TargetTopics => Path.Combine(_partialDirectory, DirectoryLayout.TopicsName);

    string TargetJournal => Path.Combine(_partialDirectory, DirectoryLayout.JournalName);

    /// <summary>Copies the data directory. The copy is durable when the task ends.</summary>
    /// <param name="source">
    /// The disk with the data directory. It is only read, so <see cref="ReadOnlyFileSystem"/> is enough.
    /// </param>
    /// <param name="sourceDirectory">The data directory.</param>
    /// <param name="environment">The disk with the new directory, and the environment of a start on the copy.</param>
    /// <param name="targetDirectory">The new directory. It must be missing or empty. Its parent must exist.</param>
    /// <exception cref="IOException">
    /// The source can't be read, the target can't be written, or something of its name is in the way.
    /// </exception>
    /// <exception cref="NotSupportedException">A newer version wrote the directory.</exception>
    public static async Task<BackupSummary> RunAsync(
        IFileSystem source,
        string sourceDirectory,
        StorageEnvironment environment,
        string targetDirectory
    )
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(environment);
        var target = Path.TrimEndingDirectorySeparator(Path.GetFullPath(targetDirectory));
        var (fileSystem, partial) = (environment.FileSystem, target + ".partial");
        var parent = Path.GetDirectoryName(target) ?? throw new IOException($"{target} is the root of a file system.");
        if (Find(source, sourceDirectory, DirectoryLayout.TopicsName) is not { IsDirectory: true })
            throw new IOException($"{sourceDirectory} is no data directory: it has no {DirectoryLayout.TopicsName}/.");
        var existing = Find(fileSystem, parent, Path.GetFileName(target));
        if (existing is { IsDirectory: false } || fileSystem.List(target).Count > 0)
            throw new IOException($"{target} is there already, and not empty. A backup is made into a new directory.");
        if (Find(fileSystem, parent, Path.GetFileName(partial)) is not null)
            throw new IOException($"{partial} is the rest of an interrupted backup. Remove it first.");
        fileSystem.CreateDirectory(partial);
        var summary = await new Backup(source, sourceDirectory, environment, partial).RunAsync().ConfigureAwait(false);
        if (existing is not null)
            fileSystem.DeleteDirectory(target);
        // An incomplete backup never has the final name.
        fileSystem.Rename(partial, target);
        fileSystem.SyncDirectory(parent);
        return summary;
    }

    static DirectoryEntry? Find(IFileSystem fileSystem, string directory, string name)
    {
        foreach (var entry in fileSystem.List(directory))
            if (entry.Name == name)
                return entry;
        return null;
    }

    async Task<BackupSummary> RunAsync()
    {
        using var directoryLock = TakeLockOfCrashed();
        _isCrashed = directoryLock is not null;
        Target.CreateDirectory(TargetTopics);
        if (_isCrashed)
            CopyJournal();
        CopyUnplaced();
        foreach (var entry in _source.List(SourceTopics).OrderBy(static entry => entry.Name, StringComparer.Ordinal))
        {
            if (entry.IsDirectory && TopicName.Check(entry.Name) is null && TryCopyTopic(entry.Name))
                _topics++;
        }
        Target.SyncDirectory(TargetTopics);
        Target.SyncDirectory(_partialDirectory);
        IReadOnlyList<string> problems = _isCrashed ? await ApplyJournalAsync().ConfigureAwait(false) : [];
        return new(_topics, _linked, _copied, _copiedBytes) { IsJournalApplied = _isCrashed, Problems = problems };
    }

    /// <summary>
    /// Takes the directory's lock when its journal is unapplied and no process has the directory open. Returns null
    /// otherwise. A server must not start while the journal is copied, because it would write to the segments.
    /// </summary>
    IDisposable? TakeLockOfCrashed()
    {
        IDisposable directoryLock;
        try
        {
            directoryLock = _source.Lock(Path.Combine(_sourceDirectory, DirectoryLayout.LockName));
        }
        catch (IOException)
        {
            // A server runs. Its segments hold all that it acknowledged.
            return null;
        }
        try
        {
            if (JournalMark.Read(_source, SourceTopics) is { IsEmpty: false })
                return directoryLock;
        }
        catch
        {
            directoryLock.Dispose();
            throw;
        }
        directoryLock.Dispose();
        return null;
    }

    /// <summary>Copies the journal and its mark, and notes the segments that it names.</summary>
    void CopyJournal()
    {
        Target.CreateDirectory(TargetJournal);
        foreach (var entry in _source.List(SourceJournal))
        {
            if (!entry.IsDirectory && JournalFile.TryParseName(entry.Name, out _))
                CopyFile(Path.Combine(SourceJournal, entry.Name), Path.Combine(TargetJournal, entry.Name));
        }
        CopyFile(Path.Combine(SourceTopics, JournalMark.Name), Path.Combine(TargetTopics, JournalMark.Name));
        Target.SyncDirectory(TargetJournal);
        var scan = JournalScan.Read(_source, SourceJournal);
        // The start on the copy reports damage. Until then nothing is known of the segments, and all are copied.
        if (scan is { Damage: null, IsEmpty: false })
            JournalReader.Read(_source, SourceJournal, scan.Rounds, scan.OldestNeeded, scan.LastNumber, NoteSegment);
        var unplaced = new UnplacedEntries(_source, SourceJournal, _environment.NewId);
        foreach (var (topicId, partition, _) in unplaced.List())
            unplaced.ReadAll(topicId, partition, NoteSegment);
    }

    void NoteSegment(in JournalEntry entry, ReadOnlySpan<byte> payload, ulong round) =>
        _journaledSegments.Add((entry.TopicId, entry.Partition, entry.SegmentBaseOffset));

    /// <summary>Copies the entries that had no place. A start on the copy looks for one again.</summary>
    void CopyUnplaced()
    {
        var source = Path.Combine(SourceJournal, JournalScan.UnplacedName);
        var target = Path.Combine(TargetJournal, JournalScan.UnplacedName);
        var entries = _source.List(source).Where(static entry => !entry.IsDirectory).ToArray();
        if (entries.Length == 0)
            return;
        Target.CreateDirectory(TargetJournal);
        Target.CreateDirectory(target);
        foreach (var entry in entries)
        {
            try
            {
                CopyFile(Path.Combine(source, entry.Name), Path.Combine(target, entry.Name));
            }
            catch (FileNotFoundException)
            {
                // The server has placed the entries meanwhile.
            }
        }
        Target.SyncDirectory(target);
        Target.SyncDirectory(TargetJournal);
    }

    /// <summary>
    /// Starts on the copy and stops. That applies the journal and cuts each partition at its exact end. Returns the
    /// problems that kept entries from being applied. Then the copy keeps its journal, and a server on it reports the
    /// same problems.
    /// </summary>
    async Task<IReadOnlyList<string>> ApplyJournalAsync()
    {
        var catalog = TopicCatalog.Open(
            _environment,
            new StorageOptions
            {
                Directory = _partialDirectory,
                // The limits of the server that writes there are not known. The largest ones forget no producer and
                // no idempotency key.
                MaxProducers = StorageOptions.MaxProducersUpperBound,
                MaxKafkaProducers = StorageOptions.MaxProducersUpperBound,
                ProducerExpiry = TimeSpan.FromDays(366),
                KafkaProducerExpiry = TimeSpan.FromDays(366),
                MaxIdempotencyKeys = StorageOptions.MaxIdempotencyKeysUpperBound,
                IdempotencyExpiry = TimeSpan.FromDays(366),
                RetentionInterval = TimeSpan.FromDays(1),
                ScrubBytesPerSecond = 0,
                // Only the ends are written to the copy's journal, and the journal is removed later. It needs room for
                // each partition.
                MinJournalFileBytes = Math.Clamp(
                    (_partitions + _journaledSegments.Count) * (long)MaxStateBytes,
                    MinJournalBytes,
                    MaxJournalBytes
                ),
            }
        );
        var problems = catalog.DamagedTopics.Select(static damaged => $"{damaged.Key}: {damaged.Value}").ToList();
        foreach (var topic in catalog.Topics)
        foreach (var partition in topic.Partitions)
            if (partition.StoppedReason is { } reason)
                problems.Add(string.Create(CultureInfo.InvariantCulture, $"{topic.Name}/{partition.Number}: {reason}"));
        await catalog.DisposeAsync().ConfigureAwait(false);
        if (JournalMark.Read(Target, TargetTopics) is { IsEmpty: true })
            RemoveJournalFiles();
        return problems;
    }

    void RemoveJournalFiles()
    {
        foreach (var entry in Target.List(TargetJournal))
        {
            if (!entry.IsDirectory)
                Target.DeleteFile(Path.Combine(TargetJournal, entry.Name));
        }
        Target.SyncDirectory(TargetJournal);
    }

    /// <summary>Returns false when the topic is deleted meanwhile.</summary>
    bool TryCopyTopic(string name)
    {
        var (source, target) = (Path.Combine(SourceTopics, name), Path.Combine(TargetTopics, name));
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                var file = TopicFile.Read(_source, source);
                Target.CreateDirectory(target);
                for (var number = 0; number < file.Partitions; number++)
                    CopyPartition(source, target, file.Id, number);
                CopyFile(Path.Combine(source, TopicFile.Name), Path.Combine(target, TopicFile.Name));
                Target.SyncDirectory(target);
                // A topic that was created again under the name has another id. One that has grown has more partitions.
                var copied = TopicFile.Read(Target, target);
                if ((copied.Id, copied.Partitions) == (file.Id, file.Partitions))
                    return true;
            }
            catch (Exception exception) when (exception is FileNotFoundException or DirectoryNotFoundException)
            {
                // Deleted, and perhaps created again. A disk that is not mounted looks the same, but stays so.
                if (attempt >= MaxTopicAttempts && Find(_source, SourceTopics, name) is not null)
                {
                    throw new IOException(
                        $"Topic \"{name}\" can't be copied: {exception.Message} Is its disk mounted?",
                        exception
                    );
                }
            }
            Target.DeleteDirectory(target);
            if (Find(_source, SourceTopics, name) is null)
                return false;
        }
    }

    void CopyPartition(string sourceTopic, string targetTopic, string topicId, int number)
    {
        var name = number.ToString(CultureInfo.InvariantCulture);
        var (source, target) = (Path.Combine(sourceTopic, name), Path.Combine(targetTopic, name));
        for (var attempt = 1; ; attempt++)
        {
            Target.CreateDirectory(target);
            try
            {
                CopySegments(source, target, topicId, number);
                Target.SyncDirectory(target);
                _partitions++;
                return;
            }
            catch (FileNotFoundException) when (attempt < MaxAttempts && Find(_source, sourceTopic, name) is not null)
            {
                Target.DeleteDirectory(target);
            }
        }
    }

    void CopySegments(string source, string target, string topicId, int number)
    {
        // The checkpoint is read before the files are listed. So the durable bytes that it names are in the listed
        // files. Its name is made durable. Otherwise a power cut could bring back an older one, and a start would write
        // to an earlier segment.
        var checkpointPath = Path.Combine(source, Checkpoint.Name);
        var checkpointBytes = ReadIfThere(checkpointPath);
        var checkpoint = checkpointBytes is null
            ? null
            : Checkpoint.Decode(checkpointBytes, ProducerLimits.None, out _);
        if (checkpoint is not null)
            Target.SyncDirectory(source);
        var manifestPath = Path.Combine(source, SegmentManifest.Name);
        var manifestBytes = ReadIfThere(manifestPath);
        var baseOffsets = ListSegments(source, manifestPath, manifestBytes);
        // The segment that the checkpoint names must be one of those.
        if (checkpointBytes is not null && !checkpointBytes.AsSpan().SequenceEqual(ReadIfThere(checkpointPath)))
            throw new FileNotFoundException("The checkpoint was replaced meanwhile.", checkpointPath);
        if (manifestBytes is not null && !manifestBytes.AsSpan().SequenceEqual(ReadIfThere(manifestPath)))
            throw new FileNotFoundException("The manifest was changed meanwhile.", manifestPath);
        _ = JournalRecovery.TryParseId(topicId, out var id);
        // A start resumes in the segment that the checkpoint names, or in a later one.
        var linkedBefore =
            checkpoint is not null && baseOffsets.Contains(checkpoint.Durable.BaseOffset)
                ? checkpoint.Durable.BaseOffset
                : 0;
        foreach (var baseOffset in baseOffsets)
        {
            var name = SegmentLayout.DataName(baseOffset);
            CopyIndex(source, target, name);
            if (baseOffset < linkedBefore && !_journaledSegments.Contains((id, number, baseOffset)))
                LinkSegment(source, target, name);
            else if (_isCrashed)
                CopyFile(Path.Combine(source, name), Path.Combine(target, name));
            else
                CopyWholeBatches(source, target, name, baseOffset, checkpoint?.Durable);
        }
        if (manifestBytes is not null)
            WriteFile(Path.Combine(target, SegmentManifest.Name), manifestBytes);
        if (checkpointBytes is not null)
            WriteFile(Path.Combine(target, Checkpoint.Name), checkpointBytes);
    }

    /// <summary>
    /// Lists a partition's segments. A roll makes an empty file before the manifest names it. That file may get records
    /// while it is copied, so it is left out. A file with records that the manifest does not name is damage, and the
    /// copy has it too.
    /// </summary>
    long[] ListSegments(string source, string manifestPath, byte[]? manifestBytes)
    {
        var named = manifestBytes is null ? null : NamedSegments(manifestBytes, manifestPath);
        var baseOffsets = new List<long>();
        foreach (var entry in _source.List(source))
        {
            if (
                SegmentLayout.TryParseDataName(entry.Name, out var baseOffset)
                && (named is null || entry.LengthBytes > 0 || named.Contains(baseOffset))
            )
                baseOffsets.Add(baseOffset);
        }
        baseOffsets.Sort();
        return [.. baseOffsets];
    }

    /// <summary>Returns the base offsets that a manifest names, or null when the manifest is damaged.</summary>
    static HashSet<long>? NamedSegments(byte[] manifestBytes, string path)
    {
        try
        {
            var state = ManifestContent.Decode(manifestBytes, path).State;
            return [.. state.Segments.Select(static segment => segment.BaseOffset)];
        }
        catch (CorruptionException)
        {
            return null;
        }
    }

    void LinkSegment(string source, string target, string name)
    {
        var (from, to) = (Path.Combine(source, name), Path.Combine(target, name));
        if (Target.TryLink(from, to))
            _linked++;
        else
            CopyFile(from, to);
    }

    /// <summary>Copies a segment that a server may append to meanwhile, up to its last whole batch.</summary>
    void CopyWholeBatches(string source, string target, string name, long baseOffset, SegmentCursor? durable)
    {
        var path = Path.Combine(target, name);
        var from = durable is { } cursor && cursor.BaseOffset == baseOffset ? cursor : new SegmentCursor(baseOffset);
        // Apparent damage may be a failed write that was cut off just then. If it stays, a start judges it.
        for (var attempt = 1; attempt <= 3; attempt++)
        {
            CopyFile(Path.Combine(source, name), path);
            if (TryCutToWholeBatches(path, from))
                return;
        }
    }

    bool TryCutToWholeBatches(string path, in SegmentCursor from)
    {
        using var file = Target.Open(path);
        if (file.LengthBytes < from.Position)
            return false;
        var scan = SegmentScan.Run(file, from, file.LengthBytes);
        if (
            scan.Bad is { LacksSector: false, IsEndOfFile: false } bad
            && SegmentScan.AnyRecordAfter(file, bad.Position, file.LengthBytes)
        )
            return false;
        file.Truncate(scan.End.Position);
        file.Sync();
        return true;
    }

    /// <summary>Copies a segment's index. A start rebuilds a missing one.</summary>
    void CopyIndex(string source, string target, string segmentName)
    {
        var name = Path.ChangeExtension(segmentName, SegmentLayout.IndexSuffix);
        try
        {
            CopyFile(Path.Combine(source, name), Path.Combine(target, name));
        }
        catch (FileNotFoundException)
        {
            // A trimmed segment lacks its data file too. The caller finds that next.
        }
    }

    /// <summary>Copies a file durably, at its present length, over the file of an earlier attempt.</summary>
    void CopyFile(string source, string target)
    {
        using var from = _source.Open(source);
        Target.DeleteFile(target);
        using var to = Target.Create(target);
        var lengthBytes = from.LengthBytes;
        var buffer = new byte[(int)Math.Min(BufferBytes, lengthBytes)];
        for (var position = 0L; position < lengthBytes; )
        {
            var read = from.Read(buffer.AsSpan(0, (int)Math.Min(buffer.Length, lengthBytes - position)), position);
            // The file is shorter if a failed write was cut off meanwhile.
            if (read == 0)
                break;
            to.Write(buffer.AsSpan(0, read), position);
            position += read;
        }
        to.Sync();
        _copied++;
        _copiedBytes += lengthBytes;
    }

    byte[]? ReadIfThere(string path)
    {
        try
        {
            using var file = _source.Open(path);
            var bytes = new byte[file.LengthBytes];
            file.ReadExactly(bytes, 0);
            return bytes;
        }
        catch (FileNotFoundException)
        {
            return null;
        }
    }

    void WriteFile(string path, byte[] content)
    {
        Target.DeleteFile(path);
        using var file = Target.Create(path);
        file.Write(content, 0);
        file.Sync();
    }
}

/// <summary>The content of a backup, and how it was made.</summary>
/// <param name="Topics">The number of topics.</param>
/// <param name="LinkedFiles">The number of segments that are hard links to the server's own.</param>
/// <param name="CopiedFiles">The number of copied files.</param>
/// <param name="CopiedBytes">The bytes of the copied files.</param>
public sealed record BackupSummary(int Topics, int LinkedFiles, int CopiedFiles, long CopiedBytes)
{
    /// <summary>Whether the server had crashed, so that the journal was applied to the copy.</summary>
    public bool IsJournalApplied { get; init; }

    /// <summary>Damaged topics and partitions of a crashed directory, in the copy as in the original.</summary>
    public IReadOnlyList<string> Problems { get; init; } = [];
}
