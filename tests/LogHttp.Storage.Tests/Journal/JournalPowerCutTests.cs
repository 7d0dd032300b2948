using LogHttp.Storage.Journal;
using LogHttp.Testing;

namespace LogHttp.Storage.Tests.Journal;

/// <summary>
/// A writer that rotates small files, restarts and meets faults, with the power cut at every one of its calls. The
/// start finds all data that was durable before, and takes nothing for damage.
/// </summary>
public class JournalPowerCutTests
{
    [Fact]
    public void PowerCut_AtAnyCall_KeepsEveryCompletedRound()
    {
        for (var seed = 0; seed < 2; seed++)
        {
            var isDone = false;
            for (var cutAt = 1; !isDone; cutAt++)
                isDone = Run(seed, cutAt, errorProbability: 0);
        }
    }

    [Fact]
    public void WritesAndSyncs_Fail_KeepEveryCompletedRound()
    {
        var failures = 0;
        for (var seed = 0; seed < 200; seed++)
        {
            var random = new Random(seed);
            Run(seed, random.Next(1, 200), errorProbability: 0.05);
            failures += SimulatedWriter.Failures;
        }
        Assert.True(failures > 20, $"{failures} writes or syncs failed.");
    }

    [Fact]
    public void Kills_WithFailedSyncs_KeepEveryCompletedRound()
    {
        for (var seed = 0; seed < 100; seed++)
            Run(seed, cutAt: 0, errorProbability: 0.1);
    }

    /// <summary>Returns whether the script ended before the cut.</summary>
    static bool Run(int seed, long cutAt, double errorProbability)
    {
        var random = new Random(seed);
        var fileSystem = TestJournal.CreateDisk(seed);
        var plan = new SeededFaultPlan(random) { PowerCutAtCall = cutAt == 0 ? 0 : fileSystem.CallCount + cutAt };
        if (errorProbability > 0)
            plan.With(Fault.InputOutputError, errorProbability, FileSystemCallKind.Write, FileSystemCallKind.Sync)
                .With(Fault.ShortWrite, errorProbability, FileSystemCallKind.Write);
        fileSystem.Faults = plan.Decide;
        SimulatedWriter.Failures = 0;
        var known = new Known();
        var wasCut = false;
        for (var start = 0; start < 3; start++)
        {
            try
            {
                var name = $"seed {seed}, cut {cutAt}, start {start}";
                new SimulatedWriter(fileSystem, random, known, name).Run(rounds: 6);
            }
            catch (PowerCutException)
            {
                wasCut = true;
            }
            catch (IOException)
            {
                // The spare failed too: the process ends.
            }
            fileSystem = fileSystem.IsOver || random.Next(2) == 0 ? fileSystem.PowerCut() : fileSystem.Kill();
        }
        fileSystem.Faults = null;
        new SimulatedWriter(fileSystem, random, known, $"seed {seed}, cut {cutAt}, end").Run(rounds: 1);
        return !wasCut;
    }

    /// <summary>The content that must be found, kept from one start to the next.</summary>
    sealed class Known
    {
        /// <summary>The acknowledged content, by round.</summary>
        public Dictionary<ulong, byte[]> Answered { get; } = [];

        /// <summary>The content that was written last and neither acknowledged nor refused.</summary>
        public Dictionary<ulong, byte[]> Unanswered { get; } = [];

        /// <summary>The oldest needed round that each round names.</summary>
        public Dictionary<ulong, ulong> OldestNeeded { get; } = [];
    }

    sealed class SimulatedWriter(PowerCutFileSystem fileSystem, Random random, Known known, string name)
    {
        const int FileBytes = 5 * JournalFormat.BlockBytes;

        readonly List<JournalFile> _inUse = [];
        readonly List<ulong> _firstNumbers = [];
        readonly List<JournalFile> _free = [];
        long _nextFileNumber;
        ulong _number;
        ulong _oldestNeeded;
        uint _headChecksum;
        ulong _epoch;
        long _position;

        [ThreadStatic]
        static int FailureCount;

        public static int Failures
        {
            get => FailureCount;
            set => FailureCount = value;
        }

        public void Run(int rounds)
        {
            Start();
            for (; rounds > 0; rounds--)
                Commit();
            foreach (var file in _inUse.Concat(_free))
                file.Dispose();
        }

        void Start()
        {
            var scan = JournalScan.Read(fileSystem, TestJournal.Directory);
            Check(scan);
            foreach (var temporaryName in scan.TemporaryNames)
                fileSystem.DeleteFile($"{TestJournal.Directory}/{temporaryName}");
            foreach (var free in scan.FreeFiles)
                _free.Add(JournalFile.Open(fileSystem, TestJournal.Directory, free.Number));
            foreach (var fileNumber in scan.Rounds.Select(static range => range.FileNumber))
                _inUse.Add(JournalFile.Open(fileSystem, TestJournal.Directory, fileNumber));
            _firstNumbers.AddRange(scan.Rounds.Select(static range => range.FirstNumber));
            _nextFileNumber = scan.NextFileNumber;
            (_number, _headChecksum) = (scan.LastNumber, scan.LastHeadChecksum);
            // All found rounds are applied here. The first round records that, so nothing older is needed then.
            _oldestNeeded = _number + 1;
            Rotate();
            // A killed process may have left rounds that no sync made durable. They are durable from now on.
            var found = known.Unanswered.ToArray();
            Commit();
            foreach (var (round, payload) in found)
                known.Answered[round] = payload;
        }

        void Check(JournalScan scan)
        {
            Assert.True(scan.Damage is null, $"{name}: {scan.Damage}");
            var found = TestJournal.ReadAll(fileSystem, scan);
            foreach (var (round, payload) in found)
            {
                if (!known.Answered.TryGetValue(round, out var expected))
                    known.Unanswered.TryGetValue(round, out expected);
                Assert.True(expected.AsSpan().SequenceEqual(payload), $"{name}: round {round} has other content.");
            }
            var lastAnswered = known.Answered.Keys.DefaultIfEmpty().Max();
            Assert.True(scan.LastNumber >= lastAnswered, $"{name}: round {lastAnswered} was answered and is gone.");
            Assert.Equal(known.OldestNeeded.GetValueOrDefault(scan.LastNumber), scan.OldestNeeded);
            var expectedRounds = new List<ulong>();
            for (var round = scan.OldestNeeded; round > 0 && round <= scan.LastNumber; round++)
                expectedRounds.Add(round);
            Assert.Equal(expectedRounds, found.Select(static entry => entry.Round));
            known.Unanswered.Clear();
            foreach (var (round, payload) in found)
                known.Unanswered[round] = payload;
        }

        void Rotate()
        {
            while (_free.Count < 2)
            {
                var (number, directory) = (_nextFileNumber++, TestJournal.Directory);
                _free.Add(JournalFile.Make(fileSystem, directory, number, FileBytes, random.NextInt64));
            }
            _inUse.Add(_free[0]);
            _free.RemoveAt(0);
            _firstNumbers.Add(_number + 1);
            _epoch = (ulong)random.NextInt64();
            _position = 0;
        }

        void Commit()
        {
            var payload = new byte[random.Next(1, 7000)];
            random.NextBytes(payload);
            known.Unanswered[_number + 1] = payload;
            var lengthBytes = JournalFormat.HeadBytes + JournalFormat.EncodedBytes(payload.Length);
            if (_position + lengthBytes > _inUse[^1].SizeBytes)
            {
                // Everything before the file that was just filled is checkpointed.
                if (_inUse.Count > 2)
                    _oldestNeeded = Math.Max(_oldestNeeded, _firstNumbers[^1]);
                Rotate();
            }
            try
            {
                Write(payload);
            }
            catch (IOException)
            {
                FailureCount++;
                Rotate();
                Write(payload);
            }
            _number++;
            known.Answered[_number] = payload;
            known.Unanswered.Remove(_number);
            // A file becomes free once a durable round says so, not before.
            while (_firstNumbers.Count > 1 && _firstNumbers[1] <= _oldestNeeded)
            {
                _free.Add(_inUse[0]);
                _inUse.RemoveAt(0);
                _firstNumbers.RemoveAt(0);
            }
        }

        void Write(byte[] payload)
        {
            var round = TestJournal.Round(
                _epoch,
                _number + 1,
                _headChecksum,
                _oldestNeeded,
                (TestJournal.Records, payload)
            );
            known.OldestNeeded[_number + 1] = _oldestNeeded;
            _inUse[^1].Write(round, _position);
            _inUse[^1].Sync();
            RoundHead.TryRead(round, out _, out _headChecksum);
            _position += JournalFormat.Align(round.Length);
        }
    }
}
