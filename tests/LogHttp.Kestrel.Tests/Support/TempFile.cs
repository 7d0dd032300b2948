namespace LogHttp.Kestrel.Tests.Support;

/// <summary>A temporary file of known bytes. Two positions are unlikely to have the same bytes.</summary>
internal sealed class TempFile : IDisposable
{
    internal TempFile(int sizeBytes, int seed = 1)
    {
        Bytes = new byte[sizeBytes];
        new Random(seed).NextBytes(Bytes);
        Path = System.IO.Path.Combine(System.IO.Path.GetTempPath(), $"loghttp-kestrel-{Guid.NewGuid():N}.bin");
        File.WriteAllBytes(Path, Bytes);
    }

    internal byte[] Bytes { get; }

    internal string Path { get; }

    internal FileStream Open() =>
        new(
            Path,
            FileMode.Open,
            FileAccess.Read,
            FileShare.ReadWrite | FileShare.Delete,
            bufferSize: 0,
            FileOptions.Asynchronous
        );

    internal void Truncate(long lengthBytes)
    {
        using var file = new FileStream(Path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
        file.SetLength(lengthBytes);
    }

    public void Dispose() => File.Delete(Path);
}
