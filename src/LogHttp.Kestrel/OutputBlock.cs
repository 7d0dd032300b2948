using System.Buffers;

namespace LogHttp.Kestrel;

/// <summary>
/// An item of the output queue: a block of memory with its first <see cref="LengthBytes"/> bytes written, or a file
/// region.
/// </summary>
internal readonly record struct OutputBlock(
    IMemoryOwner<byte>? Owner,
    byte[]? Rented,
    Memory<byte> Memory,
    int LengthBytes,
    bool IsRegion
)
{
    internal static readonly OutputBlock Region = new(null, null, default, 0, true);

    internal ReadOnlyMemory<byte> Written => Memory[..LengthBytes];

    /// <summary>The unsent rest of the item after <paramref name="sentBytes"/> bytes were sent.</summary>
    internal OutputBlock After(int sentBytes) =>
        this with
        {
            Memory = Memory[sentBytes..],
            LengthBytes = LengthBytes - sentBytes,
        };

    internal void Release()
    {
        Owner?.Dispose();
        if (Rented is not null)
            ArrayPool<byte>.Shared.Return(Rented);
    }

    /// <summary>Rents a block of the connection's pool, or of the shared pool if the block has to be larger.</summary>
    internal static OutputBlock Rent(MemoryPool<byte> pool, int sizeHintBytes)
    {
        if (sizeHintBytes <= pool.MaxBufferSize)
        {
            var owner = pool.Rent(sizeHintBytes == 0 ? -1 : sizeHintBytes);
            return new OutputBlock(owner, null, owner.Memory, 0, false);
        }

        var rented = ArrayPool<byte>.Shared.Rent(sizeHintBytes);
        return new OutputBlock(null, rented, rented, 0, false);
    }
}
