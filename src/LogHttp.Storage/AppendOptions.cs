namespace LogHttp.Storage;

/// <summary>How an append differs from a plain one.</summary>
[Flags]
public enum AppendOptions
{
    /// <summary>A plain append.</summary>
    None = 0,

    /// <summary>
    /// The caller keeps a batch that is refused with <see cref="Appending.AppendStatus.Overloaded"/>, to retry it.
    /// </summary>
    KeepIfOverloaded = 1,

    /// <summary>
    /// The log drops the first of the producer's records if it has them already. Otherwise it refuses such a batch.
    /// </summary>
    MayOverlap = 2,
}
