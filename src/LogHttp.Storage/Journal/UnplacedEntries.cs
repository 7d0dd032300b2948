using System.Globalization;
using LogHttp.Storage.Bytes;
using LogHttp.Storage.Files;

namespace LogHttp.Storage.Journal;

/// <summary>A partition with unplaced entries.</summary>
/// <param name="TopicId">The topic's incarnation.</param>
/// <param name="Partition">The partition's number.</param>
/// <param name="SizeBytes">The size of its file.</param>
internal readonly record struct UnplacedPartition(ulong TopicId, int Partition, long SizeBytes);

/// <summary>
/// Keeps the journal's entries whose topic or segment is absent, one file for each partition (api/FORMAT.md §11). A
/// disk that is not mounted must not lose records. One thread.
/// </summary>
/// <remarks>
/// <see cref="Add"/> collects entries, and <see cref="Flush"/> makes them durable. If a start ends between the two, the
/// next one reads the same entries from the journal again.
/// </remarks>
internal sealed class UnplacedEntries
{
    /// <summary>The limit of one partition's file, as large as the largest journal.</summary>
    public const long MaxFileBytes = 256L << 20;

    /// <summary>The limit of all partitions' files.</summary>
    public const long MaxTotalBytes = 1L << 30;

    const string Suffix = ".journal";
    const int TopicIdDigits = 16;

    // Limits of the collected entries. At the first, a partition's entries are written as a round. At the second, the
    // sum of all partitions, all are written.
    const int MaxRoundEntryBytes = 1 << 20;
    const int MaxHeldBytes = 8 << 20;

    readonly Dictionary<(ulong TopicId, int Partition), PendingRound> _pending = [];
    readonly Dictionary<(ulong TopicId, int Partition), Tail> _tails = [];
    readonly IFileSystem _fileSystem;
    readonly string _journalDirectory;
    readonly string _directory;
    readonly Func<long> _newId;
    readonly long _maxFileBytes;
    readonly long _maxTotalBytes;
    long _totalBytes;
    long _heldBytes;

    /// <summary>Opens the kept entries of a journal's directory. Creates nothing.</summary>
    /// <param name="fileSystem">The disk.</param>
    /// <param name="journalDirectory">The journal's directory.</param>
    /// <param name="newId">Returns epochs.</param>
    /// <param name="maxFileBytes">The limit of one partition's file.</param>
    /// <param name="maxTotalBytes">The limit of all files.</param>
    public UnplacedEntries(
        IFileSystem fileSystem,
        string journalDirectory,
        Func<long> newId,
        long maxFileBytes = MaxFileBytes,
        long maxTotalBytes = MaxTotalBytes
    )
    {
        _fileSystem = fileSystem;
        _journalDirectory = journalDirectory;
        _directory = Path.Combine(journalDirectory, JournalScan.UnplacedName);
        _newId = newId;
        _maxFileBytes = maxFileBytes;
        _maxTotalBytes = maxTotalBytes;
        _totalBytes = List().Sum(static partition => partition.SizeBytes);
    }

    /// <summary>Lists the partitions with kept entries, by topic id and number.</summary>
    public IReadOnlyList<UnplacedPartition> List()
    {
        List<UnplacedPartition> partitions = [];
        foreach (var entry in _fileSystem.List(_directory))
            if (!entry.IsDirectory && TryParseName(entry.Name, out var topicId, out var partition))
                partitions.Add(new(topicId, partition, entry.LengthBytes));
        partitions.Sort(
            static (left, right) => (left.TopicId, left.Partition).CompareTo((right.TopicId, right.Partition))
        );
        return partitions;
    }

    /// <summary>Adds an entry to its partition. It is durable after <see cref="Flush"/>.</summary>
    /// <exception cref="IOException">
    /// The disk failed, or the limit is reached. The caller must not continue without the entry.
    /// </exception>
    public void Add(in JournalEntry entry, ReadOnlySpan<byte> payload)
    {
        var key = (entry.TopicId, entry.Partition);
        if (!_pending.TryGetValue(key, out var round))
        {
            _pending[key] = round = new();
            _heldBytes += round.HeldBytes;
        }
        var encodedBytes = JournalFormat.EncodedBytes(payload.Length);
        if (round.LengthBytes > JournalFormat.HeadBytes && round.LengthBytes + encodedBytes > MaxRoundEntryBytes)
            Append(key, round);
        _heldBytes -= round.HeldBytes;
        round.Add(entry, payload);
        _heldBytes += round.HeldBytes;
        if (_heldBytes > MaxHeldBytes)
            Flush();
    }

    /// <summary>Makes every added entry durable.</summary>
    /// <exception cref="IOException">
    /// The disk failed, or the limit is reached. The caller must not continue without the entries.
    /// </exception>
    public void Flush()
    {
        foreach (var (key, round) in _pending)
            Append(key, round);
        _pending.Clear();
        _heldBytes = 0;
    }

    /// <summary>Streams a partition's flushed entries in the order in which they were added.</summary>
    /// <exception cref="CorruptionException">A round before the last one is damaged.</exception>
    public void ReadAll(ulong topicId, int partition, JournalEntryHandler handler)
    {
        var path = PathOf(topicId, partition);
        try
        {
            using var file = _fileSystem.Open(path);
            if (ReadRounds(file, path) is not { HasRounds: true } rounds)
                return;
            var range = new JournalRange(0, rounds.Epoch!.Value, 0, 1, rounds.EndPosition);
            JournalReader.Read(file, path, range, 1, ulong.MaxValue, handler);
        }
        catch (FileNotFoundException)
        {
            // No entries were kept.
        }
    }

    /// <summary>Removes a partition's entries, including those not flushed. The removal is durable on return.</summary>
    public void Remove(ulong topicId, int partition)
    {
        if (_pending.Remove((topicId, partition), out var round))
            _heldBytes -= round.HeldBytes;
        _tails.Remove((topicId, partition));
        foreach (var kept in List().Where(entry => (entry.TopicId, entry.Partition) == (topicId, partition)))
        {
            _fileSystem.DeleteFile(PathOf(topicId, partition));
            _fileSystem.SyncDirectory(_directory);
            _totalBytes -= kept.SizeBytes;
        }
    }

    /// <summary>Returns the name of the file with a partition's kept entries.</summary>
    internal static string NameOf(ulong topicId, int partition) =>
        string.Create(CultureInfo.InvariantCulture, $"{topicId:x16}-{partition}{Suffix}");

    static bool TryParseName(string name, out ulong topicId, out int partition)
    {
        partition = 0;
        topicId = 0;
        if (name.Length <= TopicIdDigits + 1 + Suffix.Length)
            return false;
        var (hex, digits) = (name[..TopicIdDigits], name[(TopicIdDigits + 1)..^Suffix.Length]);
        return ulong.TryParse(hex, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out topicId)
            && int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out partition)
            && NameOf(topicId, partition) == name;
    }

    static JournalFileRounds ReadRounds(IFile file, string path)
    {
        var rounds = JournalFileRounds.Read(file, path, 0, canGrow: true);
        if (rounds.Fault is not null)
            throw new CorruptionException(path, rounds.EndPosition, rounds.Fault);
        if (rounds.HasRounds && rounds.FirstNumber != 1)
            throw new CorruptionException(path, 0, $"it begins with round {rounds.FirstNumber} instead of 1");
        return rounds;
    }

    string PathOf(ulong topicId, int partition) => Path.Combine(_directory, NameOf(topicId, partition));

    void Append((ulong TopicId, int Partition) key, PendingRound round)
    {
        if (round.LengthBytes == JournalFormat.HeadBytes)
            return;
        var path = PathOf(key.TopicId, key.Partition);
        using var file = OpenOrCreate(path);
        // Removed until the round is durable: after a failure the file is read again.
        if (!_tails.Remove(key, out var tail))
        {
            var rounds = ReadRounds(file, path);
            tail = Tail.Of(rounds, _newId);
            if (rounds.HasRounds)
                RewriteLastRound(file, rounds);
            // Needed for an existing file too: the process that created it may have ended before it synced the name.
            _fileSystem.SyncDirectory(_journalDirectory);
            _fileSystem.SyncDirectory(_directory);
        }
        var lengthBytes = file.LengthBytes;
        var endPosition = tail.EndPosition + JournalFormat.Align(round.LengthBytes);
        if (endPosition > _maxFileBytes || _totalBytes - lengthBytes + endPosition > _maxTotalBytes)
        {
            throw new IOException(
                $"{path}: entries of topic {key.TopicId:x16}, partition {key.Partition}, have no place. Keeping them "
                    + $"takes {endPosition} bytes. At most {_maxFileBytes} bytes are kept for a partition and "
                    + $"{_maxTotalBytes} for all. Mount the topic's directory, or move {_directory} away if "
                    + "those records "
                    + "may be lost."
            );
        }
        // Bytes of an interrupted append are cut first, because the new round may be shorter.
        if (lengthBytes > tail.EndPosition)
            file.Truncate(tail.EndPosition);
        file.Write(round.Complete(tail, out var headChecksum), tail.EndPosition);
        file.Sync();
        _totalBytes += endPosition - lengthBytes;
        _tails[key] = new(tail.Epoch, tail.Number + 1, headChecksum, endPosition);
        round.Clear();
    }

    /// <summary>
    /// Writes the last round again. An earlier process may have failed to sync it, so it may be only in the page cache.
    /// </summary>
    static void RewriteLastRound(IFile file, JournalFileRounds rounds)
    {
        // Zeros fill the block after the round. They may be missing.
        var bytes = new byte[JournalFormat.Align(rounds.LastHead.LengthBytes)];
        var position = rounds.EndPosition - bytes.Length;
        file.ReadExactly(bytes.AsSpan(0, rounds.LastHead.LengthBytes), position);
        file.Write(bytes, position);
    }

    IFile OpenOrCreate(string path)
    {
        try
        {
            return _fileSystem.Open(path);
        }
        catch (FileNotFoundException)
        {
            _fileSystem.CreateDirectory(_directory);
            return _fileSystem.Create(path);
        }
    }

    /// <summary>A growing round. Its bytes are those of the file, padding included.</summary>
    sealed class PendingRound
    {
        byte[] _bytes = new byte[JournalFormat.BlockBytes];
        uint _entryCount;

        public int LengthBytes { get; private set; } = JournalFormat.HeadBytes;

        public long HeldBytes => _bytes.Length;

        public void Add(in JournalEntry entry, ReadOnlySpan<byte> payload)
        {
            var sizeBytes = (int)JournalFormat.Align(LengthBytes + JournalFormat.EncodedBytes(payload.Length));
            if (sizeBytes > _bytes.Length)
                Array.Resize(ref _bytes, Math.Max(sizeBytes, 2 * _bytes.Length));
            LengthBytes += entry.Write(_bytes.AsSpan(LengthBytes), payload);
            _entryCount++;
        }

        /// <summary>Returns the round that follows a file's last one.</summary>
        public ReadOnlySpan<byte> Complete(in Tail tail, out uint headChecksum)
        {
            var body = _bytes.AsSpan(JournalFormat.HeadBytes..LengthBytes);
            var head = new RoundHead(
                _entryCount,
                tail.Epoch,
                tail.Number + 1,
                OldestNeeded: 1,
                LengthBytes,
                tail.HeadChecksum,
                Crc32C.Of(body)
            );
            headChecksum = head.Write(_bytes);
            var sizeBytes = (int)JournalFormat.Align(LengthBytes);
            _bytes.AsSpan(LengthBytes, sizeBytes - LengthBytes).Clear();
            return _bytes.AsSpan(0, sizeBytes);
        }

        public void Clear() => (LengthBytes, _entryCount) = (JournalFormat.HeadBytes, 0);
    }

    /// <summary>The position of the next round of a file, and the values that its head needs.</summary>
    readonly record struct Tail(ulong Epoch, ulong Number, uint HeadChecksum, long EndPosition)
    {
        // A file without a whole round gets a new epoch.
        public static Tail Of(JournalFileRounds rounds, Func<long> newId) =>
            new(
                rounds.HasRounds ? rounds.Epoch!.Value : (ulong)newId(),
                rounds.LastNumber,
                rounds.LastHeadChecksum,
                rounds.EndPosition
            );
    }
}
