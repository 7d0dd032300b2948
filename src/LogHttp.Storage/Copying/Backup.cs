using System.Globalization;
using LogHttp.Storage.Files;
using LogHttp.Storage.Producers;
using LogHttp.Storage.Segments;

namespace LogHttp.Storage.Copying;

/// <summary>
/// Copies a data directory into a new one that a server can open, from its files alone, whether a server is writing there or
/// not. All that was acknowledged before it began is in it, in whole batches. Sealed segments are hard links where the file
/// system has them.
/// </summary>
/// <remarks>
/// Why that can be right without the server's help: files are only appended to, a segment that has records behind it is sealed
/// for good, the checkpoint and topic.json are replaced whole, a topic comes and goes with one rename. What a roll, a trim or a
/// deletion takes away under the copier's hands shows as a missing file, and then that partition or topic is begun anew.
/// A link's bytes are the server's own, so nothing may ever be written to one: the last segments, which a start may write on,
/// and all indexes, which it may mend, are copied.
/// </remarks>
public sealed class Backup
{
    /// <summary>Trims can take a segment away again and again; each attempt copies no more than the end of a partition.</summary>
    const int MaxAttempts = 100;

    readonly string _source;
    readonly string _target;
    readonly ReadOnlyFileSystem _files = new();
    int _topics;
    int _linked;
    int _copied;
    long _copiedBytes;

    Backup(string source, string target) => (_source, _target) = (source, target);

    /// <summary>Copies the data directory; durable when it returns.</summary>
    /// <param name="source">The data directory.</param>
    /// <param name="target">The new directory; it must not be there, or be empty.</param>
    /// <exception cref="IOException">The source can't be read, or the target not be written or is in the way.</exception>
    public static BackupSummary Run(string source, string target)
    {
        if (!Directory.Exists(Path.Combine(source, DirectoryLayout.TopicsName)))
            throw new IOException($"{source} is no data directory: it has no {DirectoryLayout.TopicsName}/.");
        target = Path.TrimEndingDirectorySeparator(Path.GetFullPath(target));
        var partial = target + ".partial";
        if (File.Exists(target) || (Directory.Exists(target) && Directory.EnumerateFileSystemEntries(target).Any()))
            throw new IOException($"{target} is there already, and not empty. A backup is made into a new directory.");
        if (Path.Exists(partial))
            throw new IOException($"{partial} is what an earlier backup that was interrupted left. Remove it first.");
        return DiskErrors.Translate(target, () =>
        {
            Directory.CreateDirectory(partial);
            var summary = new Backup(source, Path.Combine(partial, DirectoryLayout.TopicsName)).Run();
            if (Directory.Exists(target))
                Directory.Delete(target);
            // Half a backup never has the name of a whole one.
            Directory.Move(partial, target);
            Sync(Path.GetDirectoryName(target)!);
            return summary;
        });
    }

    BackupSummary Run()
    {
        Directory.CreateDirectory(_target);
        foreach (var entry in _files.List(Path.Combine(_source, DirectoryLayout.TopicsName)).OrderBy(static entry => entry.Name, StringComparer.Ordinal))
        {
            if (entry.IsDirectory && TopicName.Check(entry.Name) is null && TryCopyTopic(entry.Name))
                _topics++;
        }
        Sync(_target);
        Sync(Path.GetDirectoryName(_target)!);
        return new(_topics, _linked, _copied, _copiedBytes);
    }

    /// <summary>False when the topic is deleted meanwhile.</summary>
    bool TryCopyTopic(string name)
    {
        var (source, target) = (Path.Combine(_source, DirectoryLayout.TopicsName, name), Path.Combine(_target, name));
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                var file = TopicFile.Read(_files, source);
                Directory.CreateDirectory(target);
                for (var number = 0; number < file.Partitions; number++)
                    CopyPartition(Path.Combine(source, number.ToString(CultureInfo.InvariantCulture)), Path.Combine(target, number.ToString(CultureInfo.InvariantCulture)));
                // A topic made anew under the name is another.
                if (TopicFile.Read(_files, source).Id == file.Id)
                {
                    CopyFile(Path.Combine(source, TopicFile.Name), Path.Combine(target, TopicFile.Name));
                    Sync(target);
                    return true;
                }
            }
            catch (Exception exception) when (exception is FileNotFoundException or DirectoryNotFoundException && attempt < 3)
            {
                // Deleted, and perhaps made anew.
            }
            if (Directory.Exists(target))
                Directory.Delete(target, recursive: true);
            if (!Directory.Exists(source))
                return false;
        }
    }

    void CopyPartition(string source, string target)
    {
        for (var attempt = 1; ; attempt++)
        {
            Directory.CreateDirectory(target);
            try
            {
                CopySegments(source, target);
                Sync(target);
                return;
            }
            catch (FileNotFoundException) when (attempt < MaxAttempts && Directory.Exists(source))
            {
                Directory.Delete(target, recursive: true);
            }
        }
    }

    void CopySegments(string source, string target)
    {
        // The checkpoint before the files: what it says is durable is in those that are found after it. And unchanged, so that
        // the segment which it names is one of them.
        var checkpointPath = Path.Combine(source, Checkpoint.Name);
        var checkpointBytes = ReadIfThere(checkpointPath);
        var checkpoint = checkpointBytes is null ? null : Checkpoint.Decode(checkpointBytes, new ProducerLimits(int.MaxValue, long.MaxValue), out _);
        var segments = _files.List(source).Where(static entry => SegmentLayout.TryParseDataName(entry.Name, out _)).OrderBy(static entry => entry.Name, StringComparer.Ordinal).ToArray();
        if (checkpointBytes is not null && !checkpointBytes.AsSpan().SequenceEqual(ReadIfThere(checkpointPath)))
            throw new FileNotFoundException("The checkpoint was replaced meanwhile.", checkpointPath);
        var last = Math.Max(0, Array.FindLastIndex(segments, static segment => segment.LengthBytes > 0));
        foreach (var segment in segments[..Math.Min(last, segments.Length)])
            LinkSegment(source, target, segment.Name);
        foreach (var segment in segments[Math.Min(last, segments.Length)..])
            CopySegment(source, target, segment.Name, checkpoint?.Durable);
        // As long as nothing is in the one behind it, a start writes on in the segment before.
        for (var number = last; number > 0 && new FileInfo(Path.Combine(target, segments[number].Name)).Length == 0; number--)
            CopySegment(source, target, segments[number - 1].Name, checkpoint?.Durable);
        if (checkpointBytes is not null)
            WriteFile(Path.Combine(target, Checkpoint.Name), checkpointBytes);
    }

    void LinkSegment(string source, string target, string name)
    {
        CopyIndex(source, target, name);
        var (from, to) = (Path.Combine(source, name), Path.Combine(target, name));
        if (PosixCalls.TryLink(from, to))
            _linked++;
        else
            CopyFile(from, to);
    }

    /// <summary>Copies a segment that may be written on meanwhile, up to its last whole batch.</summary>
    void CopySegment(string source, string target, string name, SegmentCursor? durable)
    {
        var path = Path.Combine(target, name);
        CopyIndex(source, target, name);
        var baseOffset = SegmentLayout.TryParseDataName(name, out var parsed) ? parsed : throw new ArgumentException("No segment's name.", nameof(name));
        var from = durable is { } cursor && cursor.BaseOffset == baseOffset ? cursor : new SegmentCursor(baseOffset);
        // What looks like damage may be a write that failed and was taken back just then; what still does is for the start to judge.
        for (var attempt = 1; attempt <= 3; attempt++)
        {
            CopyFile(Path.Combine(source, name), path);
            if (TryCutToWholeBatches(path, from))
                return;
        }
    }

    static bool TryCutToWholeBatches(string path, in SegmentCursor from)
    {
        using var stream = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.Read, bufferSize: 0);
        using var file = new PhysicalFile(stream);
        if (file.LengthBytes < from.Position)
            return false;
        var scan = SegmentScan.Run(file, from, file.LengthBytes);
        if (scan.Bad is { LacksSector: false, IsEndOfFile: false } bad && SegmentScan.AnyRecordAfter(file, bad.Position, file.LengthBytes))
            return false;
        file.Truncate(scan.End.Position);
        file.Sync();
        return true;
    }

    void CopyIndex(string source, string target, string segmentName)
    {
        var name = Path.ChangeExtension(segmentName, SegmentLayout.IndexSuffix);
        // A missing one is made anew where it is needed.
        if (File.Exists(Path.Combine(source, name)))
            CopyFile(Path.Combine(source, name), Path.Combine(target, name));
    }

    /// <summary>Copies a file as long as it is now, over what an earlier attempt left or linked.</summary>
    void CopyFile(string source, string target)
    {
        using var from = _files.Open(source);
        File.Delete(target);
        using var to = new FileStream(target, FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 0);
        var buffer = new byte[1 << 20];
        var lengthBytes = from.LengthBytes;
        for (var position = 0L; position < lengthBytes;)
        {
            // Less where a failed write was taken back meanwhile.
            var read = from.Read(buffer.AsSpan(0, (int)Math.Min(buffer.Length, lengthBytes - position)), position);
            if (read == 0)
                break;
            to.Write(buffer, 0, read);
            position += read;
        }
        to.Flush(flushToDisk: true);
        _copied++;
        _copiedBytes += lengthBytes;
    }

    byte[]? ReadIfThere(string path)
    {
        try
        {
            using var file = _files.Open(path);
            var bytes = new byte[file.LengthBytes];
            file.ReadExactly(bytes, 0);
            return bytes;
        }
        catch (FileNotFoundException)
        {
            return null;
        }
    }

    static void WriteFile(string path, byte[] content)
    {
        using var file = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0);
        file.Write(content);
        file.Flush(flushToDisk: true);
    }

    static void Sync(string directory)
    {
        if (OperatingSystem.IsWindows())
            return;
        using var handle = PosixCalls.OpenDirectory(directory);
        PosixCalls.SyncDirectory(handle, directory);
    }
}

/// <summary>What a backup holds, and how it came there.</summary>
/// <param name="Topics">How many topics.</param>
/// <param name="LinkedFiles">How many segments are hard links to the server's own.</param>
/// <param name="CopiedFiles">How many files were copied.</param>
/// <param name="CopiedBytes">How many bytes those have.</param>
public sealed record BackupSummary(int Topics, int LinkedFiles, int CopiedFiles, long CopiedBytes);
