namespace LogHttp.Storage.Records;

/// <summary>A header whose case, order, null and bytes are kept, as Kafka's are (api/FORMAT.md §1).</summary>
/// <param name="Name">Its name as it came, which may be empty.</param>
/// <param name="Value">Its value, kept as text where it is valid UTF-8 and else as Base64; null for none.</param>
public readonly record struct RecordHeader(string Name, ReadOnlyMemory<byte>? Value);
