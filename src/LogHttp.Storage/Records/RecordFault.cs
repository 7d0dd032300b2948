namespace LogHttp.Storage.Records;

/// <summary>Why a record was refused. The names are stable: they become the <c>code</c> of an error response.</summary>
public enum RecordFaultCode
{
    /// <summary>The value, key or header is not valid UTF-8.</summary>
    InvalidUtf8,

    /// <summary>The value is not one JSON value, or is nested too deep.</summary>
    InvalidJson,

    /// <summary>The key is longer than <see cref="RecordLimits.MaxKeyBytes"/> or not Unicode text.</summary>
    InvalidKey,

    /// <summary>A header's name or value is not acceptable.</summary>
    InvalidHeader,

    /// <summary>The topic takes values of another form (<see cref="TopicConfiguration.Values"/>).</summary>
    InvalidValue,

    /// <summary>The producer's sequence would exceed its largest number.</summary>
    InvalidProducer,

    /// <summary>The encoded record is larger than <see cref="RecordLimits.MaxRecordBytes"/>.</summary>
    RecordTooLarge,

    /// <summary>The batch would be larger than <see cref="RecordLimits.MaxBatchBytes"/>.</summary>
    BatchTooLarge,
}

/// <summary>A record's fault, described for its sender.</summary>
/// <param name="Code">The kind of fault.</param>
/// <param name="Message">The fault, and its position in the value.</param>
public sealed record RecordFault(RecordFaultCode Code, string Message);
