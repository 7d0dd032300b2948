namespace LogHttp.Storage.Files;

/// <summary>
/// What was asked for can't be had without waiting for the disk: to be asked for again on a thread that may.
/// </summary>
public sealed class WouldWaitException : Exception;
