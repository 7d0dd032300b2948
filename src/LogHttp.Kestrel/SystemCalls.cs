using System.Net.Sockets;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace LogHttp.Kestrel;

/// <summary>The few system calls that .NET does not offer. 64-bit Linux only: other systems never call them.</summary>
internal static unsafe partial class SystemCalls
{
    private static readonly bool IsLinux64 = OperatingSystem.IsLinux() && Environment.Is64BitProcess;
    private const int RwfNowait = 8;
    private const int AdviceWillNeed = 3;
    private const int ErrorTryAgain = 11;
    private const int ErrorInvalidArgument = 22;
    private const int ErrorNoSuchCall = 38;
    private const int ErrorNotSupported = 95;
    private const int CacheStatNumber = 451;

    /// <summary>Read-ahead loads this many bytes of pages at a time, so a hole is seldom smaller.</summary>
    private const int ProbeBytes = 128 * 1024;

    private static readonly bool HasCacheStat =
        IsLinux64 && RuntimeInformation.ProcessArchitecture is Architecture.X64 or Architecture.Arm64;
    private static volatile bool CacheStatIsRefused = !HasCacheStat;
    private const int MessageDontWait = 0x40;
    private const int MessageNoSignal = 0x4000;
    private const int MessageMore = 0x8000;

    /// <summary>False if the system does not know the call: an old libc or kernel, or not Linux.</summary>
    internal static bool CanAskPageCache { get; private set; } = IsLinux64;

    /// <summary>Whether <see cref="SendNow"/> ever sends anything.</summary>
    internal static bool CanSendNow => IsLinux64;

    /// <summary>
    /// Whether the byte at <paramref name="position"/>, before the end of the file, can be read without waiting for a
    /// disk. Calls preadv2(2) with RWF_NOWAIT.
    /// </summary>
    internal static bool IsCached(SafeFileHandle file, long position)
    {
        byte target = 0;

        // Linux 5.9 and 5.10 return 0 for a byte that is not cached, as at the end of the file. A system without the
        // call counts every byte as cached, so nothing waits.
        return ReadNowait(file, new Span<byte>(ref target), position) > 0
            || !CanAskPageCache
            || Marshal.GetLastPInvokeError() is ErrorNotSupported or ErrorInvalidArgument;
    }

    /// <summary>
    /// Whether all of a range can be read without waiting for a disk. cachestat(2) counts its pages (Linux 6.5), else a
    /// byte is probed every 128 KiB. The last byte tells whether the range was read, and not only requested.
    /// </summary>
    internal static bool IsCached(SafeFileHandle file, long position, int lengthBytes)
    {
        var end = position + lengthBytes;
        if (!IsCached(file, end - 1))
            return false;
        if (CountCachedPages(file, position, lengthBytes) is { } cachedPages)
            return cachedPages >= (end - 1) / Environment.SystemPageSize - position / Environment.SystemPageSize + 1;
        for (; position < end; position += ProbeBytes)
        {
            if (!IsCached(file, position))
                return false;
        }

        return true;
    }

    private static long? CountCachedPages(SafeFileHandle file, long position, int lengthBytes)
    {
        if (CacheStatIsRefused)
            return null;
        var range = new CacheRange { Position = position, LengthBytes = lengthBytes };
        CacheCounts counts = default;
        if (CacheStat(CacheStatNumber, file, &range, &counts, 0) == 0)
            return counts.CachedPages;
        CacheStatIsRefused = Marshal.GetLastPInvokeError() == ErrorNoSuchCall;
        return null;
    }

    /// <summary>
    /// Fills <paramref name="destination"/> without waiting for a disk. Returns false if the read would wait, or if the
    /// file ends first.
    /// </summary>
    internal static bool TryReadCached(SafeFileHandle file, Span<byte> destination, long position) =>
        CanAskPageCache && ReadNowait(file, destination, position) == destination.Length;

    /// <summary>
    /// Returns the number of bytes read. Negative if none is cached yet, or if the call does not exist.
    /// </summary>
    private static nint ReadNowait(SafeFileHandle file, Span<byte> destination, long position)
    {
        fixed (byte* start = destination)
        {
            var vector = new IoVector { Base = start, Length = destination.Length };
            try
            {
                var read = ReadVectorNowait(file, &vector, 1, position, RwfNowait);
                // Other errors concern this file or its disk. The next read of the file meets them.
                if (read < 0 && Marshal.GetLastPInvokeError() == ErrorNoSuchCall)
                    CanAskPageCache = false;
                return read;
            }
            catch (EntryPointNotFoundException)
            {
                CanAskPageCache = false;
                return -1;
            }
        }
    }

    /// <summary>posix_fadvise(2). It is advice only, so its failure is ignored.</summary>
    internal static void AdviseWillNeed(SafeFileHandle file, long position, long lengthBytes) =>
        _ = Advise(file, position, lengthBytes, AdviceWillNeed);

    /// <summary>
    /// Sends the bytes that sendfile(2) takes without waiting for the reader, on a socket that the runtime has made
    /// non-blocking. Returns 0 if it takes nothing, for any reason. The runtime's own sendfile continues from there,
    /// and reports the error.
    /// </summary>
    /// <remarks>
    /// The runtime's sendfile alone would do, but each call costs some 420 bytes of objects and an lseek(2). Pages of
    /// 64 KiB, which fit into the socket's buffer, took 50 µs of CPU with it and 36 with this (four connections,
    /// loopback).
    /// </remarks>
    internal static int SendFileNow(SafeSocketHandle socket, SafeFileHandle file, long position, int lengthBytes)
    {
        if (!IsLinux64)
            return 0;
        return (int)Math.Max(0, SendFile(socket, file, ref position, lengthBytes));
    }

    /// <summary>As <see cref="SendFileNow"/>, for bytes in memory.</summary>
    /// <param name="socket">The socket.</param>
    /// <param name="bytes">The bytes to send.</param>
    /// <param name="hasMore">Whether more bytes follow at once, to share a packet with.</param>
    internal static int SendNow(SafeSocketHandle socket, ReadOnlySpan<byte> bytes, bool hasMore)
    {
        if (!IsLinux64)
            return 0;
        fixed (byte* start = bytes)
            return (int)
                Math.Max(
                    0,
                    Send(socket, start, bytes.Length, MessageDontWait | MessageNoSignal | (hasMore ? MessageMore : 0))
                );
    }

    [LibraryImport("libc", EntryPoint = "send")]
    private static partial nint Send(SafeSocketHandle socket, byte* bytes, nint lengthBytes, int flags);

    [LibraryImport("libc", EntryPoint = "sendfile")]
    private static partial nint SendFile(
        SafeSocketHandle socket,
        SafeFileHandle file,
        ref long position,
        nint lengthBytes
    );

    [LibraryImport("libc", EntryPoint = "preadv2", SetLastError = true)]
    private static partial nint ReadVectorNowait(
        SafeFileHandle file,
        IoVector* vectors,
        int vectorCount,
        long position,
        int flags
    );

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static partial nint CacheStat(
        nint number,
        SafeFileHandle file,
        CacheRange* range,
        CacheCounts* counts,
        uint flags
    );

    [LibraryImport("libc", EntryPoint = "posix_fadvise")]
    private static partial int Advise(SafeFileHandle file, long position, long lengthBytes, int advice);

    /// <summary>struct cachestat_range of linux/mman.h.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct CacheRange
    {
        internal long Position;
        internal long LengthBytes;
    }

    /// <summary>struct cachestat of linux/mman.h: five counters, of which the first is read.</summary>
    [StructLayout(LayoutKind.Sequential, Size = 5 * sizeof(long))]
    private struct CacheCounts
    {
        internal long CachedPages;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct IoVector
    {
        internal byte* Base;
        internal nint Length;
    }
}
