using LogHttp.Storage.Files;

namespace LogHttp.Testing;

/// <summary>
/// A file system in memory on which only what was synced surely survives a power cut. Every call can be made to fail,
/// and everything left to chance comes from one generator, so that a run replays from its seed.
/// </summary>
/// <remarks>
/// <para>
/// One object is one boot: <see cref="PowerCut"/> and <see cref="Kill"/> end it and return the next, after which this
/// one, its files and its locks throw <see cref="PowerCutException"/> for ever.
/// </para>
/// <para>
/// After a power cut each 4 KiB page written and not synced holds its new bytes or older ones (zeros where there were
/// none), less often a mixture by sectors of 512 bytes. Older bytes are those of the last sync, or of any moment since:
/// the kernel may write a dirty page at any time. An unsynced length is any that the file went through. Each unsynced
/// creation, deletion or rename has happened or not, as <see cref="NameJournal"/> says.
/// </para>
/// <para>
/// Directories can be mount points of other volumes (<see cref="AddVolume"/>, <see cref="Mount"/>), each with its own
/// room, faults and syncs.
/// </para>
/// <para>Safe for concurrent use, but replays only when the calls come in the same order.</para>
/// </remarks>
public sealed partial class PowerCutFileSystem : IFileSystem
{
    readonly SimulatedDisk _disk;

    /// <summary>Creates an empty file system, with a root directory that has no name to lose.</summary>
    /// <param name="random">Decides all that is left to chance.</param>
    /// <param name="canSyncAll">Whether the root volume offers <see cref="IVolume.SyncAll"/>.</param>
    /// <param name="capacityBytes">The root volume's room for content, in whole pages. Names take none.</param>
    public PowerCutFileSystem(Random random, bool canSyncAll = true, long capacityBytes = long.MaxValue)
        : this(new SimulatedDisk(random, canSyncAll, capacityBytes), null) { }

    PowerCutFileSystem(SimulatedDisk disk, Func<FileSystemCall, Fault>? faults)
    {
        _disk = disk;
        Faults = faults;
    }

    /// <summary>
    /// Hears of every call before it does anything, and says what strikes it. Nothing does while this is null.
    /// </summary>
    public Func<FileSystemCall, Fault>? Faults { get; set; }

    /// <summary>The number of the last call, counted through every boot.</summary>
    public long CallCount => _disk.CallCount;

    /// <summary>The root volume's room for content. Can be changed at any time, also to less than is used.</summary>
    public long CapacityBytes
    {
        get => _disk.Root.CapacityBytes;
        set => _disk.Root.CapacityBytes = value;
    }

    /// <summary>
    /// Whether a page that is not durable can be torn into 512-byte sectors, as disks with such sectors do. Off until
    /// asked for.
    /// </summary>
    public bool TearsPages
    {
        get => _disk.TearsPages;
        set => _disk.TearsPages = value;
    }

    /// <summary>The clock by which files are written.</summary>
    public TimeProvider Time
    {
        get => _disk.Time;
        set => _disk.Time = value;
    }

    /// <summary>The root volume's room that live files take, unlinked ones that are still open included.</summary>
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
                // No order is promised, so none is kept.
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
