namespace LogHttp.Storage.Waiting;

/// <summary>
/// A list of listeners that know their place in it, so that each leaves in one step. Not safe for threads, except that
/// <see cref="this"/> may be read while a listener is blanked.
/// </summary>
internal sealed class LiveList
{
    LogListener?[] _items = [];
    int _blanks;

    /// <summary>The number of places, blanks included.</summary>
    public int Count { get; private set; }

    /// <summary>Any listener, or null if the list has none.</summary>
    public LogListener? First => Array.Find(_items, static listener => listener is not null);

    public LogListener? this[int index] => Volatile.Read(ref _items[index]);

    public void Add(LogListener listener)
    {
        if (Count == _items.Length)
            Array.Resize(ref _items, Math.Max(4, 2 * Count));
        Put(Count++, listener);
    }

    /// <summary>Removes a listener of this list. The last one takes its place.</summary>
    public void Remove(LogListener listener)
    {
        var (index, last) = (listener.LivePlace.Index, _items[--Count]!);
        _items[Count] = null;
        if (last != listener)
            Put(index, last);
        listener.LivePlace = default;
        // The list of a burst of followers does not stay.
        if (Count == 0)
            _items = [];
    }

    /// <summary>Removes a listener of this list, but no other one changes its place.</summary>
    public void Blank(LogListener listener)
    {
        Volatile.Write(ref _items[listener.LivePlace.Index], null);
        listener.LivePlace = default;
        _blanks++;
    }

    /// <summary>Closes the places of blanked listeners.</summary>
    public void Compact()
    {
        if (_blanks == 0)
            return;
        var count = 0;
        for (var i = 0; i < Count; i++)
        {
            if (_items[i] is { } listener)
                Put(count++, listener);
        }
        Array.Clear(_items, count, Count - count);
        (Count, _blanks) = (count, 0);
        if (Count == 0)
            _items = [];
    }

    void Put(int index, LogListener listener)
    {
        _items[index] = listener;
        listener.LivePlace = (this, index);
    }
}
