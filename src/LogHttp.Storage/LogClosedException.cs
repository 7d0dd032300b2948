namespace LogHttp.Storage;

/// <summary>
/// Thrown when the topic is deleted, or the whole log closed, during the call. A second call tells which of the two.
/// </summary>
public sealed class LogClosedException() : Exception("The topic was deleted or the log closed meanwhile.");
