using LogHttp.Storage.Files;
using LogHttp.Testing;

namespace LogHttp.Storage.Tests.Testing;

public class PowerCutFileSystemContractTests : FileSystemContract
{
    protected override IFileSystem CreateFileSystem(out string directory)
    {
        var fileSystem = new PowerCutFileSystem(new Random(1));
        fileSystem.CreateDirectory("data");
        directory = "data";
        return fileSystem;
    }
}
