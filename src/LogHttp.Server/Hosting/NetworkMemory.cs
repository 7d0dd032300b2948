using LogHttp.AspNetCore.Settings;

namespace LogHttp.Server.Hosting;

/// <summary>Keeps the budgets of connections within the memory that the process may use.</summary>
internal static class NetworkMemory
{
    /// <summary>Chooses the budgets that no setting names.</summary>
    public static void Apply(ServerSettings settings) =>
        Apply(settings, GC.GetGCMemoryInfo().TotalAvailableMemoryBytes);

    internal static void Apply(ServerSettings settings, long availableBytes)
    {
        settings.MaxUnreadBytes = MemoryLimit.Chosen(settings.MaxUnreadBytes, availableBytes / 16, 1L << 30);
        // The largest head always fits.
        var headBytes = RequestHeads.MaxBytesOf(settings);
        settings.MaxHeldHeadBytes = MemoryLimit.Chosen(
            settings.MaxHeldHeadBytes,
            Math.Max(availableBytes / 16, headBytes),
            Math.Max(256L << 20, headBytes)
        );
        settings.MaxClientHeldHeadBytes = MemoryLimit.Chosen(
            settings.MaxClientHeldHeadBytes,
            Math.Max(settings.MaxHeldHeadBytes / 4, headBytes),
            long.MaxValue
        );
    }
}
