using System.Diagnostics.Metrics;

namespace LogHttp.Storage.Journal;

/// <summary>Counts the journal's work since the start. Written by the commit thread, read by any.</summary>
internal sealed class JournalCounters
{
    static readonly Meter Meter = new("LogHttp.Storage");
    static readonly Counter<long> RoundCounter = Meter.CreateCounter<long>(
        "loghttp.journal.rounds",
        "{round}",
        "Rounds written and synced."
    );
    static readonly Counter<long> RecordCounter = Meter.CreateCounter<long>(
        "loghttp.journal.records",
        "{record}",
        "Records made durable by rounds."
    );
    static readonly Counter<long> ByteCounter = Meter.CreateCounter<long>(
        "loghttp.journal.bytes",
        "By",
        "Bytes written by rounds, padding included."
    );

    long _rounds;
    long _units;
    long _records;
    long _bytes;

    public long Rounds => Volatile.Read(ref _rounds);

    public long Units => Volatile.Read(ref _units);

    public long Records => Volatile.Read(ref _records);

    public long Bytes => Volatile.Read(ref _bytes);

    public void Add(List<JournalUnit> round, int writtenBytes)
    {
        var records = 0;
        foreach (var unit in round)
            records += unit.RecordCount;
        Volatile.Write(ref _rounds, _rounds + 1);
        Volatile.Write(ref _units, _units + round.Count);
        Volatile.Write(ref _records, _records + records);
        Volatile.Write(ref _bytes, _bytes + writtenBytes);
        RoundCounter.Add(1);
        RecordCounter.Add(records);
        ByteCounter.Add(writtenBytes);
    }
}
