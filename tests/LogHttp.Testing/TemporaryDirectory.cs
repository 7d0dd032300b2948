namespace LogHttp.Testing;

/// <summary>A temporary directory for one test. Disposing it deletes it with its content.</summary>
public sealed class TemporaryDirectory : IDisposable
{
    public TemporaryDirectory() => Path = Directory.CreateTempSubdirectory("loghttp-").FullName;

    public string Path { get; }

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
