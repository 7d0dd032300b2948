using System.Text.Json;
using System.Text.Unicode;

namespace LogHttp.Storage.Records;

/// <summary>Checks whole lines that come back from a disk (api/FORMAT.md §1).</summary>
internal static class RecordLine
{
    /// <summary>A value at the deepest allowed level, inside of the line's object, and a level to spare for `headers`.</summary>
    const int MaxDepth = JsonText.MaxDepth + 2;

    const string SpaceOutside = "the line has a space, or more, outside of its values";

    // The order of a line's fields; alternatives share a rank.
    static readonly Dictionary<string, int> Ranks = new()
    {
        ["offset"] = 0,
        ["timestamp"] = 1,
        ["batch"] = 2,
        ["producer"] = 3,
        ["key"] = 4,
        ["keyBase64"] = 4,
        ["headers"] = 5,
        ["value"] = 6,
        ["valueBase64"] = 6,
    };

    /// <summary>Says what is wrong with a line (its line feed included), or null when it is a whole, valid record.</summary>
    public static string? Check(ReadOnlySpan<byte> line, out RecordHead head)
    {
        head = default;
        if (line.IsEmpty || line[^1] != (byte)'\n')
            return "the line has no end";
        if (!RecordFormat.TryReadHead(line, out head))
            return "the line does not begin with an offset and a timestamp";
        if (!Utf8.IsValid(line))
            return "the line is not valid UTF-8";
        try
        {
            return CheckFields(line[..^1]);
        }
        catch (JsonException exception)
        {
            return $"the line is not valid JSON at byte {exception.BytePositionInLine + 1}";
        }
    }

    static string? CheckFields(ReadOnlySpan<byte> line)
    {
        var reader = new Utf8JsonReader(line, new JsonReaderOptions { MaxDepth = MaxDepth });
        reader.Read();
        // Where the field before ended: a comma stands there, or the line's brace.
        var (rank, end) = (-1, 0L);
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var (nameStart, valueStart) = (reader.TokenStartIndex, reader.BytesConsumed);
            if (nameStart != end + 1 || valueStart != nameStart + reader.ValueSpan.Length + "\"\":".Length)
                return SpaceOutside;
            if (reader.ValueIsEscaped || !Ranks.TryGetValue(reader.GetString()!, out var next))
                return "the line has an unknown field";
            if (next <= rank)
                return "the line's fields are repeated or out of order";
            rank = next;
            reader.Read();
            if (reader.TokenStartIndex != valueStart)
                return SpaceOutside;
            reader.Skip();
            end = reader.BytesConsumed;
        }
        if (end != line.Length - 1)
            return SpaceOutside;
        // Read once more: trailing bytes after the object are an error of the reader's.
        reader.Read();
        return rank == Ranks["value"] ? null : "the line has no value";
    }
}
