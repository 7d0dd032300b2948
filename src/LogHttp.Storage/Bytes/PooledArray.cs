using System.Buffers;
using System.Runtime.CompilerServices;

namespace LogHttp.Storage.Bytes;

/// <summary>
/// Returns arrays to the shared pool, except those that are large for the memory of this process. Any thread.
/// </summary>
/// <remarks>
/// The pool keeps arrays of each size for each thread and each core until a collection finds them idle. With a heap of
/// 192 MB, the buffers of 36 refused bodies filled it: a lone request of 1.2 MB found no memory 10 s later.
/// </remarks>
public static class PooledArray
{
    /// <summary>A kept array takes at most one part in this many of the memory.</summary>
    const int KeptShare = 512;

    static readonly long MaxKeptBytes = MaxKept(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes);

    /// <summary>Returns a rented array.</summary>
    public static void Return<T>(T[] array)
    {
        ArgumentNullException.ThrowIfNull(array);
        if ((long)array.Length * Unsafe.SizeOf<T>() <= MaxKeptBytes)
            ArrayPool<T>.Shared.Return(array);
    }

    /// <summary>Returns the size of the largest array that is kept with this much memory.</summary>
    internal static long MaxKept(long availableBytes) => availableBytes / KeptShare;
}
