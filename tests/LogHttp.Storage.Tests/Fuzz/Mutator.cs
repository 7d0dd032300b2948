using System.Text;

namespace LogHttp.Storage.Tests.Fuzz;

/// <summary>Makes nearly valid inputs out of valid ones, from a seed.</summary>
sealed class Mutator(int seed, byte[][] corpus, string[] tokens)
{
    readonly Random _random = new(seed);
    readonly byte[][] _tokens = [.. tokens.Select(Encoding.UTF8.GetBytes)];

    public byte[] Next()
    {
        var bytes = new List<byte>(corpus[_random.Next(corpus.Length)]);
        for (var count = _random.Next(8); count > 0; count--)
            Mutate(bytes);
        return [.. bytes];
    }

    void Mutate(List<byte> bytes)
    {
        var at = _random.Next(bytes.Count + 1);
        var length = Math.Min(bytes.Count - at, 1 + _random.Next(_random.Next(4) == 0 ? 5_000 : 12));
        switch (_random.Next(8))
        {
            case 0 when length > 0:
                bytes[at] ^= (byte)(1 << _random.Next(8));
                break;
            case 1 when length > 0:
                bytes[at] = (byte)_random.Next(256);
                break;
            case 2:
                bytes.RemoveRange(at, length);
                break;
            case 3:
                bytes.InsertRange(at, bytes.GetRange(at, length));
                break;
            case 4:
                bytes.InsertRange(at, _tokens[_random.Next(_tokens.Length)]);
                break;
            case 5:
                var other = corpus[_random.Next(corpus.Length)];
                var from = _random.Next(other.Length + 1);
                bytes.InsertRange(at, other.AsSpan(from, Math.Min(other.Length - from, _random.Next(2_000))));
                break;
            case 6:
                bytes.RemoveRange(at, bytes.Count - at);
                break;
            case 7:
                // Pages that never reached the disk look so.
                for (var i = at; i < at + length; i++)
                    bytes[i] = 0;
                break;
        }
    }
}
