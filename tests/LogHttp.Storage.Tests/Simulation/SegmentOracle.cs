using System.Buffers.Binary;
using System.Text;
using LogHttp.Storage.Bytes;
using LogHttp.Storage.Reading;

namespace LogHttp.Storage.Tests.Simulation;

/// <summary>
/// Computes the parts of a segment with given lines according to api/FORMAT.md: its boundaries, its index, the ends of
/// pages.
/// </summary>
sealed class SegmentOracle
{
    readonly long _baseOffset;
    readonly IReadOnlyList<ModelLine> _lines;
    readonly long[] _positions;
    readonly List<int> _boundaries = [];
    readonly List<byte> _entries = [];

    public SegmentOracle(long baseOffset, IReadOnlyList<ModelLine> lines, bool isSealed)
    {
        (_baseOffset, _lines) = (baseOffset, lines);
        _positions = new long[lines.Count + 1];
        var (crc, maxTimestampMs) = (0u, -1L);
        for (var i = 0; i < lines.Count; i++)
        {
            crc = Crc32C.Append(crc, lines[i].Bytes);
            maxTimestampMs = Math.Max(maxTimestampMs, lines[i].TimestampMs);
            _positions[i + 1] = _positions[i] + lines[i].Bytes.Length;
            var isBoundary = _positions[i + 1] - (_boundaries.Count == 0 ? 0 : _positions[_boundaries[^1]]) >= 4096;
            if (!isBoundary && !(isSealed && i == lines.Count - 1))
                continue;
            _boundaries.Add(i + 1);
            AddEntry(i + 1, maxTimestampMs, crc);
            crc = 0;
        }
    }

    public long LengthBytes => _positions[^1];

    public long PositionOf(int line) => _positions[line];

    /// <summary>The content of the index file. For an active segment, its beginning.</summary>
    public byte[] Index()
    {
        var header = new byte[24];
        Encoding.ASCII.GetBytes("LHINDEX0", header);
        header[8] = 1;
        BinaryPrimitives.WriteInt64LittleEndian(header.AsSpan(12), _baseOffset);
        BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(20), Crc32C.Of(header.AsSpan(0, 20)));
        return [.. header, .. _entries];
    }

    /// <summary>The line behind the page that begins with a given line.</summary>
    public int PageEnd(int first, PageSize size)
    {
        var position = _positions[first];
        var reach = LastBoundary(position + size.MaxBytes);
        if (reach <= first)
        {
            // There is no boundary within reach: as many lines as fit, and at least one.
            var end = first + 1;
            while (end < _lines.Count && _positions[end + 1] <= position + size.MaxBytes)
                end++;
            return end;
        }
        for (var grid = (position / size.GridBytes + 1) * size.GridBytes; grid < LengthBytes; grid += size.GridBytes)
        {
            if (LastBoundary(grid) is var end && end > first)
                return Math.Min(end, reach);
        }
        return LengthBytes - position <= size.MaxBytes ? _lines.Count : reach;
    }

    int LastBoundary(long position)
    {
        var last = 0;
        foreach (var boundary in _boundaries)
        {
            if (_positions[boundary] <= position)
                last = boundary;
        }
        return last;
    }

    void AddEntry(int line, long maxTimestampMs, uint crc)
    {
        var entry = new byte[24];
        BinaryPrimitives.WriteUInt32LittleEndian(entry, (uint)(_lines[line - 1].Offset + 1 - _baseOffset));
        BinaryPrimitives.WriteUInt32LittleEndian(entry.AsSpan(4), (uint)_positions[line]);
        BinaryPrimitives.WriteInt64LittleEndian(entry.AsSpan(8), maxTimestampMs);
        BinaryPrimitives.WriteUInt32LittleEndian(entry.AsSpan(16), crc);
        BinaryPrimitives.WriteUInt32LittleEndian(entry.AsSpan(20), Crc32C.Of(entry.AsSpan(0, 20)));
        _entries.AddRange(entry);
    }
}
