using System.Buffers.Binary;
using System.Globalization;
using LogHttp.Storage.Files;

namespace LogHttp.Storage.Journal;

/// <summary>
/// One file of the journal's rotation (api/FORMAT.md §9). Its length never changes, so an overwrite needs no new
/// metadata. One writer. Reads may run beside it.
/// </summary>
internal sealed class JournalFile : IDisposable
{
    const string Suffix = ".journal";
    const int NameDigits = 8;
    const int FillChunkBytes = 1 << 20;

    readonly string _directory;

    JournalFile(string directory, long number, IFile file)
    {
        _directory = directory;
        Number = number;
        File = file;
        SizeBytes = file.LengthBytes;
    }

    /// <summary>The file's number, which is part of its name.</summary>
    public long Number { get; }

    public string Path => System.IO.Path.Combine(_directory, NameOf(Number));

    public long SizeBytes { get; }

    public IFile File { get; }

    /// <summary>Returns a file's name in the journal's directory.</summary>
    public static string NameOf(long number) => number.ToString("D8", CultureInfo.InvariantCulture) + Suffix;

    /// <summary>Parses a file's name. Returns false for any other name.</summary>
    public static bool TryParseName(string name, out long number)
    {
        number = 0;
        return name.Length >= NameDigits + Suffix.Length
            && long.TryParse(name[..^Suffix.Length], NumberStyles.None, CultureInfo.InvariantCulture, out number)
            && NameOf(number) == name;
    }

    /// <summary>Returns whether this is the name of an unfinished file.</summary>
    public static bool IsTemporaryName(string name) =>
        name.EndsWith(FileSystemExtensions.TemporaryName(""), StringComparison.Ordinal)
        && TryParseName(name[..^FileSystemExtensions.TemporaryName("").Length], out _);

    /// <summary>Creates a file, fills it with incompressible bytes and makes it durable.</summary>
    /// <param name="fileSystem">The disk.</param>
    /// <param name="directory">The journal's directory, which exists.</param>
    /// <param name="number">The file's number, from 1. No file has it yet.</param>
    /// <param name="sizeBytes">The file's length, a multiple of 4,096.</param>
    /// <param name="newId">Returns the seed of the filling.</param>
    /// <exception cref="IOException">The disk failed. The file is removed again unless that failed too.</exception>
    public static JournalFile Make(
        IFileSystem fileSystem,
        string directory,
        long number,
        long sizeBytes,
        Func<long> newId
    )
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(number);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(sizeBytes);
        if (sizeBytes % JournalFormat.BlockBytes != 0)
        {
            throw new ArgumentException(
                $"The file length {sizeBytes} is not a multiple of {JournalFormat.BlockBytes}.",
                nameof(sizeBytes)
            );
        }
        var path = System.IO.Path.Combine(directory, NameOf(number));
        if (fileSystem.List(directory).Any(entry => entry.Name == NameOf(number)))
            throw new IOException($"The journal file {path} exists.");
        var temporaryPath = FileSystemExtensions.TemporaryName(path);
        fileSystem.DeleteFile(temporaryPath);
        IFile? file = null;
        try
        {
            file = fileSystem.Create(temporaryPath);
            Fill(file, sizeBytes, (ulong)newId());
            file.Sync();
            fileSystem.Rename(temporaryPath, path);
            fileSystem.SyncDirectory(directory);
            return new(directory, number, file);
        }
        catch (IOException)
        {
            file?.Dispose();
            RemoveQuietly(fileSystem, temporaryPath);
            RemoveQuietly(fileSystem, path);
            throw;
        }
    }

    /// <summary>Opens an existing file.</summary>
    /// <exception cref="FileNotFoundException">The file does not exist.</exception>
    public static JournalFile Open(IFileSystem fileSystem, string directory, long number) =>
        new(directory, number, fileSystem.Open(System.IO.Path.Combine(directory, NameOf(number))));

    /// <summary>Writes a round. It is not durable before <see cref="Sync"/>.</summary>
    /// <param name="round">The round with its head, with or without padding after it.</param>
    /// <param name="position">A multiple of 4,096, so that the round ends within the file.</param>
    public void Write(ReadOnlySpan<byte> round, long position)
    {
        if (position < 0 || position % JournalFormat.BlockBytes != 0 || position > SizeBytes - round.Length)
        {
            throw new ArgumentOutOfRangeException(
                nameof(position),
                position,
                $"A round of {round.Length} bytes has no such position in a journal file of {SizeBytes} bytes."
            );
        }
        File.Write(round, position);
    }

    /// <summary>Makes everything written durable. After a failure a second call proves nothing.</summary>
    public void Sync() => File.Sync();

    /// <summary>Closes and deletes the file. The deletion is durable on return.</summary>
    public void Remove(IFileSystem fileSystem)
    {
        Dispose();
        fileSystem.DeleteFile(System.IO.Path.Combine(_directory, NameOf(Number)));
        fileSystem.SyncDirectory(_directory);
    }

    /// <inheritdoc/>
    public void Dispose() => File.Dispose();

    static void RemoveQuietly(IFileSystem fileSystem, string path)
    {
        try
        {
            fileSystem.DeleteFile(path);
        }
        catch (IOException)
        {
            // The caller reports the first failure. A start removes the temporary file, and reuses a complete one.
        }
    }

    static void Fill(IFile file, long sizeBytes, ulong seed)
    {
        var chunk = new byte[Math.Min(FillChunkBytes, sizeBytes)];
        for (var position = 0L; position < sizeBytes; )
        {
            var part = chunk.AsSpan(0, (int)Math.Min(chunk.Length, sizeBytes - position));
            seed = Fill(part, seed);
            file.Write(part, position);
            position += part.Length;
        }
    }

    // SplitMix64: devices and file systems that compress or deduplicate must find nothing to save.
    static ulong Fill(Span<byte> part, ulong seed)
    {
        for (var at = 0; at < part.Length; at += sizeof(ulong))
        {
            seed += 0x9E3779B97F4A7C15;
            var value = seed;
            value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9;
            value = (value ^ (value >> 27)) * 0x94D049BB133111EB;
            value ^= value >> 31;
            BinaryPrimitives.WriteUInt64LittleEndian(part[at..], value);
            if (at % JournalFormat.BlockBytes == 0 && part[at..].StartsWith(JournalFormat.Magic))
                part[at] = 0;
        }
        return seed;
    }
}
