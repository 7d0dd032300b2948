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

    /// <summary>Reads it from a line that is known to be JSON; null where there is none. False when it is there and is no producer.</summary>
    public static bool TryRead(ReadOnlySpan<byte> line, out ProducerStamp? stamp)
    {
        stamp = null;
        var rest = line[RecordFormat.HeadBytes(line)..];
        if (!rest.StartsWith(Name))
            return true;
        var reader = new Utf8JsonReader(rest[Name.Length..], isFinalBlock: false, default);
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartArray
            || !reader.Read() || reader.TokenType != JsonTokenType.String || reader.GetString() is not { } id
            || !reader.Read() || reader.TokenType != JsonTokenType.Number || !reader.TryGetInt64(out var epoch)
            || !reader.Read() || reader.TokenType != JsonTokenType.Number || !reader.TryGetInt64(out var sequence)
            || !reader.Read() || reader.TokenType != JsonTokenType.EndArray)
            return false;
        stamp = new(id, epoch, sequence);
        return stamp.Check() is null;
    }
}
