using System.Globalization;
using LogHttp.Storage.Layout;
using LogHttp.Storage.Logs;
using LogHttp.Storage.Segments;

namespace LogHttp.Storage.Topics;

// Adds partitions to a topic. They are durable before topic.json counts them. So a crash leaves the former number or
// the new one. The rest of an interrupted growth holds no records, and the next growth replaces it.
public sealed partial class TopicCatalog
{
    void Grow(Topic topic, TopicConfiguration after)
    {
        var (first, count) = (topic.Partitions.Length, after.Partitions - topic.Partitions.Length);
        CheckPartitions(count);
        var directory = DirectoryOf(topic.Name);
        var header = new ManifestHeader(topic.Name, topic.Id, first, after);
        RemoveInterruptedGrowth(topic, directory);
        PartitionLog[] added;
        try
        {
            for (var number = first; number < after.Partitions; number++)
                CreatePartition(directory, header with { Partition = number });
            // The names of the new directories must be durable before topic.json counts them.
            _environment.FileSystem.SyncDirectory(directory);
            TopicFile.For(topic.Id, after, topic.FormerCounts.Add(first)).Write(_environment.FileSystem, directory);
            added = OpenPartitions(header, directory, first);
        }
        catch (IOException)
        {
            UndoGrowth(topic, directory, Enumerable.Range(first, count));
            throw;
        }
        topic.Grow(after, added);
        StorageLog.TopicGrown(_environment.Logger, directory, first, after.Partitions);
        if (_isWaitingStopped)
            StopWaiting();
    }

    /// <summary>Removes the new partitions, unless topic.json may count them.</summary>
    void UndoGrowth(Topic topic, string directory, IEnumerable<int> numbers)
    {
        try
        {
            WriteTopicFile(TopicFile.For(topic.Id, topic.Configuration, topic.FormerCounts), directory);
            RemovePartitions(directory, numbers);
        }
        catch (IOException exception)
        {
            StorageLog.GrowthNotUndone(_environment.Logger, exception, directory);
        }
    }

    /// <summary>Removes the directories that an interrupted growth left.</summary>
    /// <exception cref="IOException">One of them has records, or the disk failed.</exception>
    void RemoveInterruptedGrowth(Topic topic, string directory)
    {
        var numbers = new List<int>();
        foreach (var entry in _environment.FileSystem.List(directory).Where(static entry => entry.IsDirectory))
        {
            if (
                !int.TryParse(entry.Name, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
                || number < topic.Partitions.Length
                || PartitionDirectory(directory, number) is var path && path != Path.Combine(directory, entry.Name)
            )
                continue;
            var files = _environment.FileSystem.List(path);
            // A server has never appended to it. So an operator has put it there.
            if (files.Any(static file => SegmentLayout.TryParseDataName(file.Name, out _) && file.LengthBytes > 0))
                throw new IOException($"{path} has records, and the topic has no such partition. Move it away.");
            // An empty one may be a mount for the partition to come.
            if (files.Count > 0)
                numbers.Add(number);
        }
        if (numbers.Count == 0)
            return;
        // A growth that failed may be in topic.json on the disk, which then counts these directories.
        WriteTopicFile(TopicFile.For(topic.Id, topic.Configuration, topic.FormerCounts), directory);
        RemovePartitions(directory, numbers);
    }

    void RemovePartitions(string directory, IEnumerable<int> numbers)
    {
        // Nothing owns the segments of a partition that was opened.
        _openSegments.CloseIdle();
        foreach (var number in numbers)
            _environment.FileSystem.DeleteDirectory(PartitionDirectory(directory, number));
        _environment.FileSystem.SyncDirectory(directory);
    }
}
