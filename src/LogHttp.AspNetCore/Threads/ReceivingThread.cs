using System.Runtime.CompilerServices;
using LogHttp.Storage.Logs;

namespace LogHttp.AspNetCore.Threads;

/// <summary>
/// Keeps work that may block away from the threads that receive from all connections. A server that schedules inline
/// runs a request on the thread that received its last byte (docs/internals/THREADS.md).
/// </summary>
internal static class ReceivingThread
{
    /// <summary>
    /// Whether the current thread may be one that receives. The runtime does not mark these threads, but all others
    /// that run requests belong to the pool.
    /// </summary>
    public static bool MayBeCurrent => !Thread.CurrentThread.IsThreadPoolThread;

    /// <summary>
    /// Whether others wait for the current thread. That is a receiving thread, or one that completes appends. The
    /// latter sends their responses one after the other, and a connection's next request may be there by then.
    /// </summary>
    public static bool HoldsUpOthers => MayBeCurrent || PartitionLog.IsContinuingInline;

    /// <summary>Continues on a thread of the pool for which nobody waits. Completes at once on such a thread.</summary>
    public static PoolAwaitable LeaveAsync() => default;

    /// <summary>Awaits a thread of the pool.</summary>
    public readonly struct PoolAwaitable : ICriticalNotifyCompletion
    {
        public bool IsCompleted => !HoldsUpOthers;

        public PoolAwaitable GetAwaiter() => this;

        public void GetResult() { }

        public void OnCompleted(Action continuation) => UnsafeOnCompleted(continuation);

        public void UnsafeOnCompleted(Action continuation) =>
            ThreadPool.UnsafeQueueUserWorkItem(static next => next(), continuation, preferLocal: false);
    }
}
