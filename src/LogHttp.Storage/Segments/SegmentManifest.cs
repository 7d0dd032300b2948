using System.Buffers;
using LogHttp.Storage.Files;

namespace LogHttp.Storage.Segments;

/// <summary>
/// A partition's manifest, which decides the segments that the partition has (api/FORMAT.md §14). An append-only log of
/// edits, which a short one replaces now and then. Holds no open file. One thread at a time, but any thread may read
/// <see cref="State"/>.
/// </summary>
internal sealed class SegmentManifest
{
    /// <summary>The file's name in the partition's directory.</summary>
    public const string Name = "manifest";

    /// <summary>The upper bound of a manifest's size: about five million segments.</summary>
    const long MaxBytes = 1L << 30;

    /// <summary>A manifest is compacted when it has this many lines more than twice those of its state.</summary>
    const int SpareLines = 64;

    readonly IFileSystem _fileSystem;
    readonly string _directory;
    readonly ArrayBufferWriter<byte> _unsynced = new(256);
    volatile ManifestState _state;
    long _syncedBytes;
    int _lines;
    bool _mustReplace;

    SegmentManifest(IFileSystem fileSystem, string directory, in ManifestContent content)
    {
        (_fileSystem, _directory) = (fileSystem, directory);
        _state = content.State;
        _lines = content.Lines;
        _syncedBytes = content.SyncedBytes;
        _mustReplace = content.TornBytes > 0;
        TornBytes = content.TornBytes;
    }

    /// <summary>The present content of the manifest.</summary>
    public ManifestState State => _state;

    /// <summary>How many bytes behind the last whole line were dropped when the manifest was loaded.</summary>
    public long TornBytes { get; }

    /// <summary>
    /// Whether the file may differ from <see cref="State"/>. Nothing may be written to a segment before
    /// <see cref="Compact"/> has replaced it.
    /// </summary>
    public bool MustReplace => _mustReplace;

    /// <summary>Whether <see cref="Compact"/> would make the file much shorter.</summary>
    public bool NeedsCompaction => _lines > 2 * LinesOf(_state) + SpareLines;

    /// <summary>Creates a partition's manifest, and replaces an existing one. Durable when it returns.</summary>
    /// <param name="fileSystem">The disk.</param>
    /// <param name="directory">The partition's directory.</param>
    /// <param name="state">The first content of the manifest.</param>
    public static void Create(IFileSystem fileSystem, string directory, ManifestState state) =>
        fileSystem.Replace(directory, Name, ManifestContent.Encode(state));

    /// <summary>
    /// Loads a partition's manifest. Changes nothing on the disk: the next append removes a torn end.
    /// </summary>
    /// <param name="fileSystem">The disk.</param>
    /// <param name="directory">The partition's directory.</param>
    /// <exception cref="FileNotFoundException">There is no manifest.</exception>
    /// <exception cref="CorruptionException">A line before the end is damaged.</exception>
    /// <exception cref="NotSupportedException">A newer version wrote it.</exception>
    public static SegmentManifest Load(IFileSystem fileSystem, string directory)
    {
        var path = Path.Combine(directory, Name);
        using var file = fileSystem.Open(path);
        if (file.LengthBytes > MaxBytes)
            throw new CorruptionException(path, MaxBytes, $"a manifest has at most {MaxBytes} bytes");
        var bytes = new byte[file.LengthBytes];
        file.ReadExactly(bytes, 0);
        var content = ManifestContent.Decode(bytes, path);
        var manifest = new SegmentManifest(fileSystem, directory, content);
        manifest._unsynced.Write(bytes.AsSpan((int)content.SyncedBytes..(int)content.EndPosition));
        return manifest;
    }

    /// <summary>Loads a partition's manifest. Returns null if it is missing or damaged.</summary>
    /// <exception cref="NotSupportedException">A newer version wrote it.</exception>
    public static SegmentManifest? TryLoad(IFileSystem fileSystem, string directory)
    {
        try
        {
            return Load(fileSystem, directory);
        }
        catch (IOException exception) when (exception is FileNotFoundException or CorruptionException)
        {
            return null;
        }
    }

    /// <summary>
    /// Appends edits with one write. They take effect together in <see cref="State"/>, or not at all.
    /// </summary>
    /// <param name="edits">
    /// The edits, in order. After a power cut the first of them may be there without the others.
    /// </param>
    /// <param name="isDurable">
    /// Whether to return only when these edits and all before are durable. Otherwise a power cut may lose the last of
    /// them.
    /// </param>
    /// <exception cref="ArgumentException">An edit does not fit the state.</exception>
    /// <exception cref="IOException">
    /// The disk failed. The edits are not in <see cref="State"/>, and the next append replaces the file. A start before
    /// that may find them.
    /// </exception>
    public void Append(IReadOnlyList<ManifestEdit> edits, bool isDurable)
    {
        var state = _state;
        foreach (var edit in edits)
        {
            state = state.Apply(edit, out var fault);
            if (fault is not null)
            {
                throw new ArgumentException(
                    $"An edit of the manifest in {_directory} does not fit: {fault}.",
                    nameof(edits)
                );
            }
        }
        if (_mustReplace || state.Header.Configuration.Partitions != _state.Header.Configuration.Partitions)
        {
            Replace(state);
            return;
        }
        var unsyncedBytes = _unsynced.WrittenCount;
        foreach (var edit in edits)
            ManifestLine.Write(_unsynced, edit, _syncedBytes);
        if (_unsynced.WrittenCount == (isDurable ? 0 : unsyncedBytes))
            return;
        // Stays set if the disk fails.
        _mustReplace = true;
        using (var file = _fileSystem.Open(Path.Combine(_directory, Name)))
        {
            // A sync reports errors only for the writes of its own handle. So this handle writes all bytes that are to
            // be durable again.
            var skippedBytes = isDurable ? 0 : unsyncedBytes;
            file.Write(_unsynced.WrittenSpan[skippedBytes..], _syncedBytes + skippedBytes);
            if (isDurable)
                file.Sync();
        }
        _mustReplace = false;
        if (isDurable)
        {
            _syncedBytes += _unsynced.WrittenCount;
            _unsynced.ResetWrittenCount();
        }
        _lines += edits.Count;
        _state = state;
    }

    /// <summary>
    /// Makes the last segment active again, if a roll was interrupted after it sealed the segment and before it created
    /// the next one. The next call that writes replaces the file.
    /// </summary>
    public void ReopenLast()
    {
        if (_state is { Last: { IsSealed: true } last } state)
        {
            var active = last with { Extent = null, AppendedBytes = last.Extent!.Value.LengthBytes };
            _state = state with { Segments = state.Segments.SetItem(state.Segments.Count - 1, active) };
            _mustReplace = true;
        }
    }

    /// <summary>Replaces the file by a short one with the same content. Durable when it returns.</summary>
    /// <exception cref="IOException">
    /// The disk failed. <see cref="State"/> stands, and the next append replaces the file.
    /// </exception>
    public void Compact() => Replace(_state);

    static int LinesOf(ManifestState state) => 1 + state.Segments.Count;

    void Replace(ManifestState state)
    {
        _mustReplace = true;
        var content = ManifestContent.Encode(state);
        _fileSystem.Replace(_directory, Name, content);
        _mustReplace = false;
        _unsynced.ResetWrittenCount();
        _syncedBytes = content.Length;
        _lines = LinesOf(state);
        _state = state;
    }
}
