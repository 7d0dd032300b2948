using System.Diagnostics.CodeAnalysis;
using Microsoft.Win32.SafeHandles;

namespace LogHttp.Kestrel;

/// <summary>Brings a slice into the page cache before sendfile(2) would wait for the disk itself.</summary>
/// <remarks>
/// sendfile on cold pages blocks its thread in disk I/O, inside the server's lock of the response. So a cold slice is
/// fetched beforehand, in a bounded number of threads; a warm one costs two system calls of one byte each.
/// Threads: any; the semaphore is the only state.
/// </remarks>
[SuppressMessage("Design", "CA1001:Types that own disposable fields should be disposable", Justification = "A semaphore whose wait handle nobody asked for holds nothing to dispose.")]
internal sealed class PageCache(int maxColdSlices)
{
    // The kernel's usual readahead window: touching one byte in each waits for (or starts) all of them.
    private const int TouchEveryBytes = 128 * 1024;

    private readonly SemaphoreSlim _slots = new(maxColdSlices);

    internal ValueTask WarmAsync(FileRegion slice, CancellationToken cancellationToken)
    {
        var handle = slice.Handle;
        if (!SystemCalls.CanAskPageCache
            || (SystemCalls.IsCached(handle, slice.Position) && SystemCalls.IsCached(handle, slice.Position + slice.LengthBytes - 1)))
            return ValueTask.CompletedTask;
        return FetchAsync(handle, slice.Position, slice.LengthBytes, cancellationToken);
    }

    private async ValueTask FetchAsync(SafeFileHandle handle, long position, int lengthBytes, CancellationToken cancellationToken)
    {
        await _slots.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            // This slice and the one behind it, which will be wanted next; this returns while the disk works.
            SystemCalls.AdviseWillNeed(handle, position, 2L * lengthBytes);
            var touched = new byte[1];
            var end = position + lengthBytes;
            for (var next = position; next < end; next += TouchEveryBytes)
                await RandomAccess.ReadAsync(handle, touched, next, cancellationToken).ConfigureAwait(false);
            await RandomAccess.ReadAsync(handle, touched, end - 1, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _slots.Release();
        }
    }
}
