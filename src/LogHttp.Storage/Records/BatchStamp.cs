namespace LogHttp.Storage.Records;

/// <summary>A batch's producer as the batch's first line names it (api/FORMAT.md §1).</summary>
/// <param name="Producer">The producer, and the number of the batch's first record.</param>
/// <param name="Crc">CRC-32C of the batch's content. Null before format 3, where a sequence counted batches.</param>
internal sealed record BatchStamp(ProducerStamp Producer, uint? Crc);
