using LogHttp.Storage.Files;
using LogHttp.Storage.Tests.Testing;
using LogHttp.Testing;

namespace LogHttp.Storage.Tests.Files;

public sealed class PhysicalFileSystemContractTests : FileSystemContract, IDisposable
{
    readonly TemporaryDirectory _temporary = new();
    PhysicalFileSystem? _fileSystem;

    protected override IFileSystem CreateFileSystem(out string directory)
    {
        directory = _temporary.Path;
        return _fileSystem = new PhysicalFileSystem(directory);
    }

    [Fact]
    public void List_DanglingLink_NamesDirectory()
    {
        var (missing, link) = (Path.Combine(_temporary.Path, "missing"), Path.Combine(_temporary.Path, "link"));
        Directory.CreateSymbolicLink(link, missing);
        Assert.True(Assert.Single(_fileSystem!.List(_temporary.Path)).IsDirectory);
        File.WriteAllText(missing, "a file");
        Assert.All(_fileSystem.List(_temporary.Path), static entry => Assert.False(entry.IsDirectory));
    }

    public void Dispose()
    {
        _fileSystem?.Dispose();
        _temporary.Dispose();
    }
}
