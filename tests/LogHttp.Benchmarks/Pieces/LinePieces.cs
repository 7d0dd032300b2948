using System.Buffers;
using BenchmarkDotNet.Attributes;
using LogHttp.AspNetCore.Producing;
using LogHttp.Benchmarks.Contest;

namespace LogHttp.Benchmarks.Pieces;

/// <summary>
/// Splits a body of 1 MiB into lines, in one piece and in the server's blocks of 16 KiB. Reported for each line.
/// </summary>
public class LinePieces
{
    // Lines of both sizes with a line feed each. BenchmarkDotNet needs their number at compile time and reports for
    // one.
    const int Lines = 1_000;
    const int BlockBytes = 16 << 10;

    ReadOnlySequence<byte> _whole;
    ReadOnlySequence<byte> _blocks;

    [Params(100, 1024)]
    public int Bytes { get; set; }

    [GlobalSetup]
    public void Prepare()
    {
        var body = Payloads.JsonLines(Bytes, Lines * (Bytes + 1));
        _whole = new(body);
        var first = new Block(body.AsMemory(0, BlockBytes), 0);
        var last = first;
        for (var position = BlockBytes; position < body.Length; position += BlockBytes)
            last = last.Append(body.AsMemory(position, Math.Min(BlockBytes, body.Length - position)));
        _blocks = new(first, 0, last, last.Memory.Length);
    }

    [Benchmark(OperationsPerInvoke = Lines)]
    public int LineCutterWhole() => Cut(_whole);

    [Benchmark(OperationsPerInvoke = Lines)]
    public int LineCutterBlocks() => Cut(_blocks);

    static int Cut(ReadOnlySequence<byte> body)
    {
        using var cutter = new LineCutter();
        var lines = 0;
        foreach (var piece in body)
        {
            var rest = piece.Span;
            while (cutter.TryTake(ref rest, out _))
                lines++;
        }
        return lines;
    }

    sealed class Block : ReadOnlySequenceSegment<byte>
    {
        public Block(ReadOnlyMemory<byte> memory, long position) => (Memory, RunningIndex) = (memory, position);

        public Block Append(ReadOnlyMemory<byte> memory)
        {
            var next = new Block(memory, RunningIndex + Memory.Length);
            Next = next;
            return next;
        }
    }
}
