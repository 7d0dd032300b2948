using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using LogHttp.Storage.Bytes;

namespace LogHttp.Storage.Records;

/// <summary>
/// The records of one append, validated and encoded, but for the offsets and the time, which only the partition knows.
/// One thread builds the batch in pooled memory. The partition that appends it disposes of it. After that, the batch
/// may be used again.
/// </summary>
public sealed partial class RecordBatch : IDisposable
{
    /// <summary>
    /// The share of the announced bytes that must arrive before memory is taken for the rest. So an announcement costs
    /// nothing.
    /// </summary>
    const int MinArrivedShare = 8;

    static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>
    /// A batch that is used again keeps its arrays up to this size. Most records fit, and the pool's arrays would go
    /// from thread to thread.
    /// </summary>
    const int MaxKeptBytes = 1 << 10;

    RecordLimits _limits;
    ValueForm _values;
    int _stampBytes;
    long _expectedBytes;
    bool _isUsedAgain;
    byte[] _tails = [];
    int _sizeBytes;
    int[] _tailBytes = [];
    uint? _crc;

    // Empty as long as no record has an offset or a time of its own. Few have, and a batch may have thousands.
    ExplicitStamp[] _explicitStamps = [];

    /// <summary>A record's own offset and timestamp. -1 leaves the choice to the partition.</summary>
    internal readonly record struct ExplicitStamp(long Offset, long TimestampMs)
    {
        public static readonly ExplicitStamp None = new(-1, -1);
    }

    /// <summary>Creates an empty batch.</summary>
    /// <param name="limits">The limits of the batch and its records.</param>
    /// <param name="producer">The sender, if repeats must be recognized, or null.</param>
    /// <param name="expectedBytes">
    /// About how many bytes will be added, if known. Memory for all of them is taken once a part of them has come.
    /// </param>
    /// <param name="values">The form of the values.</param>
    /// <param name="idempotencyKey">
    /// The key of the request, if repeats must be recognized by it, or null. Needs <see cref="Stamp"/> once all records
    /// were added.
    /// </param>
    /// <exception cref="ArgumentException">The producer or the key is invalid, or there are both.</exception>
    public RecordBatch(
        RecordLimits limits,
        ProducerStamp? producer = null,
        long expectedBytes = 0,
        ValueForm values = ValueForm.Auto,
        string? idempotencyKey = null
    )
    {
        Begin(limits, producer, expectedBytes, values, idempotencyKey);
    }

    /// <summary>
    /// Empties a batch that is not in the log's hands: it was never appended, or its append has been awaited. The
    /// parameters are those of a new batch.
    /// </summary>
    /// <exception cref="ArgumentException">The producer or the key is invalid.</exception>
    public void Reset(
        RecordLimits limits,
        ProducerStamp? producer,
        long expectedBytes,
        ValueForm values,
        string? idempotencyKey = null
    )
    {
        Begin(limits, producer, expectedBytes, values, idempotencyKey);
        _isUsedAgain = true;
        Dispose();
        (LargestTailBytes, _crc, Idempotency) = (0, null, null);
    }

    /// <summary>The sender, or null.</summary>
    public ProducerStamp? Producer { get; private set; }

    /// <summary>The idempotency key of the request, or null.</summary>
    public string? IdempotencyKey { get; private set; }

    /// <summary>The idempotency key with the payload, or null without a key or before <see cref="Stamp"/>.</summary>
    public IdempotencyStamp? Idempotency { get; private set; }

    /// <summary>The largest record that can be added, <see cref="RecordLimits.MaxRecordBytes"/>.</summary>
    public int MaxRecordBytes => _limits.MaxRecordBytes;

    /// <summary>The number of records.</summary>
    public int Count { get; private set; }

    /// <summary>The encoded size, without the heads (at most 77 bytes a record) that the partition will add.</summary>
    public int SizeBytes => _sizeBytes;

    /// <summary>The most bytes that the batch can take in a segment.</summary>
    public long MaxFramedBytes => _sizeBytes + _stampBytes + (long)Count * RecordFormat.MaxHeadBytes;

    /// <summary>Whether there is room for one more record of any allowed size.</summary>
    public bool HasRoom => MaxFramedBytes + RecordFormat.MaxHeadBytes + _limits.MaxRecordBytes <= _limits.MaxBatchBytes;

    /// <summary>The bytes of memory that the batch holds. Its arrays grow beyond their content.</summary>
    public long HeldBytes =>
        _tails.Length
        + (long)_tailBytes.Length * sizeof(int)
        + (long)_explicitStamps.Length * Unsafe.SizeOf<ExplicitStamp>();

    /// <summary>The partition's object for appends of this batch, kept for the next one. Null before.</summary>
    internal object? Companion { get; set; }

    /// <summary>The most bytes that a line takes without its head.</summary>
    internal int LargestTailBytes { get; private set; }

    /// <summary>
    /// CRC-32C of the content: all lines without their heads and the batch's fields, one behind the other. It is the
    /// same however the batch's request was framed, packed or cut (api/FORMAT.md §1).
    /// </summary>
    internal uint Crc => _crc ??= Crc32C.Of(Tails);

    /// <summary>The length of each record's tail, in their order.</summary>
    internal ReadOnlySpan<int> TailBytes => _tailBytes.AsSpan(0, Count);

    /// <summary>All tails, one behind the other.</summary>
    internal ReadOnlySpan<byte> Tails => _tails.AsSpan(0, _sizeBytes);

    /// <summary>Returns <see cref="Crc"/> of some records alone.</summary>
    internal uint CrcOf(int firstRecord, int count) =>
        count == Count ? Crc : Crc32C.Of(Tails[TailPosition(firstRecord)..TailPosition(firstRecord + count)]);

    /// <summary>Returns the position of a record's tail.</summary>
    internal int TailPosition(int record)
    {
        var position = 0;
        foreach (var tailBytes in TailBytes[..record])
            position += tailBytes;
        return position;
    }

    /// <summary>Whether any record brought an offset or a timestamp.</summary>
    internal bool HasExplicitStamps => _explicitStamps.Length > 0;

    /// <summary>Returns the offset and timestamp that a record brought.</summary>
    internal ExplicitStamp ExplicitStampOf(int record) =>
        HasExplicitStamps ? _explicitStamps[record] : ExplicitStamp.None;

    /// <summary>
    /// Adds a record whose value is a JSON text, kept as it is. If the record has a fault, returns it and adds nothing.
    /// </summary>
    public RecordFault? AddJson(ReadOnlySpan<byte> json, in RecordMetadata metadata = default)
    {
        json = JsonText.Trim(JsonText.SkipByteOrderMark(json));
        if (CheckSize(json.Length) is { } tooLarge)
            return tooLarge;
        if (JsonText.Validate(json) is { } fault)
            return fault;
        if (CheckJsonForm(json) is { } refused)
            return refused;
        return Add(
            metadata,
            RecordFields.Value,
            json.Length,
            json,
            static (json, destination) =>
            {
                json.CopyTo(destination);
                // Line breaks between tokens are white space to JSON, but end a record in the log.
                if (json.ContainsAny((byte)'\n', (byte)'\r'))
                {
                    var value = destination[..json.Length];
                    value.Replace((byte)'\n', (byte)' ');
                    value.Replace((byte)'\r', (byte)' ');
                }
                return json.Length;
            }
        );
    }

    /// <summary>Adds a record whose value is a text. If the record has a fault, returns it and adds nothing.</summary>
    public RecordFault? AddText(ReadOnlySpan<byte> text, in RecordMetadata metadata = default)
    {
        if (CheckSize(text.Length) is { } tooLarge)
            return tooLarge;
        if (_values is ValueForm.Json or ValueForm.Bytes)
            return WrongForm("a text");
        if (!System.Text.Unicode.Utf8.IsValid(text))
            return new(
                RecordFaultCode.InvalidUtf8,
                $"The text is not valid UTF-8 at byte {JsonText.FirstInvalidUtf8(text)}."
            );
        return Add(metadata, RecordFields.Value, JsonText.StringBytes(text), text, JsonText.WriteString);
    }

    /// <summary>
    /// Adds a record whose value is bytes, kept as Base64. If the record has a fault, returns it and adds nothing.
    /// </summary>
    public RecordFault? AddBytes(ReadOnlySpan<byte> bytes, in RecordMetadata metadata = default)
    {
        if (CheckSize(bytes.Length) is { } tooLarge)
            return tooLarge;
        if (_values is ValueForm.Json or ValueForm.Text)
            return WrongForm("bytes");
        return Add(
            metadata,
            RecordFields.ValueBase64,
            JsonText.MaxBase64Bytes(bytes.Length),
            bytes,
            JsonText.WriteBase64
        );
    }

    /// <summary>Sets the payload of the batch's request, which may have batches for other partitions too.</summary>
    /// <exception cref="ArgumentException">The stamp has another key than the batch.</exception>
    public void Stamp(IdempotencyStamp stamp)
    {
        ArgumentNullException.ThrowIfNull(stamp);
        if (stamp.Key != IdempotencyKey)
            throw new ArgumentException("The stamp has another key than the batch.", nameof(stamp));
        Idempotency = stamp;
    }

    /// <summary>Returns the memory to its pool.</summary>
    public void Dispose()
    {
        (_sizeBytes, Count) = (0, 0);
        if (!_isUsedAgain || _tails.Length > MaxKeptBytes)
            ReturnArray(ref _tails);
        if (!_isUsedAgain || _tailBytes.Length * sizeof(int) > MaxKeptBytes)
            ReturnArray(ref _tailBytes);
        ReturnArray(ref _explicitStamps);
    }

    [MemberNotNull(nameof(_limits))]
    void Begin(
        RecordLimits limits,
        ProducerStamp? producer,
        long expectedBytes,
        ValueForm values,
        string? idempotencyKey
    )
    {
        ArgumentNullException.ThrowIfNull(limits);
        if (producer?.Check() is { } fault)
            throw new ArgumentException(fault, nameof(producer));
        if (idempotencyKey is not null && IdempotencyStamp.CheckKey(idempotencyKey) is { } keyFault)
            throw new ArgumentException(keyFault, nameof(idempotencyKey));
        if (producer is not null && idempotencyKey is not null)
            throw new ArgumentException("A batch has a producer or an idempotency key.", nameof(idempotencyKey));
        (_limits, Producer, _expectedBytes, _values) = (
            limits,
            producer,
            Math.Min(expectedBytes, limits.MaxBatchBytes),
            values
        );
        IdempotencyKey = idempotencyKey;
        _stampBytes =
            (producer is null ? 0 : ProducerField.MaxBytes(producer))
            + (idempotencyKey is null ? 0 : IdempotencyField.MaxBytes(idempotencyKey));
    }

    delegate int ValueWriter(ReadOnlySpan<byte> value, Span<byte> destination);

    RecordFault? Add(
        in RecordMetadata metadata,
        ReadOnlySpan<byte> valueName,
        int maxValueBytes,
        ReadOnlySpan<byte> value,
        ValueWriter writeValue
    )
    {
        CheckExplicitStamp(metadata);
        if (Producer is not null && Producer.Sequence + Count > ProducerStamp.MaxNumber)
            return new(
                RecordFaultCode.InvalidProducer,
                Invariant($"The producer's sequence can't count beyond {ProducerStamp.MaxNumber}.")
            );
        var start = _sizeBytes;
        if ((metadata.KeyBytes is { } keyBytes ? AddKey(keyBytes.Span) : AddKey(metadata.Key)) is { } keyFault)
            return Undo(start, keyFault);
        if ((metadata.HeaderPairs is { } pairs ? AddHeaders(pairs) : AddHeaders(metadata.Headers)) is { } headersFault)
            return Undo(start, headersFault);
        var destination = Reserve(valueName.Length + maxValueBytes + RecordFields.LineEnd.Length);
        valueName.CopyTo(destination);
        var end = valueName.Length + writeValue(value, destination[valueName.Length..]);
        RecordFields.LineEnd.CopyTo(destination[end..]);
        _sizeBytes += end + RecordFields.LineEnd.Length;
        // Any record can be the first that is appended, and then has the producer's stamp.
        var tailBytes = _sizeBytes - start;
        if (tailBytes + _stampBytes > _limits.MaxRecordBytes)
            return Undo(start, TooLarge(tailBytes + _stampBytes));
        // Heads count too, so that an accepted batch also fits once it is framed.
        if (_sizeBytes + _stampBytes + (long)(Count + 1) * RecordFormat.MaxHeadBytes > _limits.MaxBatchBytes)
            return Undo(
                start,
                new(
                    RecordFaultCode.BatchTooLarge,
                    Invariant(
                        $"The batch is larger than {_limits.MaxBatchBytes} bytes (MaxBatchBytes); send it in parts."
                    )
                )
            );
        if (!LacksExplicitStamp(metadata))
            AddExplicitStamp(new(metadata.Offset ?? -1, metadata.TimestampMs ?? -1));
        Complete(tailBytes);
        return null;
    }

    /// <summary>Counts a record whose tail is encoded.</summary>
    void Complete(int tailBytes)
    {
        LargestTailBytes = Math.Max(LargestTailBytes, tailBytes + _stampBytes);
        Grow(ref _tailBytes, Count, 1);
        _tailBytes[Count++] = tailBytes;
        _crc = null;
    }

    /// <summary>Checks the form of a JSON value. A null is the absence of a value, and every form allows it.</summary>
    RecordFault? CheckJsonForm(ReadOnlySpan<byte> json) =>
        _values switch
        {
            ValueForm.Auto or ValueForm.Json => null,
            _ when json.SequenceEqual("null"u8) => null,
            ValueForm.Text when json[0] == (byte)'"' => JsonText.IsText(json)
                ? null
                : WrongForm("a JSON string that holds half of a surrogate pair"),
            _ => WrongForm("JSON"),
        };

    RecordFault WrongForm(string sent)
    {
        var (form, taken) = _values switch
        {
            ValueForm.Json => ("json", "JSON"),
            ValueForm.Text => ("text", "text, and JSON strings"),
            _ => ("bytes", "bytes"),
        };
        return new(
            RecordFaultCode.InvalidValue,
            $"The value is {sent}. The topic takes {taken} only (\"values\":\"{form}\")."
        );
    }

    /// <summary>Whether neither this record nor any before it has an offset or a time of its own.</summary>
    bool LacksExplicitStamp(in RecordMetadata metadata) =>
        _explicitStamps.Length == 0 && metadata.Offset is null && metadata.TimestampMs is null;

    void AddExplicitStamp(ExplicitStamp stamp)
    {
        var isFirst = _explicitStamps.Length == 0;
        Grow(ref _explicitStamps, isFirst ? 0 : Count, isFirst ? Count + 1 : 1);
        if (isFirst)
            _explicitStamps.AsSpan(0, Count).Fill(ExplicitStamp.None);
        _explicitStamps[Count] = stamp;
    }

    void CheckExplicitStamp(in RecordMetadata metadata)
    {
        if (LacksExplicitStamp(metadata))
            return;
        if (metadata.Offset is < 0 or > RecordMetadata.MaxOffset)
            throw new ArgumentOutOfRangeException(
                nameof(metadata),
                metadata.Offset,
                Invariant($"An offset is from 0 to {RecordMetadata.MaxOffset}.")
            );
        if (metadata.TimestampMs is < 0 or > RecordFormat.MaxTimestampMs)
            throw new ArgumentOutOfRangeException(
                nameof(metadata),
                metadata.TimestampMs,
                Invariant($"A timestamp is from 0 to {RecordFormat.MaxTimestampMs}.")
            );
        if (Count == 0)
            return;
        var lastOffset = ExplicitStampOf(Count - 1).Offset;
        if (metadata.Offset is null != lastOffset < 0 || metadata.Offset <= lastOffset)
            throw new ArgumentException(
                "All records of a batch are given an offset, each larger than the one before, or none is.",
                nameof(metadata)
            );
    }

    RecordFault Undo(int sizeBytes, RecordFault fault)
    {
        _sizeBytes = sizeBytes;
        return fault;
    }

    /// <summary>Refuses a value that is too large by itself, before it is encoded.</summary>
    RecordFault? CheckSize(int valueBytes) => valueBytes > _limits.MaxRecordBytes ? TooLarge(valueBytes) : null;

    RecordFault TooLarge(long sizeBytes) =>
        new(
            RecordFaultCode.RecordTooLarge,
            Invariant($"The record takes {sizeBytes} bytes; the most is {_limits.MaxRecordBytes} (MaxRecordBytes).")
        );

    RecordFault? AddKey(string? key)
    {
        if (key is null)
            return null;
        if (!TryCountUtf8(key, out var keyBytes))
            return new(RecordFaultCode.InvalidKey, "The key is not Unicode text: it holds half of a surrogate pair.");
        if (keyBytes > _limits.MaxKeyBytes)
            return KeyTooLong(keyBytes);
        Put(RecordFields.Key);
        PutString(key, keyBytes);
        return null;
    }

    RecordFault? AddKey(ReadOnlySpan<byte> key)
    {
        if (key.Length > _limits.MaxKeyBytes)
            return KeyTooLong(key.Length);
        var isText = System.Text.Unicode.Utf8.IsValid(key);
        Put(isText ? RecordFields.Key : RecordFields.KeyBase64);
        _sizeBytes += isText
            ? JsonText.WriteString(key, Reserve(JsonText.MaxStringBytes(key.Length)))
            : JsonText.WriteBase64(key, Reserve(JsonText.MaxBase64Bytes(key.Length)));
        return null;
    }

    RecordFault KeyTooLong(int keyBytes) =>
        new(
            RecordFaultCode.InvalidKey,
            Invariant($"The key takes {keyBytes} bytes; the most is {_limits.MaxKeyBytes} (MaxKeyBytes).")
        );

    RecordFault? AddHeaders(IReadOnlyList<KeyValuePair<string, string>>? headers)
    {
        if (headers is null || headers.Count == 0)
            return null;
        var headersBytes = 0L;
        foreach (var (name, value) in headers)
        {
            if (!TryCountUtf8(name, out var nameBytes) || !TryCountUtf8(value, out var valueBytes) || name.Length == 0)
                return new(
                    RecordFaultCode.InvalidHeader,
                    "A header's name is empty, or it is not Unicode text: it holds half of a surrogate pair."
                );
            headersBytes += nameBytes + valueBytes;
        }
        if (headersBytes > _limits.MaxHeadersBytes)
            return HeadersTooLong(headersBytes);
        Put(RecordFields.Headers);
        var separator = "{"u8;
        foreach (var group in headers.GroupBy(header => header.Key.ToLowerInvariant(), header => header.Value))
        {
            Put(separator);
            separator = ","u8;
            PutString(group.Key, StrictUtf8.GetByteCount(group.Key));
            Put(":"u8);
            var values = group.ToArray();
            if (values.Length > 1)
                Put("["u8);
            for (var i = 0; i < values.Length; i++)
            {
                if (i > 0)
                    Put(","u8);
                PutString(values[i], StrictUtf8.GetByteCount(values[i]));
            }
            if (values.Length > 1)
                Put("]"u8);
        }
        Put("}"u8);
        return null;
    }

    RecordFault HeadersTooLong(long headersBytes) =>
        new(
            RecordFaultCode.InvalidHeader,
            Invariant(
                $"The headers take {headersBytes} bytes; the most is {_limits.MaxHeadersBytes} (MaxHeadersBytes)."
            )
        );

    /// <summary>Adds headers as pairs, unless an object keeps all of them.</summary>
    RecordFault? AddHeaders(IReadOnlyList<RecordHeader> headers)
    {
        if (headers.Count == 0)
            return null;
        var headersBytes = 0L;
        foreach (var (name, value) in headers)
        {
            if (!TryCountUtf8(name, out var nameBytes))
                return new(
                    RecordFaultCode.InvalidHeader,
                    "A header's name is not Unicode text: it holds half of a surrogate pair."
                );
            headersBytes += nameBytes + (value?.Length ?? 0);
        }
        if (headersBytes > _limits.MaxHeadersBytes)
            return HeadersTooLong(headersBytes);
        if (FitsObject(headers))
            return AddHeaders([
                .. headers.Select(static header =>
                    KeyValuePair.Create(header.Name, StrictUtf8.GetString(header.Value!.Value.Span))
                ),
            ]);
        Put(RecordFields.Headers);
        var separator = "["u8;
        foreach (var (name, value) in headers)
        {
            Put(separator);
            separator = ","u8;
            Put("["u8);
            PutString(name, StrictUtf8.GetByteCount(name));
            Put(","u8);
            PutHeaderValue(value);
            Put("]"u8);
        }
        Put("]"u8);
        return null;
    }

    void PutHeaderValue(ReadOnlyMemory<byte>? value)
    {
        if (value is not { Span: var bytes })
        {
            Put("null"u8);
        }
        else if (System.Text.Unicode.Utf8.IsValid(bytes))
        {
            _sizeBytes += JsonText.WriteString(bytes, Reserve(JsonText.MaxStringBytes(bytes.Length)));
        }
        else
        {
            Put("{\"base64\":"u8);
            _sizeBytes += JsonText.WriteBase64(bytes, Reserve(JsonText.MaxBase64Bytes(bytes.Length)));
            Put("}"u8);
        }
    }

    /// <summary>
    /// Whether an object keeps all of the headers: lower-case names, equal names side by side, and texts as values.
    /// </summary>
    static bool FitsObject(IReadOnlyList<RecordHeader> headers)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        for (var i = 0; i < headers.Count; i++)
        {
            var (name, value) = headers[i];
            if (
                name.Length == 0
                || !name.AsSpan().SequenceEqual(name.ToLowerInvariant())
                || value is not { } bytes
                || !System.Text.Unicode.Utf8.IsValid(bytes.Span)
            )
                return false;
            if (!names.Add(name) && headers[i - 1].Name != name)
                return false;
        }
        return true;
    }

    static bool TryCountUtf8(string text, out int sizeBytes)
    {
        sizeBytes = 0;
        for (var rest = text.AsSpan(); !rest.IsEmpty; )
        {
            if (Rune.DecodeFromUtf16(rest, out var rune, out var consumed) != OperationStatus.Done)
                return false;
            sizeBytes += rune.Utf8SequenceLength;
            rest = rest[consumed..];
        }
        return true;
    }

    void PutString(string text, int textBytes)
    {
        var utf8 = ArrayPool<byte>.Shared.Rent(textBytes);
        StrictUtf8.GetBytes(text, utf8);
        _sizeBytes += JsonText.WriteString(utf8.AsSpan(0, textBytes), Reserve(JsonText.MaxStringBytes(textBytes)));
        PooledArray.Return(utf8);
    }

    void Put(ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(Reserve(bytes.Length));
        _sizeBytes += bytes.Length;
    }

    Span<byte> Reserve(int sizeBytes)
    {
        if (_tails.Length - _sizeBytes < sizeBytes)
        {
            // A quarter more, because a value takes ten more bytes around it.
            var likelyBytes = _sizeBytes >= _expectedBytes / MinArrivedShare ? _expectedBytes + _expectedBytes / 4 : 0;
            Grow(
                ref _tails,
                _sizeBytes,
                (int)Math.Clamp(likelyBytes - _sizeBytes, sizeBytes, Array.MaxLength - _sizeBytes)
            );
        }
        return _tails.AsSpan(_sizeBytes);
    }

    static void Grow<T>(ref T[] array, int used, int more)
    {
        if (array.Length - used >= more)
            return;
        var larger = ArrayPool<T>.Shared.Rent(Math.Max(checked(used + more), Math.Min(used * 2, Array.MaxLength)));
        array.AsSpan(0, used).CopyTo(larger);
        ReturnArray(ref array);
        array = larger;
    }

    static void ReturnArray<T>(ref T[] array)
    {
        var given = array;
        array = [];
        if (given.Length > 0)
            PooledArray.Return(given);
    }

    static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
