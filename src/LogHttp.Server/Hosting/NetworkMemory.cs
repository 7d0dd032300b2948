using LogHttp.AspNetCore.Settings;

namespace LogHttp.Server.Hosting;

/// <summary>Keeps the budgets of connections within the memory that the process may use.</summary>
internal static class NetworkMemory
{
    /// <summary>
    /// The memory for each connection, twice what an idle one takes over TLS. With 192 MB, 4,000 of them ended in
    /// OutOfMemory.
    /// </summary>
    const int BytesPerConnection = 64 << 10;

    /// <summary>Chooses the budgets that no setting names, and lowers the bounds that do not fit.</summary>
    public static void Apply(ServerSettings settings) =>
        Apply(settings, GC.GetGCMemoryInfo().TotalAvailableMemoryBytes);

    internal static void Apply(ServerSettings settings, long availableBytes)
    {
        var maxConnections = Math.Max(1, availableBytes / BytesPerConnection);
        if (settings.MaxConnections > maxConnections)
            (settings.MaxConnections, settings.ConnectionMemoryLimit) = ((int)maxConnections, availableBytes);
        settings.MaxUnreadBytes = MemoryLimit.Chosen(settings.MaxUnreadBytes, availableBytes / 16, 1L << 30);
        // The largest head always fits.
        var headBytes = RequestHeads.MaxBytesOf(settings);
        settings.MaxHeldHeadBytes = MemoryLimit.Chosen(
            settings.MaxHeldHeadBytes,
            Math.Max(availableBytes / 16, headBytes),
            Math.Max(1L << 30, headBytes)
        );
        settings.MaxClientHeldHeadBytes = MemoryLimit.Chosen(
            settings.MaxClientHeldHeadBytes,
            Math.Max(settings.MaxHeldHeadBytes / 4, headBytes),
            long.MaxValue
        );
        var connectionBytes = ConnectionBudget.MaxBytesOf(settings);
        settings.MaxConnectionBytes = MemoryLimit.Chosen(
            settings.MaxConnectionBytes,
            Math.Max(availableBytes / 8, connectionBytes),
            Math.Max(1L << 30, connectionBytes)
        );
        settings.MaxClientConnectionBytes = MemoryLimit.Chosen(
            settings.MaxClientConnectionBytes,
            Math.Max(settings.MaxConnectionBytes / 2, connectionBytes),
            long.MaxValue
        );
    }
}
