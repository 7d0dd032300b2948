using LogHttp.Testing;

namespace LogHttp.Storage.Tests.Simulation;

/// <summary>
/// The faults of the disk and the process. For a while there are none, then a power cut or a kill at a later call, or a
/// few errors of one kind. They are few because a disk that never works again tests little.
/// </summary>
sealed class FaultSchedule(Random random, SimulationTrace trace)
{
    SeededFaultPlan? _plan;
    int _errorsLeft;
    long _killAtCall;
    bool _isKilled;

    // Unlike the plan's cut, a new drawing does not cancel this one.
    long _cutAtCall;
    bool _isCutInRedo;

    // Above zero no fault strikes: the simulation itself reads the disk.
    int _pauseCount;

    /// <summary>The number of errors so far, without power cuts.</summary>
    public int ErrorCount { get; private set; }

    /// <summary>Whether a requested power cut has not happened yet.</summary>
    public bool IsCutDue => _cutAtCall > 0;

    /// <summary>Cuts the power for sure, at a call or at the first one after it that admits a cut.</summary>
    public void CutAt(long call)
    {
        (_cutAtCall, _isCutInRedo) = (call, false);
        trace.Add($"power cut due at call {call}");
    }

    /// <summary>Cuts the power during a start, while it applies the journal to the segments.</summary>
    public void CutDuringRedo(long callCount, int withinCalls)
    {
        CutAt(callCount + 1 + random.Next(withinCalls));
        _isCutInRedo = true;
    }

    /// <summary>The journal was applied: the redo has only its syncs left.</summary>
    public void RedoEnds(long callCount)
    {
        if (_isCutInRedo && IsCutDue)
            CutAt(callCount + 1);
    }

    /// <summary>Cancels the cut that is due, which did not happen, or happened between two calls.</summary>
    public void CancelCut() => (_cutAtCall, _isCutInRedo) = (0, false);

    /// <summary>Suspends all faults until the result is disposed of.</summary>
    public IDisposable Pause()
    {
        _pauseCount++;
        return new PauseEnd(this);
    }

    public void Calm() => (_plan, _killAtCall) = (null, 0);

    /// <summary>The next process begins.</summary>
    public void Revive() => (_isKilled, _killAtCall) = (false, 0);

    /// <summary>Draws the next faults, given the number of the last call.</summary>
    public void Draw(long callCount)
    {
        _plan = new SeededFaultPlan(random);
        _errorsLeft = 1 + random.Next(4);
        _killAtCall = 0;
        var choice = random.Next(15);
        switch (choice)
        {
            case < 4:
                _plan = null;
                break;
            case < 7:
                _plan.PowerCutAtCall =
                    callCount
                    + 1
                    + random.Next(
                        random.Next(3) switch
                        {
                            0 => 12,
                            1 => 60,
                            _ => 300,
                        }
                    );
                break;
            case 7:
                _plan.With(Fault.InputOutputError, 0.02 + random.NextDouble() * 0.1);
                break;
            case 8:
                _plan.With(
                    Fault.InputOutputError,
                    0.1 + random.NextDouble() * 0.3,
                    FileSystemCallKind.Sync,
                    FileSystemCallKind.SyncAll,
                    FileSystemCallKind.SyncDirectory
                );
                break;
            case 9:
                _plan.With(Fault.DiskFull, 0.05 + random.NextDouble() * 0.2);
                break;
            case 10:
                _plan.With(Fault.ShortWrite, 0.05 + random.NextDouble() * 0.2);
                break;
            case 11:
                _plan.With(Fault.InputOutputError, 0.2 + random.NextDouble() * 0.5, FileSystemCallKind.SyncAll);
                break;
            case 12:
                // An error, and a power cut soon after it.
                _plan.With(Fault.InputOutputError, 0.1).With(Fault.ShortWrite, 0.1);
                _plan.PowerCutAtCall = callCount + 1 + random.Next(80);
                break;
            case 13:
                _plan.With(
                    Fault.InputOutputError,
                    0.2 + random.NextDouble() * 0.5,
                    FileSystemCallKind.Rename,
                    FileSystemCallKind.SyncDirectory,
                    FileSystemCallKind.DeleteDirectory
                );
                break;
            default:
                _plan = null;
                _killAtCall =
                    callCount
                    + 1
                    + random.Next(
                        random.Next(3) switch
                        {
                            0 => 12,
                            1 => 60,
                            _ => 300,
                        }
                    );
                break;
        }
        trace.Add($"faults: choice {choice}, power cut at call {_plan?.PowerCutAtCall}, kill at call {_killAtCall}");
    }

    /// <summary>Lets a fault strike one or some of the next calls.</summary>
    public void Strike(long callCount, int withinCalls)
    {
        _plan = new SeededFaultPlan(random);
        _killAtCall = 0;
        _errorsLeft = 1 + random.Next(3);
        var atCall = callCount + 1 + random.Next(withinCalls);
        var choice = random.Next(3);
        if (choice == 0)
            _plan.PowerCutAtCall = atCall;
        else if (choice == 1)
            _killAtCall = atCall;
        else
            _plan.With(Fault.InputOutputError, Math.Max(0.1, 1.0 / withinCalls));
        trace.Add($"strike: choice {choice}, call {atCall}");
    }

    public Fault Decide(FileSystemCall call)
    {
        if (_pauseCount > 0)
            return Fault.None;
        _isKilled |= call.Number == _killAtCall;
        if (_isKilled)
            throw new KilledException();
        var fault = IsCutDue && call.Number >= _cutAtCall ? TakeCut() : _plan?.Decide(call) ?? Fault.None;
        if (fault is Fault.InputOutputError or Fault.DiskFull or Fault.ShortWrite)
        {
            if (_errorsLeft == 0)
                fault = Fault.None;
            else
                (_errorsLeft, ErrorCount) = (_errorsLeft - 1, ErrorCount + 1);
        }
        if (fault != Fault.None || call.Kind != FileSystemCallKind.Read)
            trace.Add(call, fault);
        return fault;
    }

    Fault TakeCut()
    {
        CancelCut();
        return random.Next(3) switch
        {
            0 => Fault.PowerCutBefore,
            1 => Fault.PowerCutDuring,
            _ => Fault.PowerCutAfter,
        };
    }

    sealed class PauseEnd(FaultSchedule schedule) : IDisposable
    {
        public void Dispose() => schedule._pauseCount--;
    }
}

/// <summary>
/// The process was killed at a call, which has no effect any more. As with a power cut, the log cannot continue after
/// it.
/// </summary>
sealed class KilledException() : Exception("The process was killed.");
