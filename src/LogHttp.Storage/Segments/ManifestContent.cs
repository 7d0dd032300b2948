using System.Buffers;

namespace LogHttp.Storage.Segments;

/// <summary>The content of a manifest's bytes. No file access.</summary>
/// <param name="State">The state after the last whole line.</param>
/// <param name="Lines">The number of whole lines.</param>
/// <param name="SyncedBytes">How many bytes are known to be durable, up to the end of a line.</param>
/// <param name="EndPosition">The end of the last whole line.</param>
/// <param name="TornBytes">How many bytes follow it.</param>
internal readonly record struct ManifestContent(
    ManifestState State,
    int Lines,
    long SyncedBytes,
    long EndPosition,
    long TornBytes
)
{
    /// <summary>Encodes a state as the first lines of a manifest.</summary>
    public static byte[] Encode(ManifestState state)
    {
        var buffer = new ArrayBufferWriter<byte>();
        ManifestLine.WriteHeader(buffer, state, 1 + state.Segments.Count);
        foreach (var segment in state.Segments)
            ManifestLine.Write(buffer, new ManifestEdit.SegmentMade(segment), null);
        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>Decodes a manifest.</summary>
    /// <param name="bytes">The whole file.</param>
    /// <param name="path">Its path, for messages.</param>
    /// <exception cref="CorruptionException">A line that was durable is missing, damaged or impossible.</exception>
    /// <exception cref="NotSupportedException">A newer version wrote it.</exception>
    public static ManifestContent Decode(ReadOnlySpan<byte> bytes, string path)
    {
        var position = 0;
        try
        {
            var line = NextLine(bytes);
            if (!ManifestLine.IsWhole(line))
                throw new FormatException("its checksum is wrong");
            var (state, firstLines) = ManifestLine.ReadHeader(line);
            var partitions = state.Header.Configuration.Partitions;
            // The first lines are durable before the file gets its name.
            var (lines, syncedBytes) = (1, firstLines == 1 ? line.Length : 0L);
            for (position = line.Length; position < bytes.Length; position += line.Length)
            {
                line = NextLine(bytes[position..]);
                if (!ManifestLine.IsWhole(line))
                    break;
                var (edit, synced) = ManifestLine.Read(line, partitions);
                if (synced is null != lines < firstLines || synced < syncedBytes || synced > position)
                    throw new FormatException("it does not say what was durable before it");
                state = state.Apply(edit, out var fault);
                if (fault is not null)
                    throw new FormatException(fault);
                syncedBytes = synced ?? syncedBytes;
                if (++lines == firstLines)
                    syncedBytes = position + line.Length;
            }
            if (lines < firstLines)
                throw new FormatException($"of the {firstLines} lines that the first one counts, {lines} are whole");
            CheckTornEnd(bytes, position, partitions);
            return new(state, lines, syncedBytes, position, bytes.Length - position);
        }
        catch (FormatException exception)
        {
            throw new CorruptionException(path, position, exception.Message);
        }
    }

    /// <summary>
    /// Several appends without a sync reach the disk in any order, so whole lines may follow a torn one. A line that
    /// calls the torn one durable proves damage.
    /// </summary>
    static void CheckTornEnd(ReadOnlySpan<byte> bytes, int position, int partitions)
    {
        for (var next = position; next < bytes.Length; )
        {
            var line = NextLine(bytes[next..]);
            if (line.IsEmpty)
                return;
            next += line.Length;
            // A damaged line feed joins two lines.
            line = line[Math.Max(0, line.LastIndexOf(ManifestLine.EditStart))..];
            if (ManifestLine.IsWhole(line) && ManifestLine.Read(line, partitions).SyncedBytes > position)
                throw new FormatException(
                    $"its checksum is wrong, and the line that ends at {next} says it was synced"
                );
        }
    }

    /// <summary>Returns the first line with its line feed, or nothing if there is no line feed.</summary>
    static ReadOnlySpan<byte> NextLine(ReadOnlySpan<byte> bytes) => bytes[..(bytes.IndexOf((byte)'\n') + 1)];
}
