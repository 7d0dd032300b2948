using Microsoft.Win32.SafeHandles;

namespace LogHttp.Kestrel;

/// <summary>Brings a slice into the page cache before sendfile(2) would wait for the disk itself.</summary>
/// <remarks>
/// sendfile on cold pages blocks its thread in disk I/O, inside the server's lock of the response. So a cold slice is
/// read beforehand, by threads of our own: those of the pool are what everybody else is answered by. And piece by
/// piece: whoever syncs waits for what the disk was asked for before, so that is kept short. A warm slice costs two
/// system calls: cachestat(2), and a byte. Threads: any; the queue is under its own lock, and emptied by at most
/// <paramref name="maxColdSlices"/> threads, which end with it.
/// </remarks>
internal sealed class PageCache(int maxColdSlices, int coldReadBytes)
{
    // At most one for each connection, which waits for it.
    private readonly Queue<ColdSlice> _queue = [];
    private int _threads;

    internal ValueTask WarmAsync(FileRegion slice, CancellationToken cancellationToken)
    {
        var handle = slice.Handle;
        if (!SystemCalls.CanAskPageCache || SystemCalls.IsCached(handle, slice.Position, slice.LengthBytes))
            return ValueTask.CompletedTask;
        var cold = new ColdSlice(handle, slice.Position, slice.LengthBytes, cancellationToken);
        lock (_queue)
        {
            _queue.Enqueue(cold);
            if (_threads < maxColdSlices)
            {
                // It can fail where memory or threads are short. The next slice tries again.
                new Thread(ReadQueued) { IsBackground = true, Name = "cold pages" }.UnsafeStart();
                _threads++;
            }
        }

        return new ValueTask(cold.Completion.Task);
    }

    private void ReadQueued()
    {
        while (true)
        {
            ColdSlice? slice;
            lock (_queue)
            {
                if (!_queue.TryDequeue(out slice))
                {
                    _threads--;
                    return;
                }
            }

            slice.Read(coldReadBytes);
        }
    }

    private sealed class ColdSlice(
        SafeFileHandle handle,
        long position,
        int lengthBytes,
        CancellationToken cancellationToken
    )
    {
        internal TaskCompletionSource Completion { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        /// <summary>
        /// Asks for a piece and waits until its last page is there, and so on; a reader that is gone wants no more of
        /// it.
        /// </summary>
        internal void Read(int pieceBytes)
        {
            try
            {
                Span<byte> touched = stackalloc byte[1];
                var end = position + lengthBytes;
                for (var next = position; next < end && !cancellationToken.IsCancellationRequested; next += pieceBytes)
                {
                    var length = Math.Min(pieceBytes, end - next);
                    SystemCalls.AdviseWillNeed(handle, next, length);
                    _ = RandomAccess.Read(handle, touched, next + length - 1);
                }
            }
            catch (Exception exception)
            {
                // An error of the disk, or a file that was closed: it is told to whoever waits, and not to the thread.
                Completion.SetException(exception);
                return;
            }

            if (cancellationToken.IsCancellationRequested)
                Completion.SetCanceled(cancellationToken);
            else
                Completion.SetResult();
        }
    }
}
