using LogHttp.Storage.Files;

namespace LogHttp.Storage.Tests.Testing;

/// <summary>
/// The behavior of every file system behind the seam, real or simulated. A test class for each implementation derives
/// from this, so that tests notice if the model and the disk differ.
/// </summary>
public abstract class FileSystemContract
{
    readonly string _directory;
    readonly IFileSystem _fileSystem;

    protected FileSystemContract() => _fileSystem = CreateFileSystem(out _directory);

    /// <summary>Returns a file system and an empty directory in it. The constructor calls it, once a test.</summary>
    protected abstract IFileSystem CreateFileSystem(out string directory);

    string PathOf(string name) => $"{_directory}/{name}";

    void WriteFile(string name, ReadOnlySpan<byte> content)
    {
        using var file = _fileSystem.Create(PathOf(name));
        file.Write(content, 0);
    }

    byte[] ReadFile(string name)
    {
        using var file = _fileSystem.Open(PathOf(name));
        return ReadAll(file);
    }

    static byte[] ReadAll(IFile file)
    {
        var content = new byte[file.LengthBytes];
        file.ReadExactly(content, 0);
        return content;
    }

    string[] Names(string? directory = null) =>
        [.. _fileSystem.List(directory ?? _directory).Select(entry => entry.Name).Order(StringComparer.Ordinal)];

    static (string, bool, long) NameAndLength(DirectoryEntry entry) =>
        (entry.Name, entry.IsDirectory, entry.LengthBytes);

    [Fact]
    public void Create_NewPath_OpensEmptyFile()
    {
        using var file = _fileSystem.Create(PathOf("a"));

        Assert.Equal(0, file.LengthBytes);
        Assert.Equal(0, file.Read(new byte[10], 0));
        Assert.Equal(("a", false, 0), NameAndLength(Assert.Single(_fileSystem.List(_directory))));
    }

    [Fact]
    public void TryLink_File_SharesBytesUntilOneNameIsDeleted()
    {
        WriteFile("a", "old"u8);

        Assert.True(_fileSystem.TryLink(PathOf("a"), PathOf("b")));

        using (var file = _fileSystem.Open(PathOf("b")))
            file.Write("new"u8, 0);
        Assert.Equal("new"u8.ToArray(), ReadFile("a"));
        _fileSystem.DeleteFile(PathOf("a"));
        Assert.Equal("new"u8.ToArray(), ReadFile("b"));
    }

    [Fact]
    public void TryLink_TakenName_ReturnsFalse()
    {
        WriteFile("a", "1"u8);
        WriteFile("b", "2"u8);

        Assert.False(_fileSystem.TryLink(PathOf("a"), PathOf("b")));

        Assert.Equal("2"u8.ToArray(), ReadFile("b"));
    }

    [Fact]
    public void TryLink_MissingFile_Throws() =>
        Assert.Throws<FileNotFoundException>(() => _fileSystem.TryLink(PathOf("a"), PathOf("b")));

    [Fact]
    public void Create_ExistingFile_Throws()
    {
        WriteFile("a", "old"u8);

        Assert.ThrowsAny<IOException>(() => _fileSystem.Create(PathOf("a")));
        Assert.Equal("old"u8, ReadFile("a"));
    }

    [Fact]
    public void Create_MissingDirectory_Throws() =>
        Assert.ThrowsAny<IOException>(() => _fileSystem.Create(PathOf("missing/a")));

    [Fact]
    public void Open_MissingFile_ThrowsFileNotFound() =>
        Assert.Throws<FileNotFoundException>(() => _fileSystem.Open(PathOf("missing")));

    [Fact]
    public void Open_MissingDirectory_ThrowsFileNotFound() =>
        Assert.Throws<FileNotFoundException>(() => _fileSystem.Open(PathOf("missing/file")));

    [Fact]
    public void Write_ThroughOneHandle_IsSeenByAll()
    {
        using var writer = _fileSystem.Create(PathOf("a"));
        using var reader = _fileSystem.Open(PathOf("a"));

        writer.Write("hello"u8, 0);

        Assert.Equal("hello"u8, ReadAll(reader));
    }

    [Fact]
    public void Write_OverEnd_OverwritesAndGrows()
    {
        using var file = _fileSystem.Create(PathOf("a"));
        file.Write("hello"u8, 0);

        file.Write("p me"u8, 3);

        Assert.Equal("help me"u8, ReadAll(file));
    }

    [Fact]
    public void Write_BeyondEnd_LeavesZerosBetween()
    {
        using var file = _fileSystem.Create(PathOf("a"));
        file.Write("a"u8, 0);

        file.Write("b"u8, 10_000);

        var content = ReadAll(file);
        Assert.Equal(10_001, content.Length);
        Assert.Equal((byte)'a', content[0]);
        Assert.False(content.AsSpan(1, 9_999).ContainsAnyExcept((byte)0));
        Assert.Equal((byte)'b', content[^1]);
    }

    [Fact]
    public void Write_NoBytes_ChangesNothing()
    {
        using var file = _fileSystem.Create(PathOf("a"));

        file.Write([], 100);

        Assert.Equal(0, file.LengthBytes);
    }

    [Fact]
    public void Read_AcrossEnd_ReturnsExistingBytes()
    {
        WriteFile("a", "hello"u8);
        using var file = _fileSystem.Open(PathOf("a"));
        var destination = new byte[10];

        Assert.Equal(2, file.Read(destination, 3));
        Assert.Equal("lo"u8, destination[..2]);
        Assert.Equal(0, file.Read(destination, 5));
        Assert.Equal(0, file.Read(destination, 5_000));
        Assert.Equal(0, file.Read([], 0));
    }

    [Fact]
    public void ReadExactly_AcrossEnd_Throws()
    {
        WriteFile("a", "hello"u8);
        using var file = _fileSystem.Open(PathOf("a"));

        Assert.Throws<EndOfStreamException>(() => file.ReadExactly(new byte[3], 3));
    }

    [Fact]
    public void Truncate_ThenGrow_FindsZeros()
    {
        using var file = _fileSystem.Create(PathOf("a"));
        file.Write("hello"u8, 0);

        file.Truncate(2);
        Assert.Equal("he"u8, ReadAll(file));

        file.Write("!"u8, 4);
        Assert.Equal("he\0\0!"u8, ReadAll(file));
    }

    [Fact]
    public void Sync_WrittenFile_KeepsContent()
    {
        using var file = _fileSystem.Create(PathOf("a"));
        file.Write("hello"u8, 0);

        file.Sync();
        file.Sync();
        _fileSystem.SyncDirectory(_directory);

        Assert.Equal("hello"u8, ReadAll(file));
    }

    [Fact]
    public void SyncAll_Offered_KeepsContent()
    {
        using var file = _fileSystem.Create(PathOf("a"));
        file.Write("hello"u8, 0);

        var volume = _fileSystem.VolumeOf(_directory);
        if (volume.CanSyncAll)
            volume.SyncAll();
        else
            Assert.Throws<NotSupportedException>(volume.SyncAll);

        Assert.Equal("hello"u8, ReadAll(file));
    }

    [Fact]
    public void VolumeOf_DirectoriesOfOneFileSystem_IsSameObject()
    {
        _fileSystem.CreateDirectory(PathOf("below"));

        Assert.Same(_fileSystem.VolumeOf(_directory), _fileSystem.VolumeOf(PathOf("below")));
    }

    [Fact]
    public void VolumeOf_MissingDirectory_Throws() =>
        Assert.ThrowsAny<IOException>(() => _fileSystem.VolumeOf(PathOf("missing")));

    [Fact]
    public void Rename_File_HasNewName()
    {
        WriteFile("a", "hello"u8);

        _fileSystem.Rename(PathOf("a"), PathOf("b"));

        Assert.Equal(["b"], Names());
        Assert.Equal("hello"u8, ReadFile("b"));
    }

    [Fact]
    public void Rename_OntoFile_ReplacesItAndItsHandlesStillRead()
    {
        WriteFile("new", "new"u8);
        WriteFile("current", "old"u8);
        using var replaced = _fileSystem.Open(PathOf("current"));

        _fileSystem.Rename(PathOf("new"), PathOf("current"));

        Assert.Equal(["current"], Names());
        Assert.Equal("new"u8, ReadFile("current"));
        Assert.Equal("old"u8, ReadAll(replaced));
    }

    [Fact]
    public void Rename_IntoOtherDirectory_MovesFile()
    {
        _fileSystem.CreateDirectory(PathOf("there"));
        WriteFile("a", "hello"u8);

        _fileSystem.Rename(PathOf("a"), PathOf("there/b"));

        Assert.Equal(["there"], Names());
        Assert.Equal("hello"u8, ReadFile("there/b"));
    }

    [Fact]
    public void Rename_Directory_MovesContent()
    {
        _fileSystem.CreateDirectory(PathOf("here"));
        _fileSystem.CreateDirectory(PathOf("here/below"));
        _fileSystem.CreateDirectory(PathOf("deleted"));
        WriteFile("here/below/a", "hello"u8);
        using var open = _fileSystem.Open(PathOf("here/below/a"));

        _fileSystem.Rename(PathOf("here"), PathOf("deleted/1"));

        Assert.Equal(["deleted"], Names());
        Assert.Equal("hello"u8, ReadFile("deleted/1/below/a"));
        open.Write("!"u8, 5);
        Assert.Equal("hello!"u8, ReadFile("deleted/1/below/a"));
    }

    [Fact]
    public void Rename_DirectoryOntoNonEmptyOne_Throws()
    {
        _fileSystem.CreateDirectory(PathOf("here"));
        _fileSystem.CreateDirectory(PathOf("there"));
        WriteFile("there/a", "hello"u8);

        Assert.ThrowsAny<IOException>(() => _fileSystem.Rename(PathOf("here"), PathOf("there")));
        Assert.Equal(["here", "there"], Names());
    }

    [Fact]
    public void Rename_MissingFile_Throws() =>
        Assert.ThrowsAny<IOException>(() => _fileSystem.Rename(PathOf("missing"), PathOf("b")));

    [Fact]
    public void DeleteFile_Open_RemovesNameAndHandleStillReads()
    {
        WriteFile("a", "hello"u8);
        using var file = _fileSystem.Open(PathOf("a"));

        _fileSystem.DeleteFile(PathOf("a"));

        Assert.Empty(Names());
        Assert.Equal("hello"u8, ReadAll(file));
        WriteFile("a", "another"u8);
        Assert.Equal("hello"u8, ReadAll(file));
    }

    [Fact]
    public void Delete_MissingFile_DoesNothing()
    {
        _fileSystem.DeleteFile(PathOf("missing"));
        _fileSystem.DeleteDirectory(PathOf("missing"));

        Assert.Empty(Names());
    }

    [Fact]
    public void DeleteDirectory_WithContent_RemovesAll()
    {
        _fileSystem.CreateDirectory(PathOf("here"));
        _fileSystem.CreateDirectory(PathOf("here/below"));
        WriteFile("here/below/a", "hello"u8);
        WriteFile("here/b", "hello"u8);
        WriteFile("stays", "hello"u8);

        _fileSystem.DeleteDirectory(PathOf("here"));

        Assert.Equal(["stays"], Names());
    }

    [Fact]
    public void CreateDirectory_Twice_KeepsContent()
    {
        _fileSystem.CreateDirectory(PathOf("here"));
        WriteFile("here/a", "hello"u8);

        _fileSystem.CreateDirectory(PathOf("here"));

        Assert.Equal(["a"], Names(PathOf("here")));
    }

    [Fact]
    public void CreateDirectory_MissingParent_Throws() =>
        Assert.ThrowsAny<IOException>(() => _fileSystem.CreateDirectory(PathOf("missing/below")));

    [Fact]
    public void List_Directory_NamesDirectChildrenAlone()
    {
        _fileSystem.CreateDirectory(PathOf("here"));
        WriteFile("here/a", "hello"u8);
        WriteFile("b", "hello"u8);

        var entries = _fileSystem.List(_directory).OrderBy(entry => entry.Name, StringComparer.Ordinal);

        Assert.Equal([("b", false, 5), ("here", true, 0)], entries.Select(NameAndLength));
    }

    [Fact]
    public void List_MissingDirectory_IsEmpty() => Assert.Empty(_fileSystem.List(PathOf("missing")));

    [Fact]
    public void Lock_Held_IsExclusiveUntilDisposed()
    {
        var held = _fileSystem.Lock(PathOf("lock"));

        Assert.Equal(["lock"], Names());
        Assert.ThrowsAny<IOException>(() => _fileSystem.Lock(PathOf("lock")));

        held.Dispose();
        _fileSystem.Lock(PathOf("lock")).Dispose();
    }
}
