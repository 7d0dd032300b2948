using System.Buffers.Binary;
using System.ComponentModel;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace LogHttp.Benchmarks.Load;

/// <summary>The few system calls that .NET does not offer. Linux, 64 bits, as the benchmarks need anyway.</summary>
static partial class SystemCalls
{
    public const uint Readable = 1;
    public const uint Writable = 4;
    const int Add = 1;
    const int Modify = 3;

    // struct epoll_event is packed only on x86-64.
    static readonly bool IsPacked = RuntimeInformation.ProcessArchitecture == Architecture.X64;

    public static int EventBytes => IsPacked ? 12 : 16;

    public static SafeFileHandle NewPoll()
    {
        var handle = EpollCreate(0);
        return handle >= 0 ? new SafeFileHandle(handle, ownsHandle: true) : throw new Win32Exception();
    }

    /// <summary>
    /// Registers a socket under a number. If it is registered already, replaces the events that it is watched for.
    /// </summary>
    public static void Watch(SafeFileHandle poll, SafeHandle socket, int number, uint events, bool isKnown)
    {
        Span<byte> wanted = stackalloc byte[16];
        BinaryPrimitives.WriteUInt32LittleEndian(wanted, events);
        BinaryPrimitives.WriteInt64LittleEndian(wanted[(IsPacked ? 4 : 8)..], number);
        if (EpollControl(poll, isKnown ? Modify : Add, socket, ref MemoryMarshal.GetReference(wanted)) != 0)
            throw new Win32Exception();
    }

    /// <summary>
    /// Waits until a socket can be read or written, or for the time given. Precise to the microsecond, unlike
    /// epoll_wait(2).
    /// </summary>
    public static int Wait(SafeFileHandle poll, Span<byte> events, TimeSpan atMost)
    {
        Span<long> time = [(long)atMost.TotalSeconds, atMost.Ticks % TimeSpan.TicksPerSecond * 100];
        return Math.Max(
            0,
            EpollWait(
                poll,
                ref MemoryMarshal.GetReference(events),
                events.Length / EventBytes,
                ref MemoryMarshal.GetReference(time),
                0
            )
        );
    }

    public static int NumberOf(ReadOnlySpan<byte> events, int index) =>
        (int)BinaryPrimitives.ReadInt64LittleEndian(events[(index * EventBytes + (IsPacked ? 4 : 8))..]);

    public static void SyncData(SafeFileHandle file)
    {
        if (DataSync(file) != 0)
            throw new IOException("fdatasync failed.", new Win32Exception());
    }

    /// <summary>Sends SIGTERM, which .NET's Process cannot.</summary>
    public static void Terminate(int processId) => _ = Kill(processId, 15);

    /// <summary>Removes a file from the page cache, once all of it is on the disk.</summary>
    public static void Evict(SafeFileHandle file)
    {
        const int adviceDontNeed = 4;
        SyncData(file);
        if (Advise(file, 0, 0, adviceDontNeed) is not 0 and var error)
            throw new IOException("posix_fadvise failed.", new Win32Exception(error));
    }

    /// <summary>Whether a byte can be read without waiting for the disk: preadv2(2) with RWF_NOWAIT.</summary>
    public static unsafe bool IsCached(SafeFileHandle file, long position)
    {
        const int nowait = 8;
        const int tryAgain = 11;
        byte read = 0;
        var vector = stackalloc nint[2] { (nint)(&read), 1 };
        if (ReadVector(file, vector, 1, position, nowait) >= 0)
            return true;
        return Marshal.GetLastPInvokeError() == tryAgain
            ? false
            : throw new IOException("preadv2 failed.", new Win32Exception());
    }

    [LibraryImport("libc", EntryPoint = "posix_fadvise")]
    private static partial int Advise(SafeFileHandle file, long position, long lengthBytes, int advice);

    [LibraryImport("libc", EntryPoint = "preadv2", SetLastError = true)]
    private static unsafe partial nint ReadVector(
        SafeFileHandle file,
        nint* vectors,
        int count,
        long position,
        int flags
    );

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int processId, int signal);

    [LibraryImport("libc", EntryPoint = "epoll_create1", SetLastError = true)]
    private static partial int EpollCreate(int flags);

    [LibraryImport("libc", EntryPoint = "epoll_ctl", SetLastError = true)]
    private static partial int EpollControl(SafeFileHandle poll, int operation, SafeHandle socket, ref byte wanted);

    [LibraryImport("libc", EntryPoint = "epoll_pwait2", SetLastError = true)]
    private static partial int EpollWait(
        SafeFileHandle poll,
        ref byte events,
        int maxEvents,
        ref long timeout,
        nint signals
    );

    [LibraryImport("libc", EntryPoint = "fdatasync", SetLastError = true)]
    private static partial int DataSync(SafeFileHandle file);
}
