namespace LogHttp.Storage.Files;

/// <summary>Thrown when a read would have to wait for the disk. Retry it on a thread that may block.</summary>
public sealed class WouldWaitException : Exception;
