namespace LogHttp.Storage.Partitions;

/// <summary>The published part of a partition. Any thread.</summary>
internal interface IPublishedLog
{
    /// <summary>The records that readers see now.</summary>
    LogView View { get; }
}
