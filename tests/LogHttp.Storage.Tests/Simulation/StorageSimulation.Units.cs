using System.Buffers.Binary;
using LogHttp.Storage.Journal;

namespace LogHttp.Storage.Tests.Simulation;

// Units of several group states, submitted to the journal directly. Each is there whole or not at all, and the last
// acknowledged state of each group survives every reuse of a file.
sealed partial class StorageSimulation
{
    const int MaxGroups = 8;
    const int MaxGroupsOfUnit = 4;
    const int StateHeadBytes = 12;
    const int MaxPaddingBytes = 1_499;

    static int MostUnitBytes => MaxGroupsOfUnit * JournalFormat.EncodedBytes(StateHeadBytes + MaxPaddingBytes);

    /// <summary>Null in half of the runs, which submit no such units.</summary>
    readonly Random? _unitRandom;

    /// <summary>The unit of each group, by its name, whose state is known to be durable.</summary>
    readonly Dictionary<long, int> _durableUnits = [];

    /// <summary>Units that are or may be durable, by number, with the groups that they name.</summary>
    readonly SortedDictionary<int, long[]> _units = [];
    int _unitCount;
    int _pendingUnits;

    static GroupKey KeyOf(long name) => new(TopicId: 7, (int)(name + 2) % 3, name);

    void StepUnits()
    {
        if (_unitRandom is null || _unitRandom.Next(4) > 0)
            return;
        for (var count = 1 + _unitRandom.Next(3); count > 0; count--)
            new UnitWriter(this).Resume(failure: null);
    }

    void SubmitUnit()
    {
        var number = ++_unitCount;
        long[] names =
        [
            .. Enumerable
                .Range(-2, MaxGroups)
                .Select(static name => (long)name)
                .OrderBy(_ => _unitRandom!.Next())
                .Take(1 + _unitRandom!.Next(MaxGroupsOfUnit)),
        ];
        _trace.Add($"unit {number} of groups {string.Join(", ", names)}");
        _units.Add(number, names);
        _pendingUnits++;
        _catalog.Journal.Opened();
        var journal = _catalog.Journal;
        var states = names
            .Select(name =>
                (journal.GroupFor(KeyOf(name)), StateOf(number, name, _unitRandom.Next(MaxPaddingBytes + 1)))
            )
            .ToArray();
        journal.Submit(
            new GroupStatesUnit(
                states,
                failure =>
                {
                    _trace.Add($"unit {number} -> {failure?.Message ?? "durable"}");
                    _pendingUnits--;
                    if (failure is null)
                        BeDurable(number);
                    journal.Closed();
                }
            )
            {
                EnteredBytes = MostUnitBytes,
            }
        );
    }

    void BeDurable(int unit)
    {
        foreach (var name in _units[unit])
            _durableUnits[name] = Math.Max(unit, _durableUnits.GetValueOrDefault(name));
    }

    static byte[] StateOf(int unit, long name, int paddingBytes)
    {
        var state = new byte[StateHeadBytes + paddingBytes];
        BinaryPrimitives.WriteInt32LittleEndian(state, unit);
        BinaryPrimitives.WriteInt64LittleEndian(state.AsSpan(4), name);
        state.AsSpan(StateHeadBytes).Fill((byte)(unit + name));
        return state;
    }

    /// <summary>After a start: takes each group's state in the journal. It does not change from now on.</summary>
    void ReconcileUnits()
    {
        if (_unitRandom is null)
            return;
        var found = new Dictionary<long, int>();
        for (var name = -2L; name < MaxGroups - 2; name++)
        {
            var state = _catalog.Journal.GroupFor(KeyOf(name)).State;
            var unit = state.Length == 0 ? 0 : BinaryPrimitives.ReadInt32LittleEndian(state);
            var durable = _durableUnits.GetValueOrDefault(name);
            Require(unit >= durable, $"Group {name} has the state of unit {unit}; that of unit {durable} is durable");
            Require(
                unit == 0 || (_units.TryGetValue(unit, out var names) && names.Contains(name)),
                $"Group {name} has the state of unit {unit}, which does not name it"
            );
            Require(
                unit == 0 || state.AsSpan().SequenceEqual(StateOf(unit, name, state.Length - StateHeadBytes)),
                $"The state of group {name} is not what unit {unit} gave it"
            );
            found[name] = unit;
        }
        foreach (var (unit, names) in _units)
        {
            var isThere = names.Any(name => found[name] == unit);
            Require(
                !isThere || names.All(name => found[name] >= unit),
                $"Unit {unit} of groups {string.Join(", ", names)} is there in part: they have "
                    + $"{string.Join(", ", names.Select(name => found[name]))}"
            );
        }
        foreach (var (name, unit) in found)
            _durableUnits[name] = unit;
        foreach (var unit in _units.Keys.Where(unit => !found.ContainsValue(unit)).ToArray())
            _units.Remove(unit);
        _pendingUnits = 0;
    }

    /// <summary>Waits as a partition does if the journal is busy, and submits one unit once it is not.</summary>
    sealed class UnitWriter(StorageSimulation simulation) : IUnsyncedLog
    {
        // Its states are in no segment, so the journal's limit of unsynced logs does not apply to it.
        public bool IsUnsynced => true;

        public bool CanCloseFiles => true;

        public bool IsRepairDue => false;

        public int NextUnitBytes => MostUnitBytes;

        public void Resume(IOException? failure)
        {
            if (failure is null && !simulation._isStopping && simulation._catalog.Journal.TryEnter(this, out _))
                simulation.SubmitUnit();
        }

        public void SyncFor(JournalCheckpoint checkpoint) => checkpoint.CountDown();
    }
}
