namespace LogHttp.Storage.Files;

/// <summary>Another process has the data directory.</summary>
public sealed class DirectoryInUseException(string message, Exception innerException)
    : IOException(message, innerException);
