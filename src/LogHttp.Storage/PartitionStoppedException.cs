namespace LogHttp.Storage;

/// <summary>
/// The partition takes no changes: a sync failed, or damage was found at the start. The message says which.
/// </summary>
public sealed class PartitionStoppedException(string reason) : Exception(reason);
