using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;

namespace LogHttp.Storage.Records;

/// <summary>
/// Names a request and its payload, so that a repeat is recognized in every partition that it goes to
/// (api/PROTOCOL.md §11).
/// </summary>
/// <param name="Key">The client's name for the request, 1 to <see cref="MaxKeyLength"/> characters.</param>
/// <param name="Partitions">
/// The number of partitions by which the records were routed. A repeat is routed by the same number, even if the topic
/// has more partitions by then.
/// </param>
/// <param name="Hash">A hash of the content of all partitions' records.</param>
public sealed record IdempotencyStamp(string Key, int Partitions, UInt128 Hash)
{
    /// <summary>The longest key, in characters, which are bytes.</summary>
    public const int MaxKeyLength = 256;

    /// <summary>The allowed keys, for people.</summary>
    internal const string Allowed = "1 to 256 printable ASCII characters";

    /// <summary>Computes the stamp of a request. All its partitions get it, so the hash covers all of them.</summary>
    /// <param name="key">The key.</param>
    /// <param name="partitions">The number of partitions by which the records were routed.</param>
    /// <param name="batches">The records by partition, in the order of the partitions.</param>
    public static IdempotencyStamp Of(string key, int partitions, IReadOnlyList<KeyValuePair<int, RecordBatch>> batches)
    {
        ArgumentNullException.ThrowIfNull(batches);
        using var sha = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Span<byte> prefix = stackalloc byte[sizeof(int) + sizeof(long)];
        foreach (var (partition, batch) in batches)
        {
            BinaryPrimitives.WriteInt32LittleEndian(prefix, partition);
            BinaryPrimitives.WriteInt64LittleEndian(prefix[sizeof(int)..], batch.Tails.Length);
            sha.AppendData(prefix);
            sha.AppendData(batch.Tails);
        }
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        sha.GetHashAndReset(hash);
        return new(key, partitions, BinaryPrimitives.ReadUInt128BigEndian(hash));
    }

    /// <summary>Returns the fault of a key, or null.</summary>
    public static string? CheckKey(string key)
    {
        ArgumentNullException.ThrowIfNull(key);
        return key.Length is 0 or > MaxKeyLength
                ? string.Create(
                    CultureInfo.InvariantCulture,
                    $"An idempotency key has {Allowed}. This one has {key.Length}."
                )
            : key.AsSpan().ContainsAnyExceptInRange(' ', '~')
                ? $"An idempotency key has {Allowed}. This one has others."
            : null;
    }
}
