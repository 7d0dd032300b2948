namespace LogHttp.Kestrel;

/// <summary>The bounds of sending files, each named once, with its default.</summary>
/// <remarks>
/// Read when <c>UseSendFile</c> is called; changing an instance afterwards has no effect that is promised.
/// </remarks>
public sealed class SendFileOptions
{
    /// <summary>
    /// The most bytes handed to one sendfile(2), and the grain of everything done between: checking for cold
    /// pages, cancellation. Default 1 MiB; 4 KiB to 64 MiB.
    /// </summary>
    public int SliceBytes { get; set; } = 1024 * 1024;

    /// <summary>
    /// A region of at most this many bytes is read into the buffer behind the headers, so that both leave in one
    /// send. Default 32 KiB, where the two ways cost the same; 0 (never) to 1 MiB.
    /// </summary>
    public int SmallRegionBytes { get; set; } = 32 * 1024;

    /// <summary>
    /// A reader that takes no byte for this long, while bytes wait for it, is dropped. Any progress starts
    /// the time anew. Default 30 s; 10 ms to 1 day.
    /// </summary>
    public TimeSpan StalledReaderTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// A reader that takes fewer bytes per second than this, over <see cref="SlowReaderWindow"/> of waiting for it, is
    /// dropped. It holds a file open and its space taken. Default 50; 0 (any pace) to 1 GiB.
    /// </summary>
    public int MinReaderBytesPerSecond { get; set; } = 50;

    /// <summary>
    /// How long bytes must have waited for a reader, all in all, before its rate is judged. Default 5 min; 10 ms to 1
    /// day.
    /// </summary>
    public TimeSpan SlowReaderWindow { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>
    /// The buffer of one copied region (TLS, HTTP/2, no socket), and so the memory such a response holds.
    /// Default 64 KiB; 4 KiB to 16 MiB.
    /// </summary>
    public int CopyBufferBytes { get; set; } = 64 * 1024;

    /// <summary>
    /// How many slices may be read from the disk at once on behalf of sendfile, each by a thread of its own, outside
    /// the pool. Slices in the page cache never wait for these. Default 1; 1 to 1,024.
    /// </summary>
    public int MaxColdSlices { get; set; } = 1;

    /// <summary>
    /// What the disk is asked for at a time for one of these, and so how long whoever writes to it waits behind cold
    /// readers. Large disks that turn, or are far away, read more in all with more. Default 128 KiB; 4 KiB to 64 MiB.
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

    private static void RequireRange<T>(T value, T least, T most, string name)
        where T : IComparable<T>
    {
        if (value.CompareTo(least) < 0 || value.CompareTo(most) > 0)
            throw new ArgumentOutOfRangeException(
                name,
                value,
                $"{nameof(SendFileOptions)}.{name} must be from {least} to {most}."
            );
    }
}
