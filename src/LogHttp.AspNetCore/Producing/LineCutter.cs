namespace LogHttp.AspNetCore.Producing;

/// <summary>Takes lines one by one from pieces that end anywhere. For one thread.</summary>
internal sealed class LineCutter : IDisposable
{
    readonly PooledBytes _carried = new();
    bool _isHandedOut;

    /// <summary>How much of a line that is not ended yet is held.</summary>
    public int CarriedBytes => _isHandedOut ? 0 : _carried.SizeBytes;

    /// <summary>The memory it takes.</summary>
    public int HeldBytes => _carried.HeldBytes;

    /// <summary>The next line without its line feed; what is left of the piece is kept where there is none.</summary>
    /// <param name="rest">The piece, from where the last line ended.</param>
    /// <param name="line">There until the next call.</param>
    public bool TryTake(ref ReadOnlySpan<byte> rest, out ReadOnlySpan<byte> line)
    {
        Forget();
        var end = rest.IndexOf((byte)'\n');
        if (end < 0)
        {
            _carried.Add(rest);
            rest = line = default;
            return false;
        }
        line = rest[..end];
        rest = rest[(end + 1)..];
        if (!_carried.IsEmpty)
        {
            _carried.Add(line);
            line = _carried.Bytes;
            _isHandedOut = true;
        }
        return true;
    }

    /// <summary>What the body ends with, where that has no line feed.</summary>
    public bool TryTakeLast(out ReadOnlySpan<byte> line)
    {
        Forget();
        line = _carried.Bytes;
        _isHandedOut = !_carried.IsEmpty;
        return _isHandedOut;
    }

    public void Dispose() => _carried.Dispose();

    void Forget()
    {
        if (_isHandedOut)
            _carried.Clear();
        _isHandedOut = false;
    }
}
