namespace LogHttp.Storage.Files;

/// <summary>The file system or the quota has no room for a write.</summary>
public sealed class DiskFullException : IOException
{
    /// <summary>Creates the exception with its default message.</summary>
    public DiskFullException()
        : this("No space left on the device.") { }

    /// <summary>Creates the exception.</summary>
    public DiskFullException(string message)
        : base(message) { }

    /// <summary>Creates the exception, keeping what the operating system said.</summary>
    public DiskFullException(string message, Exception innerException)
        : base(message, innerException) { }
}
