using System.Buffers;
using LogHttp.Storage.Bytes;
using LogHttp.Storage.Files;

namespace LogHttp.Storage.Journal;

/// <summary>The kind of bytes at one position of a journal file.</summary>
internal enum RoundState
{
    /// <summary>No round: the filling, zeros, or the middle of a round.</summary>
    NoRound,

    /// <summary>A head of another epoch, from an older use of the file.</summary>
    OtherEpoch,

    /// <summary>The start of a head whose checksum is wrong.</summary>
    TornHead,

    /// <summary>A valid head, and a body whose checksum is wrong.</summary>
    TornBody,

    /// <summary>A valid head of a round that is longer than the rest of the file.</summary>
    Cut,

    /// <summary>A round with correct checksums, so not torn, which the format of this version does not allow.</summary>
    Malformed,

    /// <summary>A whole round.</summary>
    Valid,
}

/// <summary>
/// Reads the rounds of one file through a window that moves forward. The reads are large, because the journal's files
/// are opened without read-ahead. Holds at most <see cref="JournalFormat.MaxRoundBytes"/>. One thread.
/// </summary>
internal sealed class RoundWindow(IFile file, string path) : IDisposable
{
    const int WindowBytes = 1 << 20;

    byte[] _buffer = ArrayPool<byte>.Shared.Rent(WindowBytes);
    long _position;
    int _lengthBytes;

    /// <summary>The file's path, for messages.</summary>
    public string Path => path;

    /// <summary>The file's length when the window was created.</summary>
    public long SizeBytes { get; } = file.LengthBytes;

    /// <summary>Returns bytes of the file, fewer at its end. They are valid until the next call.</summary>
    public ReadOnlySpan<byte> Read(long position, int lengthBytes)
    {
        if (position < _position || position + lengthBytes > _position + _lengthBytes)
        {
            if (lengthBytes > _buffer.Length)
            {
                PooledArray.Return(_buffer);
                _buffer = ArrayPool<byte>.Shared.Rent(lengthBytes);
            }
            _lengthBytes = 0;
            _lengthBytes = file.Read(_buffer.AsSpan(0, Math.Max(WindowBytes, lengthBytes)), position);
            _position = position;
        }
        var start = (int)(position - _position);
        return _buffer.AsSpan(start, Math.Clamp(_lengthBytes - start, 0, lengthBytes));
    }

    /// <summary>Reads the head at a position, without its body.</summary>
    /// <param name="position">A multiple of 4,096.</param>
    /// <param name="epoch">The epoch of the head. Null for any.</param>
    /// <param name="head">The head, even a malformed one.</param>
    /// <param name="headChecksum">The head's checksum.</param>
    /// <returns>Never <see cref="RoundState.TornBody"/>, because the body is not checked.</returns>
    /// <exception cref="NotSupportedException">A newer version wrote the head.</exception>
    public RoundState ReadHead(long position, ulong? epoch, out RoundHead head, out uint headChecksum)
    {
        var bytes = Read(position, JournalFormat.HeadBytes);
        head = default;
        headChecksum = 0;
        if (!RoundHead.IsWritten(bytes))
            return bytes.StartsWith(JournalFormat.Magic) ? RoundState.TornHead : RoundState.NoRound;
        if (epoch is not null && RoundHead.EpochOf(bytes) != epoch)
            return RoundState.OtherEpoch;
        if (RoundHead.VersionOf(bytes) != JournalFormat.Version)
        {
            throw new NotSupportedException(
                $"{path}, position {position}: this round has version {RoundHead.VersionOf(bytes)} of the format; this "
                    + $"server knows version {JournalFormat.Version}. Use the server that wrote it, or a newer one."
            );
        }
        if (!RoundHead.TryRead(bytes, out head, out headChecksum))
            return RoundState.Malformed;
        return head.LengthBytes <= SizeBytes - position ? RoundState.Valid : RoundState.Cut;
    }

    /// <summary>Reads the round at a position and checks all of it.</summary>
    /// <param name="position">A multiple of 4,096.</param>
    /// <param name="epoch">The epoch of the round. Null for any.</param>
    /// <param name="head">The head, even a malformed one.</param>
    /// <param name="headChecksum">The head's checksum.</param>
    /// <param name="body">The bytes of the entries. Valid until the next call.</param>
    /// <exception cref="NotSupportedException">A newer version wrote the head.</exception>
    public RoundState ReadRound(
        long position,
        ulong? epoch,
        out RoundHead head,
        out uint headChecksum,
        out ReadOnlySpan<byte> body
    )
    {
        body = default;
        var state = ReadHead(position, epoch, out head, out headChecksum);
        if (state is not RoundState.Valid)
            return state;
        body = Read(position, head.LengthBytes);
        // A file that ends here was longer when the window was created.
        if (body.Length < head.LengthBytes)
            return RoundState.Cut;
        body = body[JournalFormat.HeadBytes..];
        if (Crc32C.Of(body) != head.BodyChecksum)
            return RoundState.TornBody;
        return JournalFormat.AreEntriesValid(body, head.EntryCount) ? RoundState.Valid : RoundState.Malformed;
    }

    /// <summary>Returns the buffer to the pool.</summary>
    public void Dispose()
    {
        PooledArray.Return(_buffer);
        _buffer = [];
        _lengthBytes = 0;
    }
}
