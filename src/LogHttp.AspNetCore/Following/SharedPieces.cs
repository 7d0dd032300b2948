using System.Buffers;
using System.Globalization;
using LogHttp.AspNetCore.Limits;
using LogHttp.Storage.Files;
using LogHttp.Storage.Logs;

namespace LogHttp.AspNetCore.Following;

/// <summary>The formats in which the followers of one partition can share new records.</summary>
internal enum SharedFormat
{
    Lines,
    Events,
    NamedEvents,
}

/// <summary>
/// New records of one partition, framed as a chunk once for each format. All followers of the format send the same
/// bytes. Counts in <see cref="FollowBudget"/> until the round is over, and the last slow follower has copied its rest.
/// Any thread.
/// </summary>
internal sealed class SharedPieces(FollowBudget budget) : IDisposable
{
    /// <summary>The most bytes of a piece. Short records can be small beside their frames.</summary>
    public const int MaxPieceBytes = 64 << 10;

    /// <summary>Room for the size of a chunk, which is known when the chunk is complete.</summary>
    const int MaxSizeBytes = 16;

    static readonly byte[] Declined = [];

    readonly Lock _gate = new();
    readonly byte[]?[] _framed = new byte[3][];
    readonly ReadOnlyMemory<byte>[] _pieces = new ReadOnlyMemory<byte>[3];
    int _sizeBytes;
    int _users = 1;

    /// <summary>The pieces of a page.</summary>
    public static SharedPieces Of(SharedPage page, FollowBudget budget) =>
        page.GetCompanion(budget, static budget => new SharedPieces(budget));

    /// <summary>
    /// Returns the page in a format, or nothing if it can't be shared: too large, not cached, damaged, or no room.
    /// </summary>
    public ReadOnlyMemory<byte> Find(SharedPage page, FollowFormat format, FollowSource source)
    {
        var index = (int)format.SharedFormat!.Value;
        if (Volatile.Read(ref _framed[index]) is null)
        {
            lock (_gate)
            {
                if (_framed[index] is null)
                    Frame(index, page, format, source);
            }
        }
        return _pieces[index];
    }

    /// <summary>Keeps the pieces for one more user, until it calls <see cref="Dispose"/>.</summary>
    public void Retain() => Interlocked.Increment(ref _users);

    public void Dispose()
    {
        if (Interlocked.Decrement(ref _users) == 0)
            budget.ReleaseShared(_sizeBytes);
    }

    void Frame(int index, SharedPage page, FollowFormat format, FollowSource source)
    {
        var chunk = new ArrayBufferWriter<byte>(2 * (int)page.Page.Region!.LengthBytes + 1024);
        chunk.Advance(MaxSizeBytes);
        byte[] framed = Declined;
        if (TryFrame(chunk, page, format, source) && budget.TryShare(chunk.WrittenCount))
        {
            _sizeBytes += chunk.WrittenCount;
            framed = chunk.WrittenSpan.ToArray();
            var recordBytes = framed.Length - MaxSizeBytes - 2;
            Span<byte> size = stackalloc byte[MaxSizeBytes];
            recordBytes.TryFormat(size, out var digits, "x", CultureInfo.InvariantCulture);
            "\r\n"u8.CopyTo(size[digits..]);
            size[..(digits + 2)].CopyTo(framed.AsSpan(MaxSizeBytes - digits - 2));
            _pieces[index] = framed.AsMemory(MaxSizeBytes - digits - 2);
        }
        Volatile.Write(ref _framed[index], framed);
    }

    static bool TryFrame(ArrayBufferWriter<byte> chunk, SharedPage page, FollowFormat format, FollowSource source)
    {
        try
        {
            var isWhole = format.TryFrame(page.Page, source, chunk, MaxPieceBytes);
            chunk.Write("\r\n"u8);
            return isWhole;
        }
        catch (Exception exception) when (exception is WouldWaitException or IOException)
        {
            // Each follower meets the reason in its own read, and its response says it.
            return false;
        }
    }
}
