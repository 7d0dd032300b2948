using CsCheck;
using LogHttp.Storage.Records;

namespace LogHttp.Storage.Tests.Records;

public class RecordWriterTests
{
    static readonly Gen<(int[] TailBytes, long Offset, int Room, int Enough)> Runs = Gen.Select(
        Gen.Int[1, 150].Array[1, 40],
        Gen.Long[0, 1_100],
        Gen.Int[0, 4_000],
        Gen.Int[1, 3_000]
    );

    [Fact]
    public void WriteRun_AnySizes_EqualsLineByLine() =>
        Runs.Sample(
            run =>
            {
                const long TimestampMs = 1_795_370_332_451;
                var tails = Enumerable.Range(0, run.TailBytes.Sum()).Select(number => (byte)number).ToArray();
                var written = new byte[run.Room];
                var writer = new RecordWriter();
                var result = writer.WriteRun(written, run.Offset, TimestampMs, tails, run.TailBytes, run.Enough);

                var (expected, position, taken, count) = (new byte[8_000], 0, 0, 0);
                var lines = new RecordWriter();
                foreach (var tailBytes in run.TailBytes)
                {
                    if (position >= run.Enough || position + RecordWriter.MaxBytes(null, tailBytes) > run.Room)
                        break;
                    var tail = tails.AsSpan(taken, tailBytes);
                    position += lines.Write(
                        expected.AsSpan(position),
                        run.Offset + count++,
                        TimestampMs,
                        batchCount: 0,
                        stamp: null,
                        tail
                    );
                    taken += tailBytes;
                }
                Assert.Equal(new RecordRun(count, position, taken), result);
                Assert.Equal(expected.AsSpan(0, position), written.AsSpan(0, position));
            },
            iter: 2_000
        );
}
