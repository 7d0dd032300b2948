using System.Buffers;
using System.Numerics;
using LogHttp.Storage.Bytes;

namespace LogHttp.AspNetCore.Producing;

/// <summary>Bytes gathered in pooled memory.</summary>
internal sealed class PooledBytes : IDisposable
{
    byte[] _buffer = [];

    public int SizeBytes { get; private set; }

    /// <summary>The memory it takes, filled or not.</summary>
    public int HeldBytes => _buffer.Length;

    public bool IsEmpty => SizeBytes == 0;

    public ReadOnlySpan<byte> Bytes => _buffer.AsSpan(0, SizeBytes);

    /// <summary>The memory it takes while it grows by a number of bytes: the old buffer and the new one.</summary>
    public long HeldBytesToAdd(long moreBytes) =>
        _buffer.Length - SizeBytes >= moreBytes
            ? _buffer.Length
            : _buffer.Length
                + (long)BitOperations.RoundUpToPowerOf2((ulong)Math.Max(SizeBytes + moreBytes, 2L * SizeBytes));

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
            PooledArray.Return(_buffer);
        _buffer = [];
    }
}
