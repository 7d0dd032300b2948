namespace LogHttp.Storage.Appending;

/// <summary>
/// The room in the journal that the turn reserves before it writes, for the unit that it submits next. Used by the
/// turn. While the turn waits for room, the journal reads <see cref="UnitBytes"/> and sets <see cref="Failure"/>.
/// </summary>
internal sealed class JournalReservation(Appender appender)
{
    bool _isHeld;

    /// <summary>
    /// The most bytes that all entries of the next unit take. It does not change while the turn waits.
    /// </summary>
    public int UnitBytes { get; private set; }

    /// <summary>Why the journal had no room for the turn that waited for it, or null.</summary>
    public IOException? Failure { get; set; }

    /// <summary>Asks the journal for room. Returns false while the turn waits for it.</summary>
    /// <exception cref="IOException">The journal has no room.</exception>
    public bool TryReserve(int unitBytes)
    {
        if (Failure is { } resumedWith)
        {
            Failure = null;
            throw resumedWith;
        }
        UnitBytes = unitBytes;
        if (!appender.Context.Journal.TryEnter(appender, out var failure))
            return failure is null ? false : throw failure;
        _isHeld = true;
        return true;
    }

    /// <summary>Passes the reserved room on to the unit that is submitted next. Returns its size.</summary>
    public int Use()
    {
        _isHeld = false;
        return UnitBytes;
    }

    /// <summary>Returns the reserved room, if there is any, to the journal, because no unit is submitted.</summary>
    public void Cancel()
    {
        if (_isHeld)
            appender.Context.Journal.Leave(Use());
    }
}
