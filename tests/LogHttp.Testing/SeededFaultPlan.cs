namespace LogHttp.Testing;

/// <summary>
/// Draws faults from a seed, each with its probability per call, and cuts the power once at a chosen call.
/// </summary>
/// <remarks>Assign <see cref="Decide"/> to <see cref="PowerCutFileSystem.Faults"/>.</remarks>
public sealed class SeededFaultPlan(Random random)
{
    static readonly FileSystemCallKind[] AllKinds = Enum.GetValues<FileSystemCallKind>();
    static readonly Fault[] PowerCuts = [Fault.PowerCutBefore, Fault.PowerCutDuring, Fault.PowerCutAfter];

    readonly List<(Fault Fault, double Probability)>[] _odds = [.. AllKinds.Select(_ => new List<(Fault, double)>())];

    /// <summary>The call at which the power is cut (before, in the middle of, or after it). 0 for none.</summary>
    public long PowerCutAtCall { get; set; }

    /// <summary>
    /// Lets a fault strike with a probability per call. It strikes the kinds given or, if none is given, every kind
    /// that it can strike.
    /// </summary>
    /// <exception cref="ArgumentException">The fault cannot strike a given kind.</exception>
    public SeededFaultPlan With(Fault fault, double probability, params ReadOnlySpan<FileSystemCallKind> kinds)
    {
        foreach (var kind in kinds)
            if (!FileSystemCall.Admits(kind, fault))
                throw new ArgumentException($"{fault} cannot strike {kind}.", nameof(kinds));
        foreach (var kind in kinds.IsEmpty ? AllKinds : kinds)
            if (FileSystemCall.Admits(kind, fault))
                _odds[(int)kind].Add((fault, probability));
        return this;
    }

    /// <summary>Returns the fault that strikes this call.</summary>
    public Fault Decide(FileSystemCall call)
    {
        if (call.Number == PowerCutAtCall)
            return PowerCuts[random.Next(PowerCuts.Length)];
        foreach (var (fault, probability) in _odds[(int)call.Kind])
            if (random.NextDouble() < probability)
                return fault;
        return Fault.None;
    }
}
