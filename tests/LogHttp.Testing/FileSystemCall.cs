namespace LogHttp.Testing;

/// <summary>One call of the seam, announced before it does anything.</summary>
/// <param name="Number">
/// Counts the calls from 1, through every boot of one disk, so that it names a moment of a run.
/// </param>
/// <param name="Kind">Which call it is.</param>
/// <param name="Path">The path given: a rename's source, for calls on an open file the path it was opened by.</param>
/// <param name="SizeBytes">Bytes to read or to write, the length to truncate to; otherwise 0.</param>
public readonly record struct FileSystemCall(long Number, FileSystemCallKind Kind, string Path, long SizeBytes)
{
    /// <summary>Whether a fault can strike this kind of call.</summary>
    public bool Admits(Fault fault) => Admits(Kind, fault);

    /// <summary>Whether a fault can strike a kind of call.</summary>
    public static bool Admits(FileSystemCallKind kind, Fault fault) =>
        fault switch
        {
            Fault.ShortWrite => kind is FileSystemCallKind.Write,
            // A sync is among them: with delayed allocation the blocks are looked for only when the pages are written.
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
