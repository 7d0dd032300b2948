using System.Buffers.Binary;
using System.ComponentModel;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace LogHttp.Benchmarks;

/// <summary>The few calls that .NET does not offer. Linux, 64 bits: what the bench needs anyway.</summary>
static partial class SystemCalls
{
    public const uint Readable = 1;
    public const uint Writable = 4;
    const int Add = 1;
    const int Modify = 3;

    // struct epoll_event is packed on x86-64 and nowhere else.
    static readonly bool IsPacked = RuntimeInformation.ProcessArchitecture == Architecture.X64;

    public static int EventBytes => IsPacked ? 12 : 16;

    public static SafeFileHandle NewPoll()
    {
        var handle = EpollCreate(0);
        return handle >= 0 ? new SafeFileHandle(handle, ownsHandle: true) : throw new Win32Exception();
    }

    /// <summary>Asks to be told of a socket under a number; or, when it is known already, of something else than before.</summary>
    public static void Watch(SafeFileHandle poll, SafeHandle socket, int number, uint events, bool isKnown)
    {
        Span<byte> wanted = stackalloc byte[16];
        BinaryPrimitives.WriteUInt32LittleEndian(wanted, events);
        BinaryPrimitives.WriteInt64LittleEndian(wanted[(IsPacked ? 4 : 8)..], number);
        if (EpollControl(poll, isKnown ? Modify : Add, socket, ref MemoryMarshal.GetReference(wanted)) != 0)
            throw new Win32Exception();
    }

    /// <summary>Waits until something can be read or written, or the time is over; to the microsecond, which epoll_wait(2) is not.</summary>
    public static int Wait(SafeFileHandle poll, Span<byte> events, TimeSpan atMost)
    {
        Span<long> time = [(long)atMost.TotalSeconds, atMost.Ticks % TimeSpan.TicksPerSecond * 100];
        return Math.Max(0, EpollWait(poll, ref MemoryMarshal.GetReference(events), events.Length / EventBytes, ref MemoryMarshal.GetReference(time), 0));
    }

    public static int NumberOf(ReadOnlySpan<byte> events, int index) =>
        (int)BinaryPrimitives.ReadInt64LittleEndian(events[(index * EventBytes + (IsPacked ? 4 : 8))..]);

    public static void SyncData(SafeFileHandle file)
    {
        if (DataSync(file) != 0)
            throw new IOException("fdatasync failed.", new Win32Exception());
    }

    /// <summary>SIGTERM, which .NET's Process has no word for.</summary>
    public static void Terminate(int processId) => _ = Kill(processId, 15);

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int processId, int signal);

    [LibraryImport("libc", EntryPoint = "epoll_create1", SetLastError = true)]
    private static partial int EpollCreate(int flags);

    [LibraryImport("libc", EntryPoint = "epoll_ctl", SetLastError = true)]
    private static partial int EpollControl(SafeFileHandle poll, int operation, SafeHandle socket, ref byte wanted);

    [LibraryImport("libc", EntryPoint = "epoll_pwait2", SetLastError = true)]
    private static partial int EpollWait(SafeFileHandle poll, ref byte events, int maxEvents, ref long timeout, nint signals);

    [LibraryImport("libc", EntryPoint = "fdatasync", SetLastError = true)]
    private static partial int DataSync(SafeFileHandle file);
}
