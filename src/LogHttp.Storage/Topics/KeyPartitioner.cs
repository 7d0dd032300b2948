using System.Buffers.Binary;
using System.Text;

namespace LogHttp.Storage.Topics;

/// <summary>Chooses the partition of a key as Kafka's Java client does, so that both choose the same one.</summary>
public static class KeyPartitioner
{
    const uint Seed = 0x9747b28c;
    const uint Multiplier = 0x5bd1e995;

    /// <summary>Returns the partition of a key, 0 to <paramref name="partitions"/> - 1.</summary>
    public static int PartitionOf(ReadOnlySpan<byte> key, int partitions)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(partitions, 1);
        return HashOf(key) % partitions;
    }

    /// <summary>Returns the partition of a text key, by its UTF-8.</summary>
    public static int PartitionOf(string key, int partitions) => PartitionOf(Encoding.UTF8.GetBytes(key), partitions);

    /// <summary>
    /// Returns the hash of a key. The rest of its division by the number of partitions is the partition.
    /// </summary>
    public static int HashOf(ReadOnlySpan<byte> key) => (int)(Murmur2(key) & 0x7fffffff);

    /// <summary>Returns the hash of a text key, by its UTF-8.</summary>
    public static int HashOf(string key) => HashOf(Encoding.UTF8.GetBytes(key));

    /// <summary>MurmurHash2, 32 bits, little-endian, with Kafka's seed.</summary>
    internal static uint Murmur2(ReadOnlySpan<byte> bytes)
    {
        unchecked
        {
            var hash = Seed ^ (uint)bytes.Length;
            for (; bytes.Length >= sizeof(uint); bytes = bytes[sizeof(uint)..])
            {
                var word = BinaryPrimitives.ReadUInt32LittleEndian(bytes) * Multiplier;
                hash = (hash * Multiplier) ^ ((word ^ (word >> 24)) * Multiplier);
            }
            for (var i = bytes.Length - 1; i >= 0; i--)
                hash ^= (uint)bytes[i] << (8 * i);
            if (bytes.Length > 0)
                hash *= Multiplier;
            hash = (hash ^ (hash >> 13)) * Multiplier;
            return hash ^ (hash >> 15);
        }
    }
}
