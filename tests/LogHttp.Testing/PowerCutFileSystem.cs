using LogHttp.Storage.Files;

namespace LogHttp.Testing;

/// <summary>
/// A file system in memory on which only synced data surely survives a power cut. Every call can be made to fail. One
/// generator makes all random choices, so that a run replays from its seed.
/// </summary>
/// <remarks>
/// <para>
/// One object is one boot. <see cref="PowerCut"/> and <see cref="Kill"/> end it and return the next one. Afterwards
/// this object, its files and its locks throw <see cref="PowerCutException"/> for ever.
/// </para>
/// <para>
/// After a power cut each 4 KiB page that was written and not synced holds its new bytes or older ones. It holds zeros
/// if there were none, and less often a mixture by sectors of 512 bytes. Older bytes are those of the last sync, or of
/// any moment since: the kernel may write a dirty page at any time. An unsynced length is any that the file went
/// through. Each unsynced creation, deletion or rename has happened or not, as <see cref="NameJournal"/> says.
/// </para>
/// <para>
/// Directories can be mount points of other volumes (<see cref="AddVolume"/>, <see cref="Mount"/>). Each volume has its
/// own space, faults and syncs.
/// </para>
/// <para>Safe for concurrent use. A run replays only if the calls come in the same order.</para>
/// </remarks>
public sealed partial class PowerCutFileSystem : IFileSystem
{
    readonly SimulatedDisk _disk;

    /// <summary>Creates an empty file system, with a root directory that has no name to lose.</summary>
    /// <param name="random">Makes all random choices.</param>
    /// <param name="canSyncAll">Whether the root volume offers <see cref="IVolume.SyncAll"/>.</param>
    /// <param name="capacityBytes">The root volume's space for content, in whole pages. Names take none.</param>
    public PowerCutFileSystem(Random random, bool canSyncAll = true, long capacityBytes = long.MaxValue)
        : this(new SimulatedDisk(random, canSyncAll, capacityBytes), null) { }

    PowerCutFileSystem(SimulatedDisk disk, Func<FileSystemCall, Fault>? faults)
    {
        _disk = disk;
        Faults = faults;
    }

    /// <summary>
    /// Receives every call before it has any effect, and chooses the fault that strikes it. Null: no faults.
    /// </summary>
    public Func<FileSystemCall, Fault>? Faults { get; set; }

    /// <summary>The number of the last call, counted through every boot.</summary>
    public long CallCount => _disk.CallCount;

    /// <summary>The root volume's space for content. It can change at any time, also to less than is used.</summary>
    public long CapacityBytes
    {
        get => _disk.Root.CapacityBytes;
        set => _disk.Root.CapacityBytes = value;
    }

    /// <summary>
    /// Whether a power cut can tear an unsynced page into 512-byte sectors, as on disks with such sectors. The default
    /// is false.
    /// </summary>
    public bool TearsPages
    {
        get => _disk.TearsPages;
        set => _disk.TearsPages = value;
    }

    /// <summary>The clock for the write times of files.</summary>
    public TimeProvider Time
    {
        get => _disk.Time;
        set => _disk.Time = value;
    }

    /// <summary>
    /// The space of the root volume that live files take, including unlinked files that are still open.
    /// </summary>
    public long UsedBytes => _disk.Root.UsedBytes;

    /// <inheritdoc/>
    public IReadOnlyList<DirectoryEntry> List(string directory)
    {
        lock (_disk.Gate)
        {
            var fault = Begin(FileSystemCallKind.List, directory);
            var entries = Array.Empty<DirectoryEntry>();
            if (Find(directory) is DirectoryNode node)
            {
                entries = Array.ConvertAll(
                    node.Entries(),
                    static entry => new DirectoryEntry(
                        entry.Key,
                        entry.Value is DirectoryNode,
                        entry.Value is FileNode file ? file.LengthBytes : 0,
                        (entry.Value as FileNode)?.LastWriteMs ?? 0
                    )
                );
                // The seam promises no order, so the entries are shuffled.
                _disk.Random.Shuffle(entries);
            }
            End(fault);
            return entries;
        }
    }

    /// <inheritdoc/>
    public IFile Create(string path)
    {
        lock (_disk.Gate)
        {
            var fault = Begin(FileSystemCallKind.Create, path);
            var node = CreateNode(path);
            End(fault);
            return new PowerCutFile(this, node, path);
        }
    }

    /// <inheritdoc/>
    public IFile Open(string path)
    {
        lock (_disk.Gate)
        {
            var fault = Begin(FileSystemCallKind.Open, path);
            var node = Find(path) switch
            {
                FileNode file => file,
                null => throw new FileNotFoundException($"There is no file '{path}'.", path),
                _ => throw new IOException($"'{path}' is a directory."),
            };
            End(fault);
            return new PowerCutFile(this, node, path);
        }
    }

    /// <inheritdoc/>
    public IDisposable Lock(string path)
    {
        lock (_disk.Gate)
        {
            var fault = Begin(FileSystemCallKind.Lock, path);
            var node = Find(path) switch
            {
                FileNode file => file,
                null => CreateNode(path),
                _ => throw new IOException($"'{path}' is a directory."),
            };
            if (!_locked.Add(node))
                throw new IOException($"Somebody else holds the lock '{path}'.");
            End(fault);
            return new HeldLock(this, node);
        }
    }
}
