using System.Diagnostics.CodeAnalysis;
using System.Text;
using System.Text.Json;
using LogHttp.Storage.Records;

namespace LogHttp.Storage.Producers;

/// <summary>A batch's producer as its first line has it, <c>,"producer":["id",epoch,sequence]</c> (api/FORMAT.md §1).</summary>
internal static class ProducerField
{
    public static ReadOnlySpan<byte> Name => ",\"producer\":"u8;

    public static byte[] Encode(ProducerStamp stamp)
    {
        var id = new byte[JsonText.MaxStringBytes(stamp.Id.Length)];
        var idBytes = JsonText.WriteString(Encoding.ASCII.GetBytes(stamp.Id), id);
        return [.. Name, .. "["u8, .. id.AsSpan(0, idBytes), .. Encoding.ASCII.GetBytes(FormattableString.Invariant($",{stamp.Epoch},{stamp.Sequence}]"))];
    }

    /// <summary>Reads it from a line of the log's; null where there is none.</summary>
    public static ProducerStamp? Read(ReadOnlySpan<byte> line)
    {
        var rest = line[RecordFormat.HeadBytes(line)..];
        return rest.StartsWith(Name) && TryReadValue(rest[Name.Length..], out var stamp) ? stamp : null;
    }

    /// <summary>Reads the value that a text, known to be JSON, begins with; false where it is no producer.</summary>
    public static bool TryReadValue(ReadOnlySpan<byte> text, [NotNullWhen(true)] out ProducerStamp? stamp)
    {
        stamp = null;
        var reader = new Utf8JsonReader(text, isFinalBlock: false, default);
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartArray
            || !reader.Read() || !TryReadText(reader, out var id)
            || !reader.Read() || reader.TokenType != JsonTokenType.Number || !reader.TryGetInt64(out var epoch)
            || !reader.Read() || reader.TokenType != JsonTokenType.Number || !reader.TryGetInt64(out var sequence)
            || !reader.Read() || reader.TokenType != JsonTokenType.EndArray)
            return false;
        stamp = new(id, epoch, sequence);
        return stamp.Check() is null;
    }

    static bool TryReadText(in Utf8JsonReader reader, [NotNullWhen(true)] out string? text)
    {
        try
        {
            text = reader.TokenType == JsonTokenType.String ? reader.GetString() : null;
        }
        catch (InvalidOperationException)
        {
            // Half of a surrogate pair, escaped: JSON, but no text.
            text = null;
        }
        return text is not null;
    }
}
