namespace LogHttp.Kestrel;

/// <summary>
/// Memory handed out in place of a region's bytes. The whole process shares one block, since nobody reads it.
/// </summary>
/// <remarks>
/// Replaced under a lock, and only by a larger block. It is never written, so no memory backs its pages.
/// </remarks>
internal static class ScratchMemory
{
    private static readonly Lock Sync = new();
    private static byte[] Largest = [];

    internal static byte[] GetAtLeast(int sizeBytes)
    {
        lock (Sync)
        {
            if (Largest.Length < sizeBytes)
                Largest = GC.AllocateUninitializedArray<byte>(sizeBytes);
            return Largest;
        }
    }
}
