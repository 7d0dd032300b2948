namespace LogHttp.Storage.Files;

/// <summary>Thrown when the file system or the quota has no room for a write.</summary>
public sealed class DiskFullException : IOException
{
    /// <summary>Creates the exception with its default message.</summary>
    public DiskFullException()
        : this("No space left on the device.") { }

    /// <summary>Creates the exception.</summary>
    public DiskFullException(string message)
        : base(message) { }

    /// <summary>Creates the exception with the error of the operating system.</summary>
    public DiskFullException(string message, Exception innerException)
        : base(message, innerException) { }
}
