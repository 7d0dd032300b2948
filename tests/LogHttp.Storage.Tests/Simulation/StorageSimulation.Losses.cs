using LogHttp.Storage.Files;
using LogHttp.Storage.Journal;
using LogHttp.Storage.Logs;
using LogHttp.Storage.Partitions;
using LogHttp.Storage.Reading;
using LogHttp.Storage.Segments;
using LogHttp.Storage.Topics;

namespace LogHttp.Storage.Tests.Simulation;

// Damage to files while no process runs: a segment is missing, or half a line stands behind a manifest.
sealed partial class StorageSimulation
{
    const string LostPath = $"{DataDirectory}/lost";

    /// <summary>Null in ten of eleven runs.</summary>
    readonly Random? _lossRandom;

    bool _isSegmentMissing;

    /// <summary>After a clean stop: damages the files of one partition that is not empty.</summary>
    void HarmFiles()
    {
        if (_lossRandom is null || _volumeRandom is not null)
            return;
        using var pause = _faults.Pause();
        if (JournalMark.Read(_fileSystem, TopicsDirectory) is not { IsEmpty: true })
            return;
        var found = _names
            .Where(static name => name.Topic is not null && name.Possible is [not null])
            .SelectMany(Partitions)
            .Where(static pair => pair.Log.StoppedReason is null && pair.Model.NextOffset > pair.Model.Start)
            .Select(static pair => pair.Model)
            .ToArray();
        if (found.Length == 0)
            return;
        var capacityBytes = _fileSystem.CapacityBytes;
        _fileSystem.CapacityBytes = long.MaxValue;
        LoseSegment(found[_lossRandom.Next(found.Length)]);
        TearManifest(found[_lossRandom.Next(found.Length)]);
        _fileSystem.CapacityBytes = capacityBytes;
    }

    /// <summary>
    /// Removes a segment's file and starts. The partition is read-only, and none of its files is written. Readers get
    /// an error at the missing offsets and every record elsewhere. With the file back, the partition works again.
    /// </summary>
    void LoseSegment(PartitionModel model)
    {
        var directory = $"{TopicsDirectory}/{model.Name}";
        var segments = SegmentManifest.Load(_fileSystem, directory).State.Segments;
        var lost = segments[_lossRandom!.Next(segments.Count)];
        var path = $"{directory}/{SegmentLayout.DataName(lost.BaseOffset)}";
        _trace.Add($"lose {path}");
        _fileSystem.Rename(path, LostPath);
        var before = FilesIn(directory);
        _isSegmentMissing = true;
        _lane = _scheduler.CreateLane();
        _catalog = TopicCatalog.Open(Environment(), _options);
        var parts = model.Name.Split('/');
        var log = _catalog.Find(parts[0])!.Partitions[
            int.Parse(parts[1], System.Globalization.CultureInfo.InvariantCulture)
        ];
        Require(log.StoppedReason is not null, $"{model.Name} takes appends although a segment is missing");
        // Only the checkpoint knows the end of the active segment. The last checkpoint may have failed.
        var checkpoint = Checkpoint.Decode(before[Checkpoint.Name], ProducerLimits.None, out _);
        var missingUntil = lost.Extent?.EndOffset ?? Math.Max(lost.BaseOffset, checkpoint!.Durable.NextOffset);
        foreach (var line in model.Lines.Skip(model.IndexOf(model.Start)))
        {
            if (!lost.IsSealed && line.Offset >= missingUntil)
                break;
            if (line.Offset == lost.BaseOffset || _lossRandom.Next(20) == 0)
                FetchBesideLoss(
                    log,
                    line,
                    isLost: line.Offset >= lost.BaseOffset && line.Offset < missingUntil,
                    missingUntil
                );
        }
        Die();
        _fileSystem = _fileSystem.Kill();
        _isSegmentMissing = false;
        var after = FilesIn(directory);
        Require(
            before.Keys.SequenceEqual(after.Keys),
            $"{model.Name}: a start without a segment made or removed files"
        );
        foreach (var (name, bytes) in before)
            Require(
                bytes.AsSpan().SequenceEqual(after[name]),
                $"{model.Name}: a start without a segment changed {name}"
            );
        _fileSystem.Rename(LostPath, path);
        _fileSystem.SyncDirectory(directory);
        _fileSystem.SyncDirectory(DataDirectory);
    }

    static void FetchBesideLoss(PartitionLog log, ModelLine line, bool isLost, long missingUntil)
    {
        try
        {
            using var page = log.Fetch(LogPlace.At(line.Offset), PageSize.AtMost(4096));
            Require(!isLost, $"Offset {line.Offset} is missing, and a fetch there gives {page}");
            var bytes = new byte[line.Bytes.Length];
            page.Region!.File.ReadExactly(bytes, page.Region.Position);
            Require(
                bytes.AsSpan().SequenceEqual(line.Bytes),
                $"Beside a missing segment, the record at {line.Offset} is another"
            );
        }
        catch (CorruptionException exception)
        {
            Require(
                isLost,
                $"A segment is missing, and record {line.Offset} of another one can't be read: {exception.Message}"
            );
            Require(
                exception.NextOffset == missingUntil,
                $"Readers should continue at {missingUntil} behind a missing segment; they are told "
                    + $"{exception.NextOffset}"
            );
        }
    }

    /// <summary>Leaves half a line behind a manifest, as a power cut does. The next start must ignore it.</summary>
    void TearManifest(PartitionModel model)
    {
        if (_lossRandom!.Next(2) == 0)
            return;
        _trace.Add($"tear the manifest of {model.Name}");
        using var file = _fileSystem.Open($"{TopicsDirectory}/{model.Name}/{SegmentManifest.Name}");
        file.Write("{\"edit\":\"sealed\",\"segment\":"u8[..(1 + _lossRandom.Next(26))], file.LengthBytes);
    }

    SortedDictionary<string, byte[]> FilesIn(string directory)
    {
        var files = new SortedDictionary<string, byte[]>(StringComparer.Ordinal);
        foreach (var entry in _fileSystem.List(directory))
            files.Add(entry.Name, ReadFile($"{directory}/{entry.Name}"));
        return files;
    }
}
