using System.Diagnostics.CodeAnalysis;

namespace LogHttp.Testing;

/// <summary>The state that outlives a process: the volumes, and everything that all boots of a machine share.</summary>
[SuppressMessage(
    "Design",
    "CA1001:Types that own disposable fields should be disposable",
    Justification = "A semaphore that no handle was asked of holds nothing."
)]
sealed class SimulatedDisk
{
    readonly List<SimulatedVolume> _volumes = [];

    public SimulatedDisk(Random random, bool canSyncAll, long capacityBytes)
    {
        Random = random;
        Root = AddVolume("/", canSyncAll, capacityBytes, isCopyOnWrite: false);
    }

    public Lock Gate { get; } = new();
    public Random Random { get; }
    public long CallCount { get; set; }
    public bool TearsPages { get; set; }
    public TimeProvider Time { get; set; } = new SimulatedTime(DateTimeOffset.UnixEpoch);
    public SimulatedVolume Root { get; }
    public IReadOnlyList<SimulatedVolume> Volumes => _volumes;

    public List<HangingCall> HangingCalls { get; } = [];

    /// <summary>Released once for each call that begins to hang.</summary>
    public SemaphoreSlim HangsBegun { get; } = new(0);

    public SimulatedVolume AddVolume(string name, bool canSyncAll, long capacityBytes, bool isCopyOnWrite)
    {
        var volume = new SimulatedVolume(this, name, canSyncAll, capacityBytes, isCopyOnWrite);
        _volumes.Add(volume);
        return volume;
    }

    /// <summary>Draws whether the kernel wrote a dirty page just before it changes again.</summary>
    public bool DrawsEarlyWriteBack() => Random.Next(8) == 0;

    /// <summary>Ends every process: the handles are closed, the page cache stays.</summary>
    public void Kill()
    {
        foreach (var volume in _volumes)
            volume.Kill();
    }

    /// <summary>Keeps only the data that survives a power cut.</summary>
    public void PowerCut()
    {
        foreach (var volume in _volumes)
            volume.PowerCut();
    }
}
