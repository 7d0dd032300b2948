using System.Text;

namespace LogHttp.Storage.Records;

/// <summary>
/// The fields of one record line, as parts of the line. Copies and decodes nothing (api/FORMAT.md §1).
/// </summary>
public readonly ref struct RecordView
{
    /// <summary>The whole line, its line feed included.</summary>
    public ReadOnlySpan<byte> Line { get; private init; }

    /// <summary>The record's offset.</summary>
    public long Offset { get; private init; }

    /// <summary>Unix milliseconds.</summary>
    public long TimestampMs { get; private init; }

    /// <summary>The line from the key on, or from the next field if there is no key.</summary>
    internal ReadOnlySpan<byte> AfterHead { get; private init; }

    /// <summary>The headers, a JSON object or an array of pairs. Empty if there are none.</summary>
    public ReadOnlySpan<byte> Headers { get; private init; }

    /// <summary>The value, one JSON value. A string of Base64 if <see cref="IsBase64"/>.</summary>
    public ReadOnlySpan<byte> Value { get; private init; }

    /// <summary>Whether the value is bytes.</summary>
    public bool IsBase64 { get; private init; }

    /// <summary>Finds the fields of a line that the log wrote. Returns false if it is none.</summary>
    public static bool TryParse(ReadOnlySpan<byte> line, out RecordView view)
    {
        view = default;
        if (!RecordFields.TryReadHead(line, out var head) || !line.EndsWith(RecordFields.LineEnd))
            return false;
        var rest = line[RecordFields.HeadBytes(line)..];
        if (
            !TrySkip(ref rest, ProducerField.Name, out _)
            || !TrySkip(ref rest, RecordFields.Commit, out _)
            || !TrySkip(ref rest, RecordFields.Idempotency, out _)
        )
            return false;
        var afterHead = rest;
        if (
            !TrySkip(ref rest, RecordFields.Key, out _)
            || !TrySkip(ref rest, RecordFields.KeyBase64, out _)
            || !TrySkip(ref rest, RecordFields.Headers, out var headers)
        )
            return false;
        var isBase64 = rest.StartsWith(RecordFields.ValueBase64);
        if (!isBase64 && !rest.StartsWith(RecordFields.Value))
            return false;
        var name = isBase64 ? RecordFields.ValueBase64 : RecordFields.Value;
        if (rest.Length <= name.Length + RecordFields.LineEnd.Length)
            return false;
        view = new RecordView
        {
            Line = line,
            Offset = head.Offset,
            TimestampMs = head.TimestampMs,
            AfterHead = afterHead,
            Headers = headers,
            // The value is always last, so its content need not be read.
            Value = rest[name.Length..^RecordFields.LineEnd.Length],
            IsBase64 = isBase64,
        };
        return true;
    }

    /// <summary>Skips a field if it is there. Returns false if its value has no end.</summary>
    static bool TrySkip(
        scoped ref ReadOnlySpan<byte> rest,
        scoped ReadOnlySpan<byte> name,
        out ReadOnlySpan<byte> value
    )
    {
        value = default;
        if (!rest.StartsWith(name))
            return true;
        var from = rest[name.Length..];
        var length = ValueBytes(from);
        value = length < 0 ? default : from[..length];
        rest = length < 0 ? rest : from[length..];
        return length >= 0;
    }

    /// <summary>
    /// Returns the length of a string, or of an object or array of strings and numbers, or -1 if it has no end.
    /// </summary>
    static int ValueBytes(ReadOnlySpan<byte> text)
    {
        var depth = 0;
        for (var i = 0; i < text.Length; i++)
        {
            switch (text[i])
            {
                case (byte)'"':
                    i = EndOfString(text, i);
                    if (i < 0)
                        return -1;
                    break;
                case (byte)'{' or (byte)'[':
                    depth++;
                    break;
                case (byte)'}' or (byte)']':
                    depth--;
                    break;
            }
            if (depth == 0)
                return i + 1;
        }
        return -1;
    }

    static int EndOfString(ReadOnlySpan<byte> text, int start)
    {
        for (var i = start + 1; i < text.Length; i++)
        {
            var step = text[i..].IndexOfAny((byte)'"', (byte)'\\');
            if (step < 0)
                return -1;
            i += step;
            if (text[i] == (byte)'"')
                return i;
            i++;
        }
        return -1;
    }
}

/// <summary>A key to look for, in the one form in which lines have it.</summary>
public sealed class RecordKey
{
    RecordKey(byte[] bytes)
    {
        Bytes = bytes;
        IsText = System.Text.Unicode.Utf8.IsValid(bytes);
        var encoded = new byte[IsText ? JsonText.MaxStringBytes(bytes.Length) : JsonText.MaxBase64Bytes(bytes.Length)];
        var length = IsText ? JsonText.WriteString(bytes, encoded) : JsonText.WriteBase64(bytes, encoded);
        // Another field always follows a key.
        Field = [.. IsText ? RecordFields.Key : RecordFields.KeyBase64, .. encoded.AsSpan(0, length), .. ",\""u8];
    }

    /// <summary>The key itself.</summary>
    public ReadOnlyMemory<byte> Bytes { get; }

    /// <summary>Whether the key is valid UTF-8, and so kept as text.</summary>
    public bool IsText { get; }

    internal byte[] Field { get; }

    /// <summary>Creates a key from a text.</summary>
    public static RecordKey Of(string text) => new(Encoding.UTF8.GetBytes(text));

    /// <summary>Creates a key from bytes, or from the UTF-8 of a text.</summary>
    public static RecordKey Of(ReadOnlySpan<byte> bytes) => new(bytes.ToArray());

    /// <summary>Returns the key as text.</summary>
    public override string ToString() => Encoding.UTF8.GetString(Bytes.Span);

    /// <summary>Whether a record has this key.</summary>
    public bool IsOf(in RecordView record) => record.AfterHead.StartsWith(Field);
}
