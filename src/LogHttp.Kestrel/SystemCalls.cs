using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace LogHttp.Kestrel;

/// <summary>The few calls .NET does not offer. Linux, 64 bits; elsewhere nobody asks.</summary>
internal static unsafe partial class SystemCalls
{
    private const int RwfNowait = 8;
    private const int AdviceWillNeed = 3;
    private const int ErrorTryAgain = 11;

    /// <summary>False where the question is not understood: an old libc, kernel or file system, another system.</summary>
    internal static bool CanAskPageCache { get; private set; } = OperatingSystem.IsLinux() && Environment.Is64BitProcess;

    /// <summary>Whether the byte at <paramref name="position"/> can be read without waiting for a disk: preadv2(2) with RWF_NOWAIT.</summary>
    internal static bool IsCached(SafeFileHandle file, long position)
    {
        byte target;
        var vector = new IoVector { Base = &target, Length = 1 };
        try
        {
            // At the end of the file 0: nothing to wait for either.
            if (ReadVectorNowait(file, &vector, 1, position, RwfNowait) >= 0)
                return true;
        }
        catch (EntryPointNotFoundException)
        {
            CanAskPageCache = false;
            return true;
        }

        if (Marshal.GetLastPInvokeError() == ErrorTryAgain)
            return false;
        CanAskPageCache = false;
        return true;
    }

    /// <summary>posix_fadvise(2); advice only, so its failure is none.</summary>
    internal static void AdviseWillNeed(SafeFileHandle file, long position, long lengthBytes) =>
        _ = Advise(file, position, lengthBytes, AdviceWillNeed);

    [LibraryImport("libc", EntryPoint = "preadv2", SetLastError = true)]
    private static partial nint ReadVectorNowait(SafeFileHandle file, IoVector* vectors, int vectorCount, long position, int flags);

    [LibraryImport("libc", EntryPoint = "posix_fadvise")]
    private static partial int Advise(SafeFileHandle file, long position, long lengthBytes, int advice);

    [StructLayout(LayoutKind.Sequential)]
    private struct IoVector
    {
        internal byte* Base;
        internal nint Length;
    }
}
