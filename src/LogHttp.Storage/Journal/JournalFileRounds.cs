using LogHttp.Storage.Files;

namespace LogHttp.Storage.Journal;

/// <summary>
/// The valid rounds of one journal file. They begin at position 0 and have one epoch, consecutive numbers and valid
/// checksums. Each holds the head checksum of the round before (api/FORMAT.md §9, R6).
/// </summary>
internal sealed class JournalFileRounds
{
    readonly bool _canGrow;

    JournalFileRounds(long fileNumber, string path, long sizeBytes, bool canGrow)
    {
        _canGrow = canGrow;
        FileNumber = fileNumber;
        Path = path;
        SizeBytes = sizeBytes;
    }

    public long FileNumber { get; }

    public string Path { get; }

    public long SizeBytes { get; }

    /// <summary>Whether there is a valid round at position 0. Otherwise the numbers below are 0.</summary>
    public bool HasRounds => LastNumber > 0;

    /// <summary>The epoch of this use of the file. Null if no head shows it.</summary>
    public ulong? Epoch { get; private set; }

    public ulong FirstNumber { get; private set; }

    /// <summary>The previous head checksum in the head of the first round.</summary>
    public uint FirstPreviousHeadChecksum { get; private set; }

    public ulong LastNumber { get; private set; }

    public RoundHead LastHead { get; private set; }

    public uint LastHeadChecksum { get; private set; }

    /// <summary>The block boundary after the last round.</summary>
    public long EndPosition { get; private set; }

    /// <summary>
    /// The number of the torn round at <see cref="EndPosition"/>, 0 if it is unknown. Null if nothing there looks like
    /// a round.
    /// </summary>
    public ulong? TornNumber { get; private set; }

    /// <summary>
    /// The highest round after <see cref="EndPosition"/> that proves damage, or 0. It proves damage because a round is
    /// only written when the one before it is durable. Rounds of an older use count only if no head shows the file's
    /// epoch.
    /// </summary>
    public ulong StrayNumber { get; private set; }

    /// <summary>The head checksum of the stray round.</summary>
    public uint StrayHeadChecksum { get; private set; }

    /// <summary>
    /// Why the bytes at <see cref="EndPosition"/> are damaged rather than torn. Null if they are not.
    /// </summary>
    public string? Fault { get; private set; }

    /// <summary>Reads a file and checks every round of it.</summary>
    /// <param name="file">The open file.</param>
    /// <param name="path">The file's path, for messages.</param>
    /// <param name="fileNumber">The file's number.</param>
    /// <param name="canGrow">Whether the file grows with each round. Then its end may cut the last one.</param>
    /// <exception cref="NotSupportedException">A newer version wrote the file.</exception>
    public static JournalFileRounds Read(IFile file, string path, long fileNumber, bool canGrow = false)
    {
        using var window = new RoundWindow(file, path);
        var rounds = new JournalFileRounds(fileNumber, path, window.SizeBytes, canGrow);
        while (rounds.Advance(window)) { }
        rounds.ScanAfterEnd(window);
        return rounds;
    }

    /// <summary>Returns whether the last rounds of two files have the same entries.</summary>
    public bool HasSameLastBody(JournalFileRounds other) =>
        LastHead.BodyChecksum == other.LastHead.BodyChecksum && LastHead.LengthBytes == other.LastHead.LengthBytes;

    /// <summary>Finds a round of this file by its number.</summary>
    /// <param name="fileSystem">The disk.</param>
    /// <param name="number">From <see cref="FirstNumber"/> to one beyond <see cref="LastNumber"/>.</param>
    /// <returns>The round's position, and the head checksum of the round before it.</returns>
    public (long Position, uint PreviousHeadChecksum) Find(IFileSystem fileSystem, ulong number)
    {
        if (number == LastNumber + 1)
            return (EndPosition, LastHeadChecksum);
        if (number == FirstNumber)
            return (0, FirstPreviousHeadChecksum);
        using var file = fileSystem.Open(Path);
        using var window = new RoundWindow(file, Path);
        for (var position = 0L; position < EndPosition; )
        {
            if (window.ReadHead(position, Epoch, out var head, out _) is not RoundState.Valid)
                break;
            if (head.Number == number)
                return (position, head.PreviousHeadChecksum);
            position += JournalFormat.Align(head.LengthBytes);
        }
        throw new CorruptionException(Path, 0, $"round {number} was read before and is missing now");
    }

    bool Advance(RoundWindow window)
    {
        var state = window.ReadRound(EndPosition, Epoch, out var head, out var headChecksum, out _);
        switch (state)
        {
            case RoundState.Valid when !HasRounds:
                Epoch = head.Epoch;
                FirstNumber = head.Number;
                FirstPreviousHeadChecksum = head.PreviousHeadChecksum;
                Accept(head, headChecksum);
                return true;
            case RoundState.Valid when head.Number == LastNumber + 1 && head.PreviousHeadChecksum == LastHeadChecksum:
                Accept(head, headChecksum);
                return true;
            case RoundState.Valid:
                SetFault($"round {head.Number} does not continue round {LastNumber}", head, headChecksum);
                return false;
            case RoundState.Cut when !_canGrow:
                SetFault(
                    $"the file has {SizeBytes} bytes and was longer: round {head.Number} takes {head.LengthBytes} here",
                    head,
                    headChecksum
                );
                return false;
            case RoundState.Malformed:
                SetFault(
                    $"a round with valid checksums is not one of version {JournalFormat.Version} of the format",
                    head,
                    headChecksum
                );
                return false;
            case RoundState.TornBody or RoundState.Cut:
                Epoch = head.Epoch;
                TornNumber = head.Number;
                return false;
            case RoundState.TornHead:
                TornNumber = HasRounds ? LastNumber + 1 : 0;
                return false;
            default:
                return false;
        }
    }

    /// <summary>
    /// Records a fault. A round with valid checksums is not torn, so the next one may have followed its sync.
    /// </summary>
    void SetFault(string fault, in RoundHead head, uint headChecksum)
    {
        Fault = fault;
        Epoch = head.Epoch;
        AddStray(Math.Max(head.Number, LastNumber + 1), headChecksum);
    }

    void Accept(in RoundHead head, uint headChecksum)
    {
        LastNumber = head.Number;
        LastHead = head;
        LastHeadChecksum = headChecksum;
        EndPosition += JournalFormat.Align(head.LengthBytes);
    }

    void AddStray(ulong number, uint headChecksum)
    {
        if (number <= StrayNumber)
            return;
        StrayNumber = number;
        StrayHeadChecksum = headChecksum;
    }

    void ScanAfterEnd(RoundWindow window)
    {
        const int BlockBytes = JournalFormat.BlockBytes;
        for (var position = EndPosition + BlockBytes; position < SizeBytes; position += BlockBytes)
        {
            if (!window.Read(position, JournalFormat.HeadBytes).StartsWith(JournalFormat.Magic))
                continue;
            // An epoch is random, so only this use of the file has written heads with it. Any other head counts only
            // with a valid body.
            var state = Epoch is null
                ? window.ReadRound(position, null, out var head, out var headChecksum, out _)
                : window.ReadHead(position, Epoch, out head, out headChecksum);
            var isWritten = state is RoundState.Valid || (state is RoundState.Cut && Epoch is not null);
            if (isWritten && head.Number > LastNumber)
                AddStray(head.Number, headChecksum);
        }
        if (StrayNumber > 0)
        {
            Fault ??= HasRounds
                ? $"the round after round {LastNumber} is missing or damaged, and round {StrayNumber} follows"
                : $"the file's first round is missing or damaged, and round {StrayNumber} follows";
        }
    }
}
