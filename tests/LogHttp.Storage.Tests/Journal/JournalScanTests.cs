using LogHttp.Storage.Bytes;
using LogHttp.Storage.Files;
using LogHttp.Storage.Journal;
using LogHttp.Testing;

namespace LogHttp.Storage.Tests.Journal;

/// <summary>api/FORMAT.md §9, R6 to R14.</summary>
public class JournalScanTests
{
    readonly PowerCutFileSystem _fileSystem = TestJournal.CreateDisk();

    JournalScan Scan() => JournalScan.Read(_fileSystem, TestJournal.Directory);

    TestJournalFile Make(long number, ulong epoch, int blocks = 16) => new(_fileSystem, number, epoch, blocks);

    /// <summary>Uses a file again, under a new epoch.</summary>
    TestJournalFile Reuse(TestJournalFile file, ulong epoch)
    {
        file.Dispose();
        return new(JournalFile.Open(_fileSystem, TestJournal.Directory, file.File.Number), epoch);
    }

    void AssertRounds(JournalScan scan, ulong first, ulong last)
    {
        Assert.Null(scan.Damage);
        Assert.Equal(last, scan.LastNumber);
        var expected = new List<ulong>();
        for (var number = first; number <= last; number++)
            expected.Add(number);
        Assert.Equal(expected, TestJournal.Numbers(_fileSystem, scan));
        Assert.All(
            TestJournal.ReadAll(_fileSystem, scan),
            static entry => Assert.Equal(TestJournal.Payload(entry.Round, entry.Payload.Length), entry.Payload)
        );
    }

    [Fact]
    public void Read_MissingDirectory_IsEmpty()
    {
        var scan = JournalScan.Read(_fileSystem, "/none");
        Assert.True(scan.IsEmpty);
        Assert.Equal((null, 0ul, 0u, 1), (scan.Damage, scan.LastNumber, scan.LastHeadChecksum, scan.NextFileNumber));
    }

    [Fact]
    public void Read_UnusedFiles_AreAllFree()
    {
        Make(3, 1).Dispose();
        Make(8, 2).Dispose();
        var scan = Scan();
        Assert.True(scan.IsEmpty);
        Assert.Equal([3, 8], scan.FreeFiles.Select(static file => file.Number));
        Assert.Equal(9, scan.NextFileNumber);
    }

    [Fact]
    public void R6_ConsecutiveRounds_AreReadInOrder()
    {
        using var file = Make(1, 11);
        file.Add(1, 4, 0, payloadBytes: 5000);
        var scan = Scan();
        AssertRounds(scan, 1, 4);
        Assert.Equal((file.HeadChecksums[4], 1ul, null), (scan.LastHeadChecksum, scan.OldestNeeded, scan.TornRound));
        Assert.True(scan.ContainsEpoch(11));
        Assert.False(scan.ContainsEpoch(12));
        Assert.Equal([new JournalRange(1, 11, 0, 1, file.Position)], scan.Rounds);
        Assert.Equal([2ul, 3ul], TestJournal.Numbers(_fileSystem, scan, 2, 3));
    }

    [Fact]
    public void R7_Files_AreOrderedByRoundNotName()
    {
        using var third = Make(1, 13);
        using var first = Make(2, 11);
        using var second = Make(3, 12);
        first.Add(1, 3, 0);
        second.Add(4, 5, first.HeadChecksums[3]);
        third.Add(6, 8, second.HeadChecksums[5]);
        AssertRounds(Scan(), 1, 8);
    }

    [Fact]
    public void R8_RoundRewritten_EndsPredecessorBeforeIt()
    {
        using var first = Make(1, 11);
        using var second = Make(2, 12);
        first.Add(1, 5, 0);
        second.Add(5, 7, first.HeadChecksums[4]);
        var scan = Scan();
        AssertRounds(scan, 1, 7);
        Assert.Equal([new(1, 11, 0, 1, first.Positions[5]), new(2, 12, 0, 5, second.Position)], scan.Rounds);
    }

    [Fact]
    public void R8_LastRoundRewritten_CountsOnce()
    {
        using var first = Make(1, 11);
        using var second = Make(2, 12);
        first.Add(1, 5, 0);
        second.Add(5, 5, first.HeadChecksums[4]);
        var scan = Scan();
        AssertRounds(scan, 1, 5);
        Assert.Equal(second.HeadChecksums[5], scan.LastHeadChecksum);
    }

    [Fact]
    public void R8_RoundRewrittenAfterTornOne_Counts()
    {
        using var first = Make(1, 11);
        using var second = Make(2, 12);
        first.Add(1, 5, 0);
        first.Overwrite(5, 100, "torn"u8);
        second.Add(5, 6, first.HeadChecksums[4]);
        var scan = Scan();
        AssertRounds(scan, 1, 6);
        Assert.Null(scan.TornRound);
    }

    [Fact]
    public void R8_RoundRewritten_IsOldestNeeded()
    {
        using var first = Make(1, 11);
        using var second = Make(2, 12);
        first.Add(1, 5, 0);
        second.Add(5, 7, first.HeadChecksums[4], oldestNeeded: 5);
        var scan = Scan();
        AssertRounds(scan, 5, 7);
        Assert.Equal([1], scan.FreeFiles.Select(static file => file.Number));
    }

    [Fact]
    public void R8_SeveralRoundsRewritten_AreDamage()
    {
        using var first = Make(1, 11);
        using var second = Make(2, 12);
        first.Add(1, 6, 0);
        second.Add(5, 9, first.HeadChecksums[4]);
        Assert.Contains("rounds 5 to 6", Scan().Damage, StringComparison.Ordinal);
    }

    [Fact]
    public void R8_RoundAfterRewrittenOne_IsDamageEvenIfTorn()
    {
        using var first = Make(1, 11);
        using var second = Make(2, 12);
        first.Add(1, 6, 0);
        first.Overwrite(5, 100, [0xEE]);
        second.Add(5, 9, first.HeadChecksums[4]);
        Assert.Contains("round 6 follows", Scan().Damage, StringComparison.Ordinal);
    }

    [Fact]
    public void R9_TwoFilesWithSameFirstRound_LongerWins()
    {
        using var first = Make(1, 11);
        using var second = Make(2, 12);
        using var third = Make(3, 13);
        first.Add(1, 4, 0);
        third.Add(5, 5, first.HeadChecksums[4]);
        second.Add(5, 7, first.HeadChecksums[4]);
        var scan = Scan();
        AssertRounds(scan, 1, 7);
        Assert.Equal([3], scan.FreeFiles.Select(static file => file.Number));
    }

    [Fact]
    public void R9_TwoFilesWithSameOnlyRound_EitherCounts()
    {
        using var first = Make(1, 11);
        using var second = Make(2, 12);
        first.Add(1, 1, 0);
        second.Add(1, 1, 0);
        AssertRounds(Scan(), 1, 1);
    }

    [Fact]
    public void R9_TwoFilesWithDifferentRoundOfOneNumber_AreDamage()
    {
        using var first = Make(1, 11);
        using var second = Make(2, 12);
        first.Add(1, 1, 0);
        second.Add(1, 1, 0, payloadBytes: 99);
        Assert.Contains("different rounds 1", Scan().Damage, StringComparison.Ordinal);
    }

    [Fact]
    public void R9_FirstRoundRewritten_IsFollowedByItsHeadChecksum()
    {
        using var first = Make(1, 11);
        using var failed = Make(2, 12);
        using var second = Make(3, 13, blocks: 1);
        using var third = Make(4, 14);
        first.Add(1, 4, 0);
        failed.Add(5, 5, first.HeadChecksums[4]);
        second.Add(5, 5, first.HeadChecksums[4]);
        third.Add(6, 8, second.HeadChecksums[5]);
        var scan = Scan();
        AssertRounds(scan, 1, 8);
        Assert.Equal([2], scan.FreeFiles.Select(static file => file.Number));
    }

    [Fact]
    public void R7_WrongHeadChecksumAcrossFiles_IsDamage()
    {
        using var first = Make(1, 11);
        using var second = Make(2, 12);
        first.Add(1, 4, 0);
        second.Add(5, 7, first.HeadChecksums[4] + 1);
        var scan = Scan();
        Assert.Contains("round 5 does not continue round 4", scan.Damage, StringComparison.Ordinal);
        Assert.Equal([1ul, 2ul, 3ul, 4ul, 5ul, 6ul, 7ul], TestJournal.Numbers(_fileSystem, scan));
        Assert.Empty(scan.FreeFiles);
    }

    [Fact]
    public void R7_WrongHeadChecksumBelowNeeded_IsIgnored()
    {
        using var first = Make(1, 11);
        using var second = Make(2, 12);
        first.Add(1, 4, 0);
        second.Add(5, 7, 99, oldestNeeded: 5);
        var scan = Scan();
        AssertRounds(scan, 5, 7);
        Assert.Equal([1], scan.FreeFiles.Select(static file => file.Number));
    }

    [Fact]
    public void R10_OldestNeededWithinFile_FreesFilesBelow()
    {
        using var first = Make(1, 11);
        using var second = Make(2, 12);
        using var third = Make(3, 13);
        first.Add(1, 4, 0);
        second.Add(5, 8, first.HeadChecksums[4]);
        third.Add(9, 10, second.HeadChecksums[8], oldestNeeded: 7);
        var scan = Scan();
        AssertRounds(scan, 7, 10);
        Assert.Equal([1], scan.FreeFiles.Select(static file => file.Number));
        Assert.Equal(7ul, scan.OldestNeeded);
    }

    [Fact]
    public void R10_MissingBeginning_IsDamage()
    {
        using var second = Make(2, 12);
        second.Add(5, 8, 1, oldestNeeded: 4);
        var scan = Scan();
        Assert.Contains("Round 4 is missing", scan.Damage, StringComparison.Ordinal);
        Assert.Equal(8ul, scan.LastNumber);
    }

    [Fact]
    public void R10_MissingFileInMiddle_IsDamage()
    {
        using var first = Make(1, 11);
        using var second = Make(2, 12);
        using var third = Make(3, 13);
        first.Add(1, 4, 0);
        second.Add(5, 8, first.HeadChecksums[4]);
        third.Add(9, 10, second.HeadChecksums[8], oldestNeeded: 2);
        second.File.Remove(_fileSystem);
        Assert.Contains("Round 8 is missing", Scan().Damage, StringComparison.Ordinal);
    }

    [Fact]
    public void R10_MissingFileBelowNeeded_IsIgnored()
    {
        using var first = Make(1, 11);
        using var second = Make(2, 12);
        using var third = Make(3, 13);
        first.Add(1, 4, 0);
        second.Add(5, 8, first.HeadChecksums[4]);
        third.Add(9, 10, second.HeadChecksums[8], oldestNeeded: 9);
        second.File.Remove(_fileSystem);
        AssertRounds(Scan(), 9, 10);
    }

    [Fact]
    public void R11_ZerosAfterSealedRound_DoNotEndJournal()
    {
        // A start of electric that prepared files again put zeros there, and took them for the journal's end (#4675).
        using var first = Make(1, 11);
        using var second = Make(2, 12);
        first.Add(1, 4, 0);
        first.File.Write(new byte[first.File.SizeBytes - first.Position], first.Position);
        second.Add(5, 7, first.HeadChecksums[4]);
        AssertRounds(Scan(), 1, 7);
    }

    [Fact]
    public void R11_OldUseOfFileAfterLastRound_IsIgnored()
    {
        using var old = Make(1, 11);
        old.Add(1, 8, 0);
        using var second = Make(2, 12);
        second.Add(9, 9, old.HeadChecksums[8], oldestNeeded: 9);
        using var again = Reuse(old, 13);
        again.Add(10, 11, second.HeadChecksums[9], oldestNeeded: 9);
        var scan = Scan();
        AssertRounds(scan, 9, 11);
        Assert.Null(scan.TornRound);
        Assert.False(scan.ContainsEpoch(11));
    }

    [Theory]
    [InlineData(0, "torn head")]
    [InlineData(64, "torn body")]
    public void R12_TornFirstRoundOfReusedFile_IsTorn(int at, string what)
    {
        using var old = Make(1, 11);
        old.Add(1, 8, 0);
        using var second = Make(2, 12);
        second.Add(9, 9, old.HeadChecksums[8], oldestNeeded: 9);
        using var again = Reuse(old, 13);
        again.Add(10, 10, second.HeadChecksums[9], oldestNeeded: 9);
        again.Overwrite(10, at + 10, "torn"u8);
        var scan = Scan();
        AssertRounds(scan, 9, 9);
        Assert.True(scan.TornRound == new TornRound(1, 0), what);
        Assert.Equal([1], scan.FreeFiles.Select(static file => file.Number));
    }

    /// <summary>The older use holds a round that was written again, and that is needed at its first position.</summary>
    [Theory]
    [InlineData(0, "the head is torn")]
    [InlineData(100, "the older head stands, over another body")]
    [InlineData(4096 + 100, "the older first round stands, and the second does not")]
    public void R12_TornUseOfFreeFileWithNeededNumber_IsNotDamage(int at, string what)
    {
        using var first = Make(1, 11);
        using var second = Make(2, 12);
        first.Add(1, 5, 0);
        second.Add(5, 7, first.HeadChecksums[4], oldestNeeded: 5);
        first.File.File.Write("LHROUND0torn"u8, at);
        var scan = Scan();
        Assert.True(scan.Damage is null, $"{what}: {scan.Damage}");
        AssertRounds(scan, 5, 7);
        Assert.Equal([1], scan.FreeFiles.Select(static file => file.Number));
    }

    /// <summary>Every set of sectors of the last round that may be missing on the disk.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void R12_LastRoundTornAtSectors_KeepsRoundsBefore(bool isOverOlderUse)
    {
        const int SectorBytes = 512;
        var file = Make(1, 11);
        if (isOverOlderUse)
        {
            file.Add(1, 8, 0, payloadBytes: 900);
            file = Reuse(file, 12);
        }
        using var _ = file;
        file.Add(9, 10, 77, oldestNeeded: 9);
        var before = new byte[8192];
        file.File.File.ReadExactly(before, file.Position);
        file.Add(11, 11, file.HeadChecksums[10], oldestNeeded: 9, payloadBytes: 4000);
        var after = new byte[8192];
        file.File.File.ReadExactly(after, file.Positions[11]);
        // 4,104 bytes: nine sectors.
        for (var kept = 0; kept < 1 << 9; kept++)
        {
            var torn = before.ToArray();
            for (var sector = 0; sector < 9; sector++)
                if ((kept & (1 << sector)) != 0)
                    after.AsSpan(sector * SectorBytes, SectorBytes).CopyTo(torn.AsSpan(sector * SectorBytes));
            file.File.Write(torn, file.Positions[11]);
            var scan = Scan();
            Assert.True(scan.Damage is null, $"{kept:x}: {scan.Damage}");
            Assert.Equal(kept == (1 << 9) - 1 ? 11ul : 10ul, scan.LastNumber);
            if ((kept & 1) != 0 && scan.LastNumber == 10)
                Assert.Equal(new TornRound(1, file.Positions[11]), scan.TornRound);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void R13_DamagedRoundBeforeAnother_IsDamage(ulong number)
    {
        foreach (var at in new[] { 0, 20, 62, 64, 150 })
        {
            using var file = Make(1, 11);
            file.Add(1, 4, 0);
            file.Overwrite(number, at, [0xEE]);
            var scan = Scan();
            Assert.Contains($"position {file.Positions[number]}", scan.Damage, StringComparison.Ordinal);
            Assert.Equal(4ul, scan.LastNumber);
            Assert.Empty(scan.FreeFiles);
            Assert.Null(scan.TornRound);
            file.File.Remove(_fileSystem);
        }
    }

    [Fact]
    public void R13_DamageBeforeTornRound_IsDamage()
    {
        // The head of round 4 was written after round 3 was durable.
        using var file = Make(1, 11);
        file.Add(1, 4, 0);
        file.Overwrite(3, 100, [0xEE]);
        file.Overwrite(4, 100, [0xEE]);
        Assert.Contains("round 4 follows", Scan().Damage, StringComparison.Ordinal);
    }

    [Fact]
    public void R13_FirstRoundsWithDamagedBodies_AreDamage()
    {
        using var file = Make(1, 11);
        file.Add(1, 2, 0);
        file.Overwrite(1, 100, [0xEE]);
        file.Overwrite(2, 100, [0xEE]);
        Assert.Contains("round 2 follows", Scan().Damage, StringComparison.Ordinal);
    }

    [Fact]
    public void R6_WrongHeadChecksumWithinFile_IsDamage()
    {
        using var file = Make(1, 11);
        file.Add(1, 2, 0);
        file.Add(3, 3, file.HeadChecksums[1]);
        Assert.Contains("round 3 does not continue round 2", Scan().Damage, StringComparison.Ordinal);
    }

    [Fact]
    public void R13_DamageBelowNeeded_IsIgnored()
    {
        using var first = Make(1, 11);
        using var second = Make(2, 12);
        first.Add(1, 4, 0);
        second.Add(5, 6, first.HeadChecksums[4], oldestNeeded: 5);
        first.Overwrite(2, 70, [0xEE]);
        AssertRounds(Scan(), 5, 6);
    }

    [Fact]
    public void R13_DamagedLastRoundBeforeAnotherFile_IsDamage()
    {
        using var first = Make(1, 11);
        using var second = Make(2, 12);
        first.Add(1, 4, 0);
        second.Add(5, 6, first.HeadChecksums[4]);
        first.Overwrite(4, 70, [0xEE]);
        Assert.NotNull(Scan().Damage);
    }

    [Fact]
    public void R13_DamageOnly_IsNotEmpty()
    {
        using var file = Make(1, 11);
        file.Add(1, 2, 0);
        file.Overwrite(1, 3, [0xEE]);
        var scan = Scan();
        Assert.False(scan.IsEmpty);
        Assert.Contains("round 2 follows", scan.Damage, StringComparison.Ordinal);
    }

    [Fact]
    public void R13_FileCutWithinRound_IsDamage()
    {
        using var file = Make(1, 11);
        file.Add(1, 2, 0, payloadBytes: 9000);
        file.File.File.Truncate(file.Positions[2] + 4096);
        Assert.Contains("was longer", Scan().Damage, StringComparison.Ordinal);
    }

    [Fact]
    public void R13_FileCutToNothingBeforeAnother_IsDamage()
    {
        using var first = Make(1, 11);
        using var second = Make(2, 12);
        first.Add(1, 2, 0);
        second.Add(3, 4, first.HeadChecksums[2]);
        first.File.File.Truncate(0);
        Assert.Contains("Round 2 is missing", Scan().Damage, StringComparison.Ordinal);
    }

    [Fact]
    public void R13_UnknownKindWithValidChecksums_IsDamageNotTorn()
    {
        using var file = Make(1, 11);
        file.Add(1, 1, 0);
        var round = TestJournal.Round(11, 2, file.HeadChecksums[1], 1, (TestJournal.Records, []));
        round[JournalFormat.HeadBytes] = 99;
        JournalFormat.WriteU32(round, 48, Crc32C.Of(round.AsSpan(JournalFormat.HeadBytes)));
        JournalFormat.WriteU32(round, 60, Crc32C.Of(round.AsSpan(0, 60)));
        file.File.Write(round, file.Position);
        var scan = Scan();
        Assert.Contains("version 1", scan.Damage, StringComparison.Ordinal);
    }

    [Fact]
    public void R14_NewerVersion_IsRejected()
    {
        using var file = Make(1, 11);
        file.Add(1, 1, 0);
        var round = TestJournal.Round(11, 2, file.HeadChecksums[1], 1, (TestJournal.Records, []));
        JournalFormat.WriteU32(round, 8, 2);
        JournalFormat.WriteU32(round, 60, Crc32C.Of(round.AsSpan(0, 60)));
        file.File.Write(round, file.Position);
        Assert.Contains("version 2", Assert.Throws<NotSupportedException>(Scan).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void R11_RoundOfOtherEpochInPayload_IsIgnored()
    {
        // A client may store bytes that look like a round. It does not know the epoch.
        using var file = Make(1, 11);
        file.Add(1, 2, 0);
        var forged = TestJournal.Round(99, 50, 0, 1, (TestJournal.Records, []));
        var payload = new byte[20_000];
        forged.CopyTo(payload, 4096 - JournalFormat.HeadBytes - JournalFormat.EntryHeadBytes);
        var round = TestJournal.Round(11, 3, file.HeadChecksums[2], 1, (TestJournal.Records, payload));
        file.File.Write(round.AsSpan(0, 16_000), file.Position);
        var scan = Scan();
        AssertRounds(scan, 1, 2);
        Assert.NotNull(scan.TornRound);
    }

    [Fact]
    public void R14_ForeignNames_AreReportedAndKept()
    {
        using var file = Make(1, 11);
        file.Add(1, 2, 0);
        foreach (var name in new[] { "notes.txt", "1.journal", "00000009.journal.tmp" })
            _fileSystem.Create($"{TestJournal.Directory}/{name}").Dispose();
        _fileSystem.CreateDirectory($"{TestJournal.Directory}/unplaced");
        _fileSystem.CreateDirectory($"{TestJournal.Directory}/00000002.journal");
        var scan = Scan();
        AssertRounds(scan, 1, 2);
        Assert.Equal(["00000002.journal", "1.journal", "notes.txt"], scan.ForeignNames);
        Assert.Equal(["00000009.journal.tmp"], scan.TemporaryNames);
        Assert.Equal(6, _fileSystem.List(TestJournal.Directory).Count);
    }

    [Fact]
    public void Read_RealFilesWhileWriting_FindsRounds()
    {
        using var temporary = new TemporaryDirectory();
        using var fileSystem = new PhysicalFileSystem(temporary.Path);
        using var file = JournalFile.Make(fileSystem, temporary.Path, 1, 8 << 20, () => 5);
        // More than the window of a scan, so that rounds cross its end.
        uint previous = 0;
        var position = 0L;
        for (var number = 1ul; number <= 9; number++)
        {
            var payload = TestJournal.Payload(number, 400_000);
            var round = TestJournal.Round(11, number, previous, 1, (TestJournal.Records, payload));
            RoundHead.TryRead(round, out _, out previous);
            file.Write(round, position);
            file.Sync();
            position += JournalFormat.Align(round.Length);
            var scan = JournalScan.Read(fileSystem, temporary.Path);
            Assert.Equal((null, number, previous), (scan.Damage, scan.LastNumber, scan.LastHeadChecksum));
            var last = 0ul;
            JournalReader.Read(
                fileSystem,
                temporary.Path,
                scan.Rounds,
                number,
                number,
                (in _, found, round) =>
                {
                    Assert.Equal(payload, found);
                    last = round;
                }
            );
            Assert.Equal(number, last);
        }
    }

    [Fact]
    public void Read_RandomOverwrites_ServesWholeRoundsAlone()
    {
        for (var seed = 0; seed < 300; seed++)
        {
            var random = new Random(seed);
            var fileSystem = TestJournal.CreateDisk(seed);
            using var first = new TestJournalFile(fileSystem, 1, 11, blocks: 8);
            using var second = new TestJournalFile(fileSystem, 2, 12, blocks: 8);
            first.Add(1, 5, 0);
            second.Add(6, 9, first.HeadChecksums[5], oldestNeeded: (ulong)random.Next(1, 7));
            for (var count = random.Next(1, 4); count > 0; count--)
            {
                var bytes = new byte[random.Next(1, 5000)];
                if (random.Next(2) == 0)
                    random.NextBytes(bytes);
                var file = random.Next(2) == 0 ? first : second;
                file.File.File.Write(bytes, random.NextInt64(file.File.SizeBytes - bytes.Length));
            }
            var scan = JournalScan.Read(fileSystem, TestJournal.Directory);
            foreach (var (round, payload) in TestJournal.ReadAll(fileSystem, scan))
                Assert.Equal(TestJournal.Payload(round, payload.Length), payload);
        }
    }

    [Fact]
    public void Read_RoundChangedSinceScan_ReportsCorruption()
    {
        using var file = Make(1, 11);
        file.Add(1, 3, 0);
        var scan = Scan();
        file.Overwrite(2, 100, [0xEE]);
        var exception = Assert.Throws<CorruptionException>(() => TestJournal.ReadAll(_fileSystem, scan));
        Assert.Equal(file.Positions[2], exception.Position);
        Assert.Equal([3ul], TestJournal.Numbers(_fileSystem, scan, 3));
    }
}
