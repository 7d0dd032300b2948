using System.Buffers;

namespace LogHttp.Server.Producing;

/// <summary>Bytes gathered in pooled memory.</summary>
internal sealed class PooledBytes : IDisposable
{
    byte[] _buffer = [];

    public int SizeBytes { get; private set; }

    /// <summary>The memory it takes, filled or not.</summary>
    public int HeldBytes => _buffer.Length;

    public bool IsEmpty => SizeBytes == 0;

    public ReadOnlySpan<byte> Bytes => _buffer.AsSpan(0, SizeBytes);

    public void Add(ReadOnlySpan<byte> bytes)
    {
        if (_buffer.Length - SizeBytes < bytes.Length)
        {
            var larger = ArrayPool<byte>.Shared.Rent(Math.Max(SizeBytes + bytes.Length, 2 * SizeBytes));
            Bytes.CopyTo(larger);
            Dispose();
            _buffer = larger;
        }
        bytes.CopyTo(_buffer.AsSpan(SizeBytes));
        SizeBytes += bytes.Length;
    }

    public void Clear() => SizeBytes = 0;

    public void Dispose()
    {
        if (_buffer.Length > 0)
            ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = [];
    }
}
