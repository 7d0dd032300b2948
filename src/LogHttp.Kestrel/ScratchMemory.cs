namespace LogHttp.Kestrel;

/// <summary>Memory handed out in place of a region's bytes: one for the whole process, since nobody reads it.</summary>
/// <remarks>
/// Threads: replaced under a lock, and only by a larger one. Never written, its pages are never backed by memory.
/// </remarks>
internal static class ScratchMemory
{
    private static readonly Lock Sync = new();
    private static byte[] Largest = [];

    internal static byte[] OfAtLeast(int sizeBytes)
    {
        lock (Sync)
        {
            if (Largest.Length < sizeBytes)
                Largest = GC.AllocateUninitializedArray<byte>(sizeBytes);
            return Largest;
        }
    }
}
