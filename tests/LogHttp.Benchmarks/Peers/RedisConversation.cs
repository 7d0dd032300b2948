using System.Globalization;
using System.Text;
using LogHttp.Benchmarks.Load;

namespace LogHttp.Benchmarks.Peers;

/// <summary>
/// Sends one Redis command over and over. A reply is a line, a string, or an array whose size in bytes is always the
/// same.
/// </summary>
sealed class RedisConversation(byte[] command, int repliedBytes) : IConversation
{
    int _received;

    public static byte[] Command(params byte[][] words)
    {
        var bytes = new List<byte>(Encoding.ASCII.GetBytes($"*{words.Length}\r\n"));
        foreach (var word in words)
            bytes.AddRange([
                .. Encoding.ASCII.GetBytes($"${word.Length.ToString(CultureInfo.InvariantCulture)}\r\n"),
                .. word,
                .. "\r\n"u8,
            ]);
        return [.. bytes];
    }

    public ReadOnlyMemory<byte> NextRequest() => command;

    public int Take(ReadOnlySpan<byte> received)
    {
        if (_received == 0 && received[0] == '-')
            throw new IOException($"Redis refused: {Encoding.ASCII.GetString(received)}");
        _received += received.Length;
        // The id of a stream entry grows by a digit at times. Whole lines end in a line feed.
        if (repliedBytes > 0 ? _received < repliedBytes : received[^1] != '\n' || _received < 6)
            return 0;
        _received = 0;
        return 1;
    }
}
