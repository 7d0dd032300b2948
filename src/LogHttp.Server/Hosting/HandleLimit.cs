using System.Globalization;
using LogHttp.Storage;

namespace LogHttp.Server.Hosting;

/// <summary>
/// Keeps the settings within what the process may open: a process without file handles can't roll, can't accept and, at
/// the worst, can't go on. .NET has raised the soft limit to the hard one by the time this runs.
/// </summary>
internal static class HandleLimit
{
    /// <summary>Libraries, logs, listening sockets, the runtime's own.</summary>
    const int Reserved = 512;

    /// <summary>
    /// So many are enough, where no setting asks for more: an open file is memory of the kernel's, if little.
    /// </summary>
    const int MaxDefaultSegments = 16_384;

    /// <summary>Connections and segments get at least so many.</summary>
    const int MinHandles = 64;

    static int StorageDefault => new StorageOptions { Directory = "data" }.MaxOpenSegments;

    /// <summary>
    /// Chooses how many segments may be open if no setting says it. Lowers the numbers that do not fit, the one of
    /// segments first, to a quarter at the least. Remembers the limit if it lowered a number.
    /// </summary>
    public static void Apply(ServerSettings settings) => Apply(settings, Read());

    internal static void Apply(ServerSettings settings, long? known)
    {
        var isChosen = settings.MaxOpenSegments != 0;
        if (!isChosen)
            settings.MaxOpenSegments = StorageDefault;
        if (known is not { } limit)
            return;
        var room = Math.Max(MinHandles, limit - Reserved);
        if (!isChosen)
            settings.MaxOpenSegments = (int)
                Math.Clamp((room - settings.MaxConnections) / 2, StorageDefault, MaxDefaultSegments);
        if (settings.MaxConnections + 2L * settings.MaxOpenSegments <= room)
            return;
        settings.MaxOpenSegments = (int)Math.Max(4, Math.Min(settings.MaxOpenSegments, room / 4 / 2));
        settings.MaxConnections = (int)Math.Min(settings.MaxConnections, room - 2L * settings.MaxOpenSegments);
        settings.HandleLimit = limit;
    }

    /// <summary>
    /// Says that the process may open too few files, or null. The runtime alone holds 265 once all is loaded, and ends
    /// the process if it can't open one more. With 256, the first POST ended it.
    /// </summary>
    public static string? FindFault() => FindFault(Read());

    internal static string? FindFault(long? limit) =>
        limit < Reserved + MinHandles
            ? string.Create(
                CultureInfo.InvariantCulture,
                $"the process may open {limit} files, and the server needs {Reserved + MinHandles}. Raise the hard "
                    + $"limit: ulimit -n 65536, or LimitNOFILE= in a systemd unit."
            )
            : null;

    /// <summary>The most files the process may have open. Null if the system does not tell.</summary>
    static long? Read()
    {
        const string Name = "Max open files";
        if (!OperatingSystem.IsLinux())
            return null;
        try
        {
            var line = File.ReadLines("/proc/self/limits")
                .FirstOrDefault(static line => line.StartsWith(Name, StringComparison.Ordinal));
            var soft = line?[Name.Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries).FirstOrDefault();
            return long.TryParse(soft, NumberStyles.None, CultureInfo.InvariantCulture, out var limit) ? limit : null;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // There is no /proc here.
            return null;
        }
    }
}
