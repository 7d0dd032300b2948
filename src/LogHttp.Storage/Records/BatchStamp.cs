namespace LogHttp.Storage.Records;

/// <summary>A batch's sender as the batch's first line names it (api/FORMAT.md §1).</summary>
/// <param name="Producer">The producer, and the number of the batch's first record. Null without a producer.</param>
/// <param name="Crc">
/// CRC-32C of the batch's content. Null without a producer, and before format 3, where a sequence counted batches.
/// </param>
internal sealed record BatchStamp(ProducerStamp? Producer, uint? Crc)
{
    /// <summary>The idempotency key of the batch's request, or null.</summary>
    public IdempotencyStamp? Idempotency { get; init; }

    /// <summary>
    /// The server's timestamp of a batch with an idempotency key. Null if the first record has it.
    /// </summary>
    public long? TimestampMs { get; init; }

    /// <summary>The most bytes that the fields take on the first line.</summary>
    public int MaxBytes =>
        (Producer is null ? 0 : ProducerField.MaxBytes(Producer))
        + (Idempotency is null ? 0 : IdempotencyField.MaxBytes(Idempotency.Key));
}
