using LogHttp.Storage.Reading;

namespace LogHttp.Storage.Logs;

/// <summary>New records that several live readers take, one after the other or at once. Any thread.</summary>
public sealed class SharedPage : IDisposable
{
    /// <summary>The most bytes of a page. Readers read more than that for themselves, from the file.</summary>
    public const int MaxBytes = 32 << 10;

    readonly Lock _gate = new();
    IDisposable? _companion;

    internal SharedPage(FetchResult page) => Page = page;

    /// <summary>The page. Valid until the last reader has returned.</summary>
    public FetchResult Page { get; }

    /// <summary>
    /// Returns an object that depends only on the page, such as its records in another form. The first reader creates
    /// it. It is disposed of with the page.
    /// </summary>
    public TCompanion GetCompanion<TCompanion, TState>(TState state, Func<TState, TCompanion> create)
        where TCompanion : class, IDisposable
    {
        ArgumentNullException.ThrowIfNull(create);
        if (Volatile.Read(ref _companion) is TCompanion known)
            return known;
        lock (_gate)
        {
            var companion = (TCompanion?)_companion ?? create(state);
            Volatile.Write(ref _companion, companion);
            return companion;
        }
    }

    /// <summary>Returns the page's lease, and disposes of the companion.</summary>
    public void Dispose()
    {
        _companion?.Dispose();
        Page.Dispose();
    }
}
