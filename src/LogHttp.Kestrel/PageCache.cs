using Microsoft.Win32.SafeHandles;

namespace LogHttp.Kestrel;

/// <summary>Reads a slice into the page cache before sendfile(2) would wait for the disk itself.</summary>
/// <remarks>
/// sendfile on cold pages blocks its thread in disk I/O, inside the server's lock of the response. So threads of our
/// own read a cold slice first. Threads of the pool would be missing for other responses. Slices are read in small
/// pieces, because a sync waits for the reads that were submitted before it. A warm slice costs two system calls:
/// cachestat(2), and a read of one byte. Any thread may call. The queue is under its own lock. At most
/// <paramref name="maxColdSlices"/> threads empty it, and they end when it is empty.
/// </remarks>
internal sealed class PageCache(int maxColdSlices, int coldReadBytes)
{
    // Each connection has at most one slice here, and waits for it.
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
                // Starting a thread can fail if memory or threads are short. The next slice tries again.
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
        /// Requests the slice piece by piece, and waits for the last page of each. Stops when the reader is gone.
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
                // The disk failed, or the file was closed. The exception goes to the waiting connection, not to this
                // thread.
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
