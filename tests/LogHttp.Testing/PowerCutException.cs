namespace LogHttp.Testing;

/// <summary>
/// The process that made the call has ended, by a power cut or a kill. It is not an <see cref="IOException"/>, so that
/// code under test cannot take it for a disk error and continue.
/// </summary>
public sealed class PowerCutException : Exception
{
    /// <summary>Creates the exception with its default message.</summary>
    public PowerCutException()
        : this("The power was cut.") { }

    /// <summary>Creates the exception.</summary>
    public PowerCutException(string message)
        : base(message) { }

    /// <summary>Creates the exception with its cause.</summary>
    public PowerCutException(string message, Exception innerException)
        : base(message, innerException) { }
}
