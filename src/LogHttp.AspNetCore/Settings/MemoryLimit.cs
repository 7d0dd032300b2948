namespace LogHttp.AspNetCore.Settings;

/// <summary>
/// Keeps the budgets within the memory that the process may use: a container's limit, or the heap's. With 192 MB,
/// twelve bodies of 60 MB ended in as many responses with 500.
/// </summary>
internal static class MemoryLimit
{
    /// <summary>
    /// The most bytes that are held for a byte of a body. Buffers are powers of two and a quarter larger than
    /// announced, and a body of the REST Proxy is held beside its records. With a heap of 192 MB, the server refused a
    /// lone body of 30 MB at every retry.
    /// </summary>
    const int HeldPerByte = 4;

    /// <summary>Chooses the budgets that no setting names, and lowers the bounds that do not fit.</summary>
    public static void Apply(LogHttpSettings settings) =>
        Apply(settings, GC.GetGCMemoryInfo().TotalAvailableMemoryBytes);

    internal static void Apply(LogHttpSettings settings, long availableBytes)
    {
        var isReadingSet = settings.MaxReadingBytes != 0;
        settings.MaxReadingBytes = Chosen(settings.MaxReadingBytes, availableBytes / 3, 1L << 30);
        settings.MaxAppendingBytes = Chosen(settings.MaxAppendingBytes, availableBytes / 3, 1L << 30);
        var fittingBytes = isReadingSet ? long.MaxValue : settings.MaxReadingBytes / HeldPerByte;
        // A body that no budget has room for is told that it is too large, and not to come again.
        var mostBytes = Math.Max(1, Math.Min(fittingBytes, settings.MaxReadingBytes));
        if (settings.MaxBodyBytes > mostBytes)
            (settings.MaxBodyBytes, settings.MemoryLimit) = (mostBytes, availableBytes);
        // A batch has to fit into every queue that it passes.
        mostBytes = Math.Min(fittingBytes, settings.MaxAppendingBytes);
        if (settings.MaxBatchBytes > mostBytes)
            (settings.MaxBatchBytes, settings.MemoryLimit) = ((int)mostBytes, availableBytes);
        settings.MaxQueuedBytes = Chosen(
            settings.MaxQueuedBytes,
            Math.Max(settings.MaxAppendingBytes / 4, settings.MaxBatchBytes),
            256L << 20
        );
        settings.MaxFollowingBytes = Chosen(settings.MaxFollowingBytes, availableBytes / 16, 1L << 30);
        // One client may always send one batch.
        settings.MaxClientReadingBytes = Chosen(
            settings.MaxClientReadingBytes,
            Math.Max(
                settings.MaxReadingBytes / 4,
                Math.Min(
                    settings.MaxReadingBytes,
                    HeldPerByte * Math.Max(settings.MaxBodyBytes, settings.MaxBatchBytes)
                )
            ),
            long.MaxValue
        );
    }

    /// <summary>What was set, or a share of the memory, at least 1 MiB.</summary>
    internal static long Chosen(long setting, long share, long max) =>
        setting != 0 ? setting : Math.Clamp(share, 1 << 20, max);
}
