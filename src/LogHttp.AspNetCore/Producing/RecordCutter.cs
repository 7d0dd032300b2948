using LogHttp.AspNetCore.Contract;

namespace LogHttp.AspNetCore.Producing;

/// <summary>
/// Takes records one by one from the pieces of a body, which end anywhere. Keeps the beginning of a record until its
/// end comes. For one thread.
/// </summary>
internal abstract class RecordCutter : IDisposable
{
    readonly PooledBytes _carried = new();
    bool _isHandedOut;

    /// <summary>The bytes held of a record that has not ended yet.</summary>
    public int CarriedBytes => _isHandedOut ? 0 : _carried.SizeBytes;

    /// <summary>The memory it takes.</summary>
    public int HeldBytes => _carried.HeldBytes;

    /// <summary>The fault of the body outside of its records. Null if it has none.</summary>
    public virtual Problem? Fault => null;

    /// <summary>Returns the next record. If there is none, keeps the rest of the piece.</summary>
    /// <param name="rest">The piece, behind the last record.</param>
    /// <param name="record">Valid until the next call.</param>
    public abstract bool TryTake(ref ReadOnlySpan<byte> rest, out ReadOnlySpan<byte> record);

    /// <summary>Returns the record that ends with the body. Call it when there are no more pieces.</summary>
    public abstract bool TryTakeLast(out ReadOnlySpan<byte> record);

    /// <summary>Returns the memory, unless it has the beginning of a record. Ends the last record's validity.</summary>
    public void ReleaseUnused()
    {
        Forget();
        if (_carried.IsEmpty)
            _carried.Dispose();
    }

    /// <summary>The same problem, at a record of the body.</summary>
    /// <param name="problem">The problem.</param>
    /// <param name="number">The record's number, from 1 on.</param>
    public abstract Problem At(Problem problem, long number);

    public void Dispose() => _carried.Dispose();

    /// <summary>Clears the record that was handed out last. Call it first in each method that takes records.</summary>
    protected void Forget()
    {
        if (_isHandedOut)
            _carried.Clear();
        _isHandedOut = false;
    }

    /// <summary>Keeps a piece that ends within a record.</summary>
    protected void Carry(ReadOnlySpan<byte> piece) => _carried.Add(piece);

    /// <summary>Returns a record: the bytes that are kept of it, and its end.</summary>
    protected ReadOnlySpan<byte> Complete(ReadOnlySpan<byte> end)
    {
        if (_carried.IsEmpty)
            return end;
        _carried.Add(end);
        _isHandedOut = true;
        return _carried.Bytes;
    }
}
