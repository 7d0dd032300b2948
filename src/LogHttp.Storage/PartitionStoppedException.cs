namespace LogHttp.Storage;

/// <summary>
/// Thrown when the partition takes no changes: a sync failed, or the start found damage. The message says which.
/// </summary>
public sealed class PartitionStoppedException(string reason) : Exception(reason);
