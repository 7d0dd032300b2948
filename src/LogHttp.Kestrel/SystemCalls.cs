using System.Net.Sockets;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace LogHttp.Kestrel;

/// <summary>The few calls .NET does not offer. Linux, 64 bits; elsewhere nobody asks.</summary>
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

    /// <summary>Read-ahead brings pages in by as much, so that a hole is seldom smaller.</summary>
    private const int ProbeBytes = 128 * 1024;

    private static readonly bool HasCacheStat =
        IsLinux64 && RuntimeInformation.ProcessArchitecture is Architecture.X64 or Architecture.Arm64;
    private static volatile bool CacheStatIsRefused = !HasCacheStat;
    private const int MessageDontWait = 0x40;
    private const int MessageNoSignal = 0x4000;
    private const int MessageMore = 0x8000;

    /// <summary>False where the question is not understood: an old libc or kernel, another system.</summary>
    internal static bool CanAskPageCache { get; private set; } = IsLinux64;

    /// <summary>
    /// Whether the byte at <paramref name="position"/>, before the end of the file, can be read without waiting for a
    /// disk: preadv2(2) with RWF_NOWAIT.
    /// </summary>
    internal static bool IsCached(SafeFileHandle file, long position)
    {
        byte target = 0;

        // Linux 5.9 and 5.10 return 0 for a byte that is not cached, as at the end of the file. Where nothing can be
        // asked, nothing is waited for.
        return ReadNowait(file, new Span<byte>(ref target), position) > 0
            || !CanAskPageCache
            || Marshal.GetLastPInvokeError() is ErrorNotSupported or ErrorInvalidArgument;
    }

    /// <summary>
    /// Whether all of a range can be read without waiting for a disk: cachestat(2) counts its pages (Linux 6.5), else a
    /// byte is asked for every 128 KiB; and the last byte tells whether it has been read in, and not only asked for.
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
    /// Fills <paramref name="destination"/> if that takes no waiting for a disk; false where it would, or the file ends
    /// first.
    /// </summary>
    internal static bool TryReadCached(SafeFileHandle file, Span<byte> destination, long position) =>
        CanAskPageCache && ReadNowait(file, destination, position) == destination.Length;

    /// <summary>How many bytes were there; negative where there are none yet, or there is no such call.</summary>
    private static nint ReadNowait(SafeFileHandle file, Span<byte> destination, long position)
    {
        fixed (byte* start = destination)
        {
            var vector = new IoVector { Base = start, Length = destination.Length };
            try
            {
                var read = ReadVectorNowait(file, &vector, 1, position, RwfNowait);
                // Other errors are this file's alone, or its disk's: whoever reads it meets them.
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

    /// <summary>posix_fadvise(2); advice only, so its failure is none.</summary>
    internal static void AdviseWillNeed(SafeFileHandle file, long position, long lengthBytes) =>
        _ = Advise(file, position, lengthBytes, AdviceWillNeed);

    /// <summary>
    /// What sendfile(2) takes at once without waiting for the reader, on a socket the runtime has made non-blocking; 0
    /// where it takes nothing, whatever the reason: the runtime's own sendfile goes on from there, and reports it.
    /// </summary>
    /// <remarks>
    /// The runtime's alone would do, at the cost of some 420 bytes of objects and an lseek(2) each time: pages of 64
    /// KiB, which fit the socket's buffer whole, took 50 µs of CPU with it and 36 with this (four connections,
    /// loopback).
    /// </remarks>
    internal static int SendFileNow(SafeSocketHandle socket, SafeFileHandle file, long position, int lengthBytes)
    {
        if (!IsLinux64)
            return 0;
        return (int)Math.Max(0, SendFile(socket, file, ref position, lengthBytes));
    }

    /// <summary>As <see cref="SendFileNow"/>, of memory.</summary>
    /// <param name="socket">The socket.</param>
    /// <param name="bytes">What to send.</param>
    /// <param name="hasMore">Whether more follows at once, to share a packet with.</param>
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

    /// <summary>struct cachestat of linux/mman.h: five counters, of which the first is asked for.</summary>
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
