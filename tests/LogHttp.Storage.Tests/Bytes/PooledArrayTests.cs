using System.Buffers;
using LogHttp.Storage.Bytes;

namespace LogHttp.Storage.Tests.Bytes;

public class PooledArrayTests
{
    [Theory]
    [InlineData(192L << 20, 384L << 10)]
    [InlineData(32L << 30, 64L << 20)]
    public void MaxKept_AnyMemory_IsShareOfIt(long availableBytes, long keptBytes) =>
        Assert.Equal(keptBytes, PooledArray.MaxKept(availableBytes));

    [Fact]
    public void Return_LargeArray_IsNotKept()
    {
        // An element type of its own: no other test uses this pool.
        var kept = (int)Math.Min(PooledArray.MaxKept(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes), 1 << 29);
        Assert.True(IsKept(16));
        Assert.False(IsKept(kept + 1));

        static bool IsKept(int length)
        {
            var array = ArrayPool<Element>.Shared.Rent(length);
            PooledArray.Return(array);
            return ReferenceEquals(array, ArrayPool<Element>.Shared.Rent(length));
        }
    }

    readonly record struct Element(byte Value);
}
