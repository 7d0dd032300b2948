namespace LogHttp.AspNetCore.Producing;

/// <summary>Takes lines one by one from pieces that end anywhere. For one thread.</summary>
internal sealed class LineCutter : IRecordCutter
{
    readonly PooledBytes _carried = new();
    bool _isHandedOut;

    /// <summary>The bytes held of a line that has not ended yet.</summary>
    public int CarriedBytes => _isHandedOut ? 0 : _carried.SizeBytes;

    /// <summary>The memory it takes.</summary>
    public int HeldBytes => _carried.HeldBytes;

    /// <summary>Returns the next line without its line feed. If there is none, keeps the rest of the piece.</summary>
    /// <param name="rest">The piece, behind the last line.</param>
    /// <param name="line">Valid until the next call.</param>
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

    /// <summary>Returns the end of the body, if it has no line feed.</summary>
    public bool TryTakeLast(out ReadOnlySpan<byte> line)
    {
        Forget();
        line = _carried.Bytes;
        _isHandedOut = !_carried.IsEmpty;
        return _isHandedOut;
    }

    public void ReleaseUnused()
    {
        Forget();
        if (_carried.IsEmpty)
            _carried.Dispose();
    }

    public void Dispose() => _carried.Dispose();

    void Forget()
    {
        if (_isHandedOut)
            _carried.Clear();
        _isHandedOut = false;
    }
}
