namespace LogHttp.Storage.Partitions;

/// <summary>The part of a partition that readers see. Any thread.</summary>
internal interface IPublishedLog
{
    /// <summary>What readers may see now.</summary>
    LogView View { get; }
}
