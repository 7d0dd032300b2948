namespace LogHttp.Testing;

/// <summary>One call of the file-system seam, announced before it has any effect.</summary>
/// <param name="Number">
/// Counts the calls from 1, through every boot of one disk, so that it names a moment of a run.
/// </param>
/// <param name="Kind">The kind of the call.</param>
/// <param name="Path">The path given. For a rename the source. For an open file the path it was opened by.</param>
/// <param name="SizeBytes">The bytes to read or write, or the length to truncate to. Otherwise 0.</param>
public readonly record struct FileSystemCall(long Number, FileSystemCallKind Kind, string Path, long SizeBytes)
{
    /// <summary>Whether a fault can strike this kind of call.</summary>
    public bool Admits(Fault fault) => Admits(Kind, fault);

    /// <summary>Whether a fault can strike a kind of call.</summary>
    public static bool Admits(FileSystemCallKind kind, Fault fault) =>
        fault switch
        {
            Fault.ShortWrite => kind is FileSystemCallKind.Write,
            // A sync can fail so too: with delayed allocation the kernel allocates blocks only when it writes the
            // pages.
            Fault.DiskFull => kind
                is FileSystemCallKind.Write
                    or FileSystemCallKind.Create
                    or FileSystemCallKind.CreateDirectory
                    or FileSystemCallKind.Rename
                    or FileSystemCallKind.Sync
                    or FileSystemCallKind.SyncAll,
            _ => true,
        };
}
