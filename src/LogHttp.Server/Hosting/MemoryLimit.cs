namespace LogHttp.Server.Hosting;

/// <summary>
/// Keeps the budgets within the memory that the process may use: a container's limit, or the heap's. With 192 MB, twelve bodies
/// of 60 MB ended in as many responses with 500.
/// </summary>
internal static class MemoryLimit
{
    /// <summary>Chooses the budgets that no setting names, and lowers the bounds that do not fit.</summary>
    public static void Apply(LogHttpSettings settings) => Apply(settings, GC.GetGCMemoryInfo().TotalAvailableMemoryBytes);

    internal static void Apply(LogHttpSettings settings, long availableBytes)
    {
        settings.MaxReadingBytes = Chosen(settings.MaxReadingBytes, availableBytes / 3, 1L << 30);
        settings.MaxAppendingBytes = Chosen(settings.MaxAppendingBytes, availableBytes / 3, 1L << 30);
        // A batch has to fit into every queue that it passes.
        if (settings.MaxBatchBytes > settings.MaxAppendingBytes)
            (settings.MaxBatchBytes, settings.MemoryLimit) = ((int)settings.MaxAppendingBytes, availableBytes);
        settings.MaxQueuedBytes = Chosen(settings.MaxQueuedBytes, Math.Max(settings.MaxAppendingBytes / 4, settings.MaxBatchBytes), 256L << 20);
        settings.MaxUnreadBytes = Chosen(settings.MaxUnreadBytes, availableBytes / 16, 1L << 30);
        settings.MaxFollowingBytes = Chosen(settings.MaxFollowingBytes, availableBytes / 16, 1L << 30);
        // A body that no budget has room for is told that it is too large, and not to come again.
        var mostBytes = Math.Max(1, settings.MaxReadingBytes);
        if (settings.MaxBodyBytes > mostBytes)
            (settings.MaxBodyBytes, settings.MemoryLimit) = (mostBytes, availableBytes);
        // One client may always send one batch.
        settings.MaxClientReadingBytes = Chosen(
            settings.MaxClientReadingBytes,
            Math.Max(settings.MaxReadingBytes / 4, Math.Min(settings.MaxReadingBytes, 2 * Math.Max(settings.MaxBodyBytes, settings.MaxBatchBytes))),
            long.MaxValue);
    }

    /// <summary>What was set, or a share of the memory, at least 1 MiB.</summary>
    static long Chosen(long setting, long share, long most) => setting != 0 ? setting : Math.Clamp(share, 1 << 20, most);
}
