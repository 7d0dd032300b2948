namespace LogHttp.Kestrel;

/// <summary>The bounds of sending files, with their defaults.</summary>
/// <remarks>Read when <c>UseSendFile</c> is called. Later changes of an instance may have no effect.</remarks>
public sealed class SendFileOptions
{
    /// <summary>
    /// The most bytes handed to one sendfile(2). Cold pages and cancellation are checked between these slices. Default
    /// 1 MiB. Range 4 KiB to 64 MiB.
    /// </summary>
    public int SliceBytes { get; set; } = 1024 * 1024;

    /// <summary>
    /// A region of at most this many bytes is read into the buffer behind the headers, so that both leave in one send.
    /// At the default of 32 KiB both ways cost the same. Range 0 (never) to 1 MiB.
    /// </summary>
    public int SmallRegionBytes { get; set; } = 32 * 1024;

    /// <summary>
    /// A reader that takes no byte for this long, while bytes wait for it, is dropped. Any progress restarts the time.
    /// Default 30 s. Range 10 ms to 1 day.
    /// </summary>
    public TimeSpan StalledReaderTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// The least bytes per second that a reader must take, over <see cref="SlowReaderWindow"/> of waiting for it. A
    /// slower reader is dropped, because it keeps a file open and its disk space in use. Default 50. Range 0 (any pace)
    /// to 1 GiB.
    /// </summary>
    public int MinReaderBytesPerSecond { get; set; } = 50;

    /// <summary>
    /// How long bytes must have waited for a reader in total before its rate is judged. Default 5 min. Range 10 ms to 1
    /// day.
    /// </summary>
    public TimeSpan SlowReaderWindow { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>
    /// The buffer of one copied region (TLS, HTTP/2, no socket), and so the memory that such a response holds. Default
    /// 64 KiB. Range 4 KiB to 16 MiB.
    /// </summary>
    public int CopyBufferBytes { get; set; } = 64 * 1024;

    /// <summary>
    /// How many slices may be read from the disk at once for sendfile, each by a thread of its own outside the pool.
    /// Slices in the page cache never wait for these. Default 1. Range 1 to 1,024.
    /// </summary>
    public int MaxColdSlices { get; set; } = 1;

    /// <summary>
    /// The bytes requested from the disk at a time for a cold slice. A write to the disk waits behind such a request.
    /// Large rotating or remote disks have a higher throughput with larger requests. Default 128 KiB. Range 4 KiB to 64
    /// MiB.
    /// </summary>
    public int ColdReadBytes { get; set; } = 128 * 1024;

    /// <summary>The clock of <see cref="StalledReaderTimeout"/>.</summary>
    public TimeProvider TimeProvider { get; set; } = TimeProvider.System;

    internal SendFileOptions Validated()
    {
        RequireRange(SliceBytes, 4 * 1024, 64 * 1024 * 1024, nameof(SliceBytes));
        RequireRange(SmallRegionBytes, 0, 1024 * 1024, nameof(SmallRegionBytes));
        RequireRange(CopyBufferBytes, 4 * 1024, 16 * 1024 * 1024, nameof(CopyBufferBytes));
        RequireRange(MaxColdSlices, 1, 1024, nameof(MaxColdSlices));
        RequireRange(ColdReadBytes, 4 * 1024, 64 * 1024 * 1024, nameof(ColdReadBytes));
        RequireRange(
            StalledReaderTimeout,
            TimeSpan.FromMilliseconds(10),
            TimeSpan.FromDays(1),
            nameof(StalledReaderTimeout)
        );
        RequireRange(SlowReaderWindow, TimeSpan.FromMilliseconds(10), TimeSpan.FromDays(1), nameof(SlowReaderWindow));
        RequireRange(MinReaderBytesPerSecond, 0, 1024 * 1024 * 1024, nameof(MinReaderBytesPerSecond));
        ArgumentNullException.ThrowIfNull(TimeProvider);
        return (SendFileOptions)MemberwiseClone();
    }

    private static void RequireRange<T>(T value, T min, T max, string name)
        where T : IComparable<T>
    {
        if (value.CompareTo(min) < 0 || value.CompareTo(max) > 0)
            throw new ArgumentOutOfRangeException(
                name,
                value,
                $"{nameof(SendFileOptions)}.{name} must be from {min} to {max}."
            );
    }
}
