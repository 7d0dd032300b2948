namespace LogHttp.Storage;

/// <summary>
/// The topic was deleted, or the whole log was closed, while it was being used. Whoever asks again learns which.
/// </summary>
public sealed class LogClosedException() : Exception("The topic was deleted or the log closed meanwhile.");
