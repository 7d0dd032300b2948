using LogHttp.Storage.Files;

namespace LogHttp.Storage.Journal;

/// <summary>Handles one entry of the journal.</summary>
/// <param name="entry">The entry.</param>
/// <param name="payload">The entry's payload, valid during the call.</param>
/// <param name="round">The number of the entry's round.</param>
internal delegate void JournalEntryHandler(in JournalEntry entry, ReadOnlySpan<byte> payload, ulong round);

/// <summary>
/// Streams the entries of rounds, in order, with one round in memory at a time. May read beside the one writer, up to a
/// round that the writer has finished.
/// </summary>
internal static class JournalReader
{
    /// <summary>Streams the entries of the rounds from one number through another.</summary>
    /// <param name="fileSystem">The disk.</param>
    /// <param name="directory">The journal's directory.</param>
    /// <param name="ranges">The rounds, in order, from a scan or from the files in use.</param>
    /// <param name="firstNumber">The first round to read.</param>
    /// <param name="lastNumber">The last round to read.</param>
    /// <param name="handler">Handles each entry. Its exceptions end the reading.</param>
    /// <exception cref="CorruptionException">A round of the ranges is missing or damaged.</exception>
    public static void Read(
        IFileSystem fileSystem,
        string directory,
        IEnumerable<JournalRange> ranges,
        ulong firstNumber,
        ulong lastNumber,
        JournalEntryHandler handler
    )
    {
        foreach (var range in ranges)
        {
            if (range.FirstNumber > lastNumber)
                return;
            var path = Path.Combine(directory, JournalFile.NameOf(range.FileNumber));
            using var file = fileSystem.Open(path);
            Read(file, path, range, firstNumber, lastNumber, handler);
        }
    }

    /// <summary>Streams the entries of one file's rounds.</summary>
    /// <param name="file">The open file.</param>
    /// <param name="path">The file's path, for messages.</param>
    /// <param name="range">The rounds in it.</param>
    /// <param name="firstNumber">The first round to read.</param>
    /// <param name="lastNumber">The last round to read.</param>
    /// <param name="handler">Handles each entry. Its exceptions end the reading.</param>
    /// <exception cref="CorruptionException">A round of the range is missing or damaged.</exception>
    public static void Read(
        IFile file,
        string path,
        in JournalRange range,
        ulong firstNumber,
        ulong lastNumber,
        JournalEntryHandler handler
    )
    {
        using var window = new RoundWindow(file, path);
        var number = range.FirstNumber;
        for (var position = range.FirstPosition; position < range.EndPosition && number <= lastNumber; number++)
        {
            ReadOnlySpan<byte> body = default;
            RoundHead head;
            var state =
                number < firstNumber
                    ? window.ReadHead(position, range.Epoch, out head, out _)
                    : window.ReadRound(position, range.Epoch, out head, out _, out body);
            if (state is not RoundState.Valid || head.Number != number)
                throw new CorruptionException(path, position, $"round {number} is missing or damaged");
            position += JournalFormat.Align(head.LengthBytes);
            while (!body.IsEmpty)
            {
                JournalEntry.TryRead(body, out var entry, out var payload, out var encodedBytes);
                handler(entry, payload, number);
                body = body[encodedBytes..];
            }
        }
    }
}
