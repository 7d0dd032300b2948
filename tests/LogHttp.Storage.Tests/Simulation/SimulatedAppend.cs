using System.Buffers.Text;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using LogHttp.Storage.Appending;
using LogHttp.Storage.Records;

namespace LogHttp.Storage.Tests.Simulation;

/// <summary>
/// One requested batch, with the required bytes of its lines. This class writes them by other means than the log.
/// </summary>
sealed class SimulatedAppend
{
    static readonly (string? Key, string Json)[] Keys =
    [
        (null, ""),
        ("user-7", "\"user-7\""),
        ("", "\"\""),
        ("née \"☃\"\n🎈", "\"née \\\"☃\\\"\\n🎈\""),
    ];

    static readonly (KeyValuePair<string, string>[]? Headers, string Json)[] Headers =
    [
        (null, ""),
        ([new("Trace", "9f")], """{"trace":"9f"}"""),
        ([new("a", "1"), new("b", "\\"), new("A", "3")], """{"a":["1","3"],"b":"\\"}"""),
    ];

    readonly SimulatedRecord[] _records;
    readonly string _idJson;

    SimulatedAppend(int id, SimulatedRecord[] records, RecordBatch batch, string idJson) =>
        (Id, _records, Batch, Producer, _idJson) = (id, records, batch, batch.Producer, idJson);

    public int Id { get; }
    public RecordBatch Batch { get; }

    /// <summary>The producer of the batch, and its number. Null without a producer.</summary>
    public ProducerStamp? Producer { get; private init; }

    /// <summary>The idempotency key of the batch, and its payload. Null without a key.</summary>
    public IdempotencyStamp? Key { get; private init; }

    /// <summary>The earliest time that the clock showed while the append waited.</summary>
    public long EarliestClockMs { get; set; }

    /// <summary>Whether the disk's room was limited at some time while the append waited.</summary>
    public bool MetLimit { get; set; }

    /// <summary>Whether the disk failed in a life that ended before the response was known.</summary>
    public bool MetError { get; set; }

    /// <summary>Whether to drop records that are in the log already.</summary>
    public bool MayOverlap { get; init; }

    public IReadOnlyList<SimulatedRecord> Records => _records;

    /// <summary>The offset that the batch must get, or null for any.</summary>
    public long? ExpectedNextOffset { get; set; }

    public int Count => _records.Length;
    public bool HasOffsets => _records[0].Offset is not null;
    public long GivenOffset => _records[0].Offset ?? -1;

    /// <summary>The clock's time at the request.</summary>
    public long AskedAtMs { get; init; }

    public Task<AppendResult> Result { get; set; } = null!;

    public bool HasTimestamp(int record) => _records[record].TimestampMs is not null;

    public long OffsetOf(int record, long firstOffset) => _records[record].Offset ?? firstOffset + record;

    public long TimestampOf(int record, long stampMs) => _records[record].TimestampMs ?? stampMs;

    public override string ToString() =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"append {Id} ({Count} records, {_records.Sum(record => record.Tail.Length)} "
                + $"bytes{(HasOffsets ? $", offsets {GivenOffset} to {_records[^1].Offset}" : "")}"
                + $"{(Key is null ? "" : $", {Key}")}"
                + $"{(Producer is null ? "" : $", {Producer}{(MayOverlap ? ", may overlap" : "")}")}"
                + $"{(ExpectedNextOffset is { } expected ? $", at {expected}" : "")})"
        );

    /// <summary>The rest to append if the first records are in the log already.</summary>
    public SimulatedAppend Without(int firstRecords) =>
        firstRecords == 0
            ? this
            : new(Id, _records[firstRecords..], Batch, _idJson)
            {
                Producer = Producer! with { Sequence = Producer.Sequence + firstRecords },
                MayOverlap = MayOverlap,
                ExpectedNextOffset = ExpectedNextOffset,
                AskedAtMs = AskedAtMs,
                Result = Result,
            };

    string ProducerJson() =>
        Producer is null
            ? ""
            : string.Create(
                CultureInfo.InvariantCulture,
                $",\"producer\":[{_idJson},{Producer.Epoch},{Producer.Sequence},"
                    + $"\"{Crc(_records.SelectMany(record => record.Tail)):x8}\"]"
            );

    string KeyJson(long stampMs)
    {
        if (Key is null)
            return "";
        var own = HasTimestamp(0) ? string.Create(CultureInfo.InvariantCulture, $":{stampMs}") : "";
        return string.Create(
            CultureInfo.InvariantCulture,
            $",\"idempotency\":[{_idJson},\"{Key.Partitions}:{Key.Hash:x32}{own}\"]"
        );
    }

    /// <summary>Returns the batch's stamp in the field of its key. Null if the line has none.</summary>
    public long? KeyTimestampMs(ReadOnlySpan<byte> line)
    {
        var text = Key is null ? [] : Encoding.UTF8.GetBytes($":{Key.Hash:x32}:");
        var start = Key is null ? -1 : line[..(line.IndexOf((byte)'\n') + 1)].IndexOf(text);
        return start >= 0 && Utf8Parser.TryParse(line[(start + text.Length)..], out long stampMs, out _)
            ? stampMs
            : null;
    }

    /// <summary>Computes the hash as FORMAT.md defines it.</summary>
    static UInt128 Hash(int partition, IReadOnlyList<SimulatedRecord> records)
    {
        byte[] tails = [.. records.SelectMany(static record => record.Tail)];
        byte[] payload = [.. BitConverter.GetBytes(partition), .. BitConverter.GetBytes(tails.LongLength), .. tails];
        return UInt128.Parse(
            Convert.ToHexString(SHA256.HashData(payload))[..32],
            NumberStyles.HexNumber,
            CultureInfo.InvariantCulture
        );
    }

    /// <summary>Computes CRC-32C bit by bit, as it is defined.</summary>
    static uint Crc(IEnumerable<byte> bytes)
    {
        var crc = uint.MaxValue;
        foreach (var value in bytes)
        {
            crc ^= value;
            for (var bit = 0; bit < 8; bit++)
                crc = (crc & 1) == 0 ? crc >> 1 : (crc >> 1) ^ 0x82F63B78;
        }
        return ~crc;
    }

    /// <summary>Returns a record's whole line, with the offset and stamp of the batch.</summary>
    public byte[] Line(int record, long firstOffset, long stampMs)
    {
        var batch = record == 0 && Count > 1 ? $",\"batch\":{Count}" : "";
        var producer = record == 0 ? ProducerJson() + KeyJson(stampMs) : "";
        return
        [
            .. Encoding.UTF8.GetBytes(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"{{\"offset\":{OffsetOf(record, firstOffset)},\"timestamp\":{TimestampOf(record, stampMs)}"
                        + $"{batch}{producer}"
                )
            ),
            .. _records[record].Tail,
        ];
    }

    public static SimulatedAppend Draw(
        Random random,
        int id,
        int count,
        Func<int> drawSize,
        Func<long?> drawOffset,
        StorageSimulation.DrawnProducer? producer,
        StorageSimulation.DrawnKey? key,
        long nowMs,
        RecordLimits limits
    )
    {
        if (producer is not null)
            key = null;
        var batch = new RecordBatch(limits, producer?.Stamp, idempotencyKey: key?.Key);
        var sent = producer?.Known ?? key?.Known ?? [];
        var records = new List<SimulatedRecord>();
        var hasTimestamps = random.Next(6) == 0;
        count = producer?.CountWanted ?? key?.CountWanted ?? count;
        while (records.Count < count)
        {
            if (records.Count < sent.Count)
            {
                var known = sent[records.Count] with { Offset = drawOffset(), TimestampMs = null };
                if (known.AddTo(batch, known.Offset) is not null)
                    break;
                records.Add(known);
                continue;
            }
            var (recordKey, keyJson) = Keys[random.Next(3) == 0 ? random.Next(Keys.Length) : 0];
            var (headers, headersJson) = Headers[random.Next(4) == 0 ? random.Next(Headers.Length) : 0];
            var metadata = new RecordMetadata
            {
                Key = recordKey,
                Headers = headers,
                Offset = drawOffset(),
                TimestampMs = hasTimestamps && random.Next(3) > 0 ? DrawTimestamp(random, nowMs) : null,
            };
            var name = string.Create(CultureInfo.InvariantCulture, $"{id}.{records.Count}");
            var pad = new string((char)('a' + random.Next(26)), drawSize());
            var kind = random.Next(4);
            var (fault, value) = Add(batch, kind, name, pad, metadata);
            if (fault is { Code: RecordFaultCode.BatchTooLarge } && records.Count > 0)
                break;
            if (fault is not null)
                throw new SimulationException($"A record was refused: {fault}");
            var tail =
                $"{(recordKey is null ? "" : ",\"key\":")}{keyJson}{(headers is null ? "" : ",\"headers\":")}"
                + $"{headersJson}{value}}}\n";
            records.Add(
                new SimulatedRecord(
                    Encoding.UTF8.GetBytes(tail),
                    metadata.Offset,
                    metadata.TimestampMs,
                    (batch, offset) =>
                        Add(batch, kind, name, pad, metadata with { Offset = offset, TimestampMs = null }).Item1
                )
            );
        }
        var stamp = key is null ? null : new IdempotencyStamp(key.Key, key.Partitions, Hash(0, records));
        if (key is not null)
            batch.Stamp(IdempotencyStamp.Of(key.Key, key.Partitions, [new(0, batch)]));
        return new SimulatedAppend(id, [.. records], batch, producer?.IdJson ?? key?.KeyJson ?? "")
        {
            Key = stamp,
            AskedAtMs = nowMs,
            EarliestClockMs = nowMs,
            MayOverlap = producer?.MayOverlap ?? false,
        };
    }

    static (RecordFault?, string Value) Add(
        RecordBatch batch,
        int kind,
        string name,
        string pad,
        in RecordMetadata metadata
    ) =>
        kind switch
        {
            0 => (
                batch.AddText(Encoding.UTF8.GetBytes($"{name} \t{pad}"), metadata),
                $",\"value\":\"{name} \\t{pad}\""
            ),
            1 => (
                batch.AddBytes([0xFF, .. Encoding.UTF8.GetBytes(name + pad)], metadata),
                $",\"valueBase64\":\"{Convert.ToBase64String([0xFF, .. Encoding.UTF8.GetBytes(name + pad)])}\""
            ),
            _ => (
                batch.AddJson(
                    Encoding.UTF8.GetBytes($"{{\"id\":\n\"{name}\", \"n\":1.50e2,\"pad\":\"{pad}\"}}\n"),
                    metadata
                ),
                $",\"value\":{{\"id\": \"{name}\", \"n\":1.50e2,\"pad\":\"{pad}\"}}"
            ),
        };

    static long DrawTimestamp(Random random, long nowMs) =>
        random.Next(8) switch
        {
            0 => 0,
            1 => (1L << 53) - 1,
            _ => nowMs + random.Next(-100_000, 100_000),
        };
}

/// <param name="Tail">The rest of its line, beginning with the key.</param>
/// <param name="Offset">The offset that the producer gives, or null.</param>
/// <param name="TimestampMs">The timestamp that the producer gives, or null.</param>
/// <param name="AddTo">Adds the same record to a batch, with an offset or without.</param>
sealed record SimulatedRecord(
    byte[] Tail,
    long? Offset,
    long? TimestampMs,
    Func<RecordBatch, long?, RecordFault?> AddTo
);
