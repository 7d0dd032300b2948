using LogHttp.Storage.Bytes;
using LogHttp.Storage.Files;
using LogHttp.Storage.Journal;
using LogHttp.Testing;

namespace LogHttp.Storage.Tests.Journal;

/// <summary>Builds rounds, and journals of them on a disk in memory.</summary>
static class TestJournal
{
    public const string Directory = "/journal";

    public static readonly JournalEntry Records = new(JournalEntryKind.Records, 0x8f1d4c0a52b7e693, 3, 42, 1, 9120);

    /// <summary>Encodes a round. The result has no padding behind it.</summary>
    public static byte[] Round(
        ulong epoch,
        ulong number,
        uint previousHeadChecksum,
        ulong oldestNeeded,
        params ReadOnlySpan<(JournalEntry Entry, byte[] Payload)> entries
    )
    {
        var bytes = new byte[JournalFormat.MaxRoundBytes];
        var lengthBytes = JournalFormat.HeadBytes;
        foreach (var (entry, payload) in entries)
            lengthBytes += entry.Write(bytes.AsSpan(lengthBytes), payload);
        var body = bytes.AsSpan(JournalFormat.HeadBytes..lengthBytes);
        var head = new RoundHead(
            (uint)entries.Length,
            epoch,
            number,
            oldestNeeded,
            lengthBytes,
            previousHeadChecksum,
            Crc32C.Of(body)
        );
        head.Write(bytes);
        return bytes[..lengthBytes];
    }

    /// <summary>Returns a payload of any length that identifies its round.</summary>
    public static byte[] Payload(ulong number, int lengthBytes)
    {
        var payload = new byte[lengthBytes];
        new Random((int)number).NextBytes(payload);
        return payload;
    }

    public static PowerCutFileSystem CreateDisk(int seed = 1)
    {
        var fileSystem = new PowerCutFileSystem(new Random(seed));
        fileSystem.CreateDirectory(Directory);
        fileSystem.SyncDirectory("/");
        return fileSystem;
    }

    /// <summary>The result of a scan, as (round, payload) of every entry.</summary>
    public static List<(ulong Round, byte[] Payload)> ReadAll(
        IFileSystem fileSystem,
        JournalScan scan,
        ulong first = 1,
        ulong last = ulong.MaxValue
    )
    {
        List<(ulong, byte[])> found = [];
        JournalReader.Read(
            fileSystem,
            Directory,
            scan.Rounds,
            first,
            last,
            (in _, payload, round) => found.Add((round, payload.ToArray()))
        );
        return found;
    }

    public static ulong[] Numbers(
        IFileSystem fileSystem,
        JournalScan scan,
        ulong first = 1,
        ulong last = ulong.MaxValue
    ) => [.. ReadAll(fileSystem, scan, first, last).Select(static entry => entry.Round)];
}

/// <summary>Writes rounds of one entry each into files of a journal, in the specified format.</summary>
sealed class TestJournalFile : IDisposable
{
    readonly JournalFile _file;

    public TestJournalFile(IFileSystem fileSystem, long fileNumber, ulong epoch, int blocks = 16)
    {
        Epoch = epoch;
        var sizeBytes = blocks * JournalFormat.BlockBytes;
        _file = JournalFile.Make(fileSystem, TestJournal.Directory, fileNumber, sizeBytes, () => (long)epoch);
    }

    public TestJournalFile(JournalFile file, ulong epoch) => (_file, Epoch) = (file, epoch);

    public ulong Epoch { get; }

    public JournalFile File => _file;

    public long Position { get; private set; }

    /// <summary>The head checksum of each round by its number.</summary>
    public Dictionary<ulong, uint> HeadChecksums { get; } = [];

    /// <summary>The position of each round.</summary>
    public Dictionary<ulong, long> Positions { get; } = [];

    public void Add(ulong first, ulong last, uint previousHeadChecksum, ulong oldestNeeded = 1, int payloadBytes = 100)
    {
        for (var number = first; number <= last; number++)
        {
            var payload = TestJournal.Payload(number, payloadBytes);
            var round = TestJournal.Round(
                Epoch,
                number,
                previousHeadChecksum,
                oldestNeeded,
                (TestJournal.Records, payload)
            );
            RoundHead.TryRead(round, out _, out previousHeadChecksum);
            HeadChecksums[number] = previousHeadChecksum;
            Positions[number] = Position;
            _file.Write(round, Position);
            _file.Sync();
            Position += JournalFormat.Align(round.Length);
        }
    }

    /// <summary>Overwrites bytes within a round.</summary>
    public void Overwrite(ulong number, int at, ReadOnlySpan<byte> bytes)
    {
        _file.File.Write(bytes, Positions[number] + at);
        _file.Sync();
    }

    public void Dispose() => _file.Dispose();
}
