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

    public void Dispose()
    {
        _fileSystem?.Dispose();
        _temporary.Dispose();
    }
}
