using System.Globalization;
using LogHttp.Storage.Producers;
using LogHttp.Storage.Records;

namespace LogHttp.Storage.Appending;

/// <summary>Compares a batch that has an idempotency key with the batches in the log.</summary>
internal static class IdempotencyCheck
{
    /// <summary>
    /// Returns null if the batch is to be appended. Otherwise returns its outcome, and none of it is appended.
    /// </summary>
    /// <param name="keys">The keys up to the position of the batch, or null if there are none.</param>
    /// <param name="stamp">The batch's key and payload.</param>
    /// <param name="nowMs">Unix milliseconds. A key that has expired by then counts as unknown.</param>
    public static AppendResult? Check(IdempotencyTable? keys, IdempotencyStamp stamp, long nowMs)
    {
        if (keys is null)
            return null;
        if (keys.Find(stamp.Key, nowMs) is { } known)
            return known.Stamp == stamp
                    ? new(AppendStatus.Repeated, known.FirstOffset, known.NextOffset, known.TimestampMs)
                : known.Stamp.Partitions != stamp.Partitions ? RoutedOtherwise(known, stamp)
                : Reused(stamp);
        return keys.WaitForRoomMs(nowMs) is > 0 and var waitMs ? Full(keys, waitMs) : null;
    }

    static AppendResult RoutedOtherwise(RememberedKey known, IdempotencyStamp stamp) =>
        new(
            AppendStatus.RoutedOtherwise,
            Reason: string.Create(
                CultureInfo.InvariantCulture,
                $"The first request with this idempotency key was routed by {known.Stamp.Partitions} partitions, and "
                    + $"this one by {stamp.Partitions}. Nothing was appended. Send it again."
            )
        );

    static AppendResult Reused(IdempotencyStamp stamp) =>
        new(
            AppendStatus.KeyReused,
            Reason: $"Idempotency key \"{stamp.Key}\" was used for a request with other records. Nothing was "
                + "appended. Take another key for other records."
        );

    static AppendResult Full(IdempotencyTable keys, long waitMs) =>
        new(
            AppendStatus.KeysFull,
            Reason: string.Create(
                CultureInfo.InvariantCulture,
                $"The partition remembers {keys.Count} idempotency keys (MaxIdempotencyKeys), and the oldest is "
                    + $"younger than IdempotencyExpiry. Nothing was appended."
            )
        )
        {
            RetryAfterMs = waitMs,
        };
}
