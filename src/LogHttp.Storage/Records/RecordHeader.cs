namespace LogHttp.Storage.Records;

/// <summary>A header whose case, order, null and bytes are kept, as Kafka's are (api/FORMAT.md §1).</summary>
/// <param name="Name">The name as it was sent. It may be empty.</param>
/// <param name="Value">The value, kept as text if it is valid UTF-8, else as Base64. Null for none.</param>
public readonly record struct RecordHeader(string Name, ReadOnlyMemory<byte>? Value);
