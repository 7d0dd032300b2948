namespace LogHttp.Testing;

/// <summary>Faults drawn from a seed: each with its probability per call, and one power cut at a chosen call.</summary>
/// <remarks>Give <see cref="Decide"/> to <see cref="PowerCutFileSystem.Faults"/>.</remarks>
public sealed class SeededFaultPlan(Random random)
{
    static readonly FileSystemCallKind[] AllKinds = Enum.GetValues<FileSystemCallKind>();
    static readonly Fault[] PowerCuts = [Fault.PowerCutBefore, Fault.PowerCutDuring, Fault.PowerCutAfter];

    readonly List<(Fault Fault, double Probability)>[] _odds = [.. AllKinds.Select(_ => new List<(Fault, double)>())];

    /// <summary>The call at which the power goes (before, in the middle of, or after it); 0 for none.</summary>
    public long PowerCutAtCall { get; set; }

    /// <summary>
    /// Lets a fault strike with a probability per call: at the kinds named, or, when none is, at every kind it can
    /// strike.
    /// </summary>
    /// <exception cref="ArgumentException">A kind was named that the fault cannot strike.</exception>
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

    /// <summary>What strikes this call.</summary>
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
