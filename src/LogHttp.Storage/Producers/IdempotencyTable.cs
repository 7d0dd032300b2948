using System.Collections.Immutable;
using LogHttp.Storage.Records;

namespace LogHttp.Storage.Producers;

/// <summary>
/// The idempotency keys of one partition, in the order of the log. Immutable, for the same reason as
/// <see cref="ProducerTable"/>. Each new key removes at most <see cref="MaxRemovals"/> expired ones, so no append waits
/// for the removal of all.
/// </summary>
internal sealed class IdempotencyTable
{
    const int MaxRemovals = 2;

    // The names and quotes of a checkpoint's entry, a hash of 43 characters, and three numbers of 19 digits.
    const int MaxOtherBytes = 64 + 43 + 3 * 19;

    /// <summary>The most bytes that a key takes in a checkpoint, with every character escaped.</summary>
    public const int MaxKeyBytes = 2 * IdempotencyStamp.MaxKeyLength + MaxOtherBytes;

    static readonly ImmutableDictionary<string, RememberedKey> NoKeys = ImmutableDictionary.Create<
        string,
        RememberedKey
    >(StringComparer.Ordinal);

    readonly ProducerLimits _limits;
    readonly ImmutableDictionary<string, RememberedKey> _byKey;

    // Also has entries whose key was used again after it had expired. Once in as many keys as it holds, the queue turns
    // its stack around. That took 23 ms with 100,000 keys, and 5 us for each key on average.
    readonly ImmutableQueue<RememberedKey> _inOrder;
    readonly RememberedKey? _last;

    // Not always that of the last key: the clock may have been set back.
    readonly long _latestMs;

    IdempotencyTable(
        ProducerLimits limits,
        ImmutableDictionary<string, RememberedKey> byKey,
        ImmutableQueue<RememberedKey> inOrder,
        RememberedKey? last,
        long latestMs,
        int count,
        long encodedBytes
    )
    {
        (_limits, _byKey, _inOrder, _last, _latestMs) = (limits, byKey, inOrder, last, latestMs);
        (Count, EncodedBytes) = (count, encodedBytes);
    }

    public IdempotencyTable(ProducerLimits limits)
        : this(limits, NoKeys, ImmutableQueue<RememberedKey>.Empty, last: null, latestMs: 0, count: 0, encodedBytes: 0)
    { }

    /// <summary>Creates a table of keys in the order of the log.</summary>
    public static IdempotencyTable? Of(ProducerLimits limits, IEnumerable<RememberedKey> keys)
    {
        var byKey = NoKeys.ToBuilder();
        var inOrder = ImmutableQueue<RememberedKey>.Empty;
        var (last, latestMs, encodedBytes) = ((RememberedKey?)null, 0L, 0L);
        foreach (var key in keys)
        {
            byKey[key.Stamp.Key] = key;
            inOrder = inOrder.Enqueue(key);
            encodedBytes += MaxEncodedBytes(key);
            (last, latestMs) = (key, Math.Max(latestMs, key.TimestampMs));
        }
        return last is null
            ? null
            : new(limits, byKey.ToImmutable(), inOrder, last, latestMs, inOrder.Count(), encodedBytes);
    }

    /// <summary>The number of keys that take room.</summary>
    public int Count { get; }

    /// <summary>The most bytes that the keys take in a checkpoint.</summary>
    public long EncodedBytes { get; }

    /// <summary>Returns the batch that was appended under a key. Null if the key is unknown or has expired.</summary>
    public RememberedKey? Find(string key, long nowMs) =>
        _byKey.TryGetValue(key, out var found) && !IsExpired(found, nowMs) ? found : null;

    /// <summary>Whether all keys have expired.</summary>
    public bool AreExpired(long nowMs) => _last is not null && nowMs - _latestMs >= _limits.IdempotencyExpiryMs;

    /// <summary>
    /// Returns how long a new key has to wait for room, in milliseconds. 0 if there is room. A key of the far future
    /// comes from a clock that was ahead, and gives way like an expired one. Else it would keep its room until the
    /// clock reaches it.
    /// </summary>
    public long WaitForRoomMs(long nowMs) =>
        Count < _limits.MaxIdempotencyKeys
        || Math.Abs(nowMs - _inOrder.Peek().TimestampMs) >= _limits.IdempotencyExpiryMs
            ? 0
            : _inOrder.Peek().TimestampMs + _limits.IdempotencyExpiryMs - nowMs;

    /// <summary>
    /// Returns the table with one more batch. Returns the same table if it has that batch already. If it is full, as a
    /// start may find it, the oldest key gives way: the log has more recent ones.
    /// </summary>
    public IdempotencyTable With(RememberedKey key, long nowMs)
    {
        if (_last is not null && key.FirstOffset < _last.NextOffset)
            return this;
        var (byKey, inOrder, count, encodedBytes) = (_byKey, _inOrder, Count, EncodedBytes);
        var latestMs = Math.Max(_latestMs, key.TimestampMs);
        if (AreExpired(nowMs))
            (byKey, inOrder, latestMs, count, encodedBytes) = (
                NoKeys,
                ImmutableQueue<RememberedKey>.Empty,
                key.TimestampMs,
                0,
                0
            );
        for (var removals = 0; removals < MaxRemovals && count > 0; removals++)
        {
            var oldest = inOrder.Peek();
            if (count < _limits.MaxIdempotencyKeys && !IsExpired(oldest, nowMs))
                break;
            inOrder = inOrder.Dequeue();
            if (ReferenceEquals(byKey.GetValueOrDefault(oldest.Stamp.Key), oldest))
                byKey = byKey.Remove(oldest.Stamp.Key);
            count--;
            encodedBytes -= MaxEncodedBytes(oldest);
        }
        return new(
            _limits,
            byKey.SetItem(key.Stamp.Key, key),
            inOrder.Enqueue(key),
            key,
            latestMs,
            count + 1,
            encodedBytes + MaxEncodedBytes(key)
        );
    }

    /// <summary>
    /// Returns the keys that had not expired when the last of them was appended, in the order of the log.
    /// </summary>
    public IEnumerable<RememberedKey> Alive() =>
        _inOrder.Where(key =>
            _last!.TimestampMs - key.TimestampMs < _limits.IdempotencyExpiryMs
            && ReferenceEquals(_byKey.GetValueOrDefault(key.Stamp.Key), key)
        );

    static long MaxEncodedBytes(RememberedKey key) => 2 * key.Stamp.Key.Length + MaxOtherBytes;

    bool IsExpired(RememberedKey key, long nowMs) => nowMs - key.TimestampMs >= _limits.IdempotencyExpiryMs;
}

/// <summary>A batch that was appended under an idempotency key.</summary>
/// <param name="Stamp">The key, and the payload.</param>
/// <param name="FirstOffset">The first record's offset.</param>
/// <param name="NextOffset">The offset after the last record's.</param>
/// <param name="TimestampMs">The server's timestamp of the batch, as in the response.</param>
internal sealed record RememberedKey(IdempotencyStamp Stamp, long FirstOffset, long NextOffset, long TimestampMs);
