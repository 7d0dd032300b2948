using BenchmarkDotNet.Attributes;
using LogHttp.Benchmarks.Contest;
using LogHttp.Storage;
using LogHttp.Storage.Records;
using LogHttp.Storage.Segments;

namespace LogHttp.Benchmarks.Pieces;

/// <summary>The work for each record of an append.</summary>
public class BatchPieces
{
    const int Records = 1_000;
    const long TimestampMs = 1_763_800_000_123;

    readonly byte[] _head = new byte[RecordFormat.MaxHeadBytes];
    byte[] _json = [];
    byte[] _line = [];

    [Params(100, 1024)]
    public int Bytes { get; set; }

    [GlobalSetup]
    public void Prepare()
    {
        _json = Payloads.Json(Bytes);
        _line =
        [
            .. _head.AsSpan(0, RecordFields.WriteHead(_head, 1_234_567, TimestampMs, 0)),
            .. RecordFields.Value,
            .. _json,
            .. RecordFields.LineEnd,
        ];
    }

    /// <summary>
    /// Validates, copies and takes a slot. Creating and returning the batch counts a thousandth each.
    /// </summary>
    [Benchmark(OperationsPerInvoke = Records)]
    public int RecordBatchAddJson()
    {
        using var batch = new RecordBatch(new RecordLimits());
        for (var number = 0; number < Records; number++)
        {
            if (batch.AddJson(_json) is not null)
                throw new InvalidOperationException("The record is sound.");
        }
        return batch.SizeBytes;
    }

    [Benchmark(OperationsPerInvoke = Records)]
    public int RecordFormatWriteHead()
    {
        var written = 0;
        for (var number = 0; number < Records; number++)
            written += RecordFields.WriteHead(_head, 1_234_567 + number, TimestampMs, 0);
        return written;
    }

    /// <summary>Computes the CRC of each line, and an index entry at the end of a block.</summary>
    [Benchmark(OperationsPerInvoke = Records)]
    public int SegmentCursorAdvance()
    {
        var cursor = new SegmentCursor(0);
        for (var number = 0; number < Records; number++)
        {
            if (cursor.Advance(_line, number, TimestampMs))
                cursor.CloseBlock();
        }
        return cursor.IndexEntries;
    }
}
