using System.Text.Json;
using LogHttp.AspNetCore.Contract;

namespace LogHttp.AspNetCore.Producing;

/// <summary>Recognizes JSON lines under the media type of one JSON value, as some programs send them.</summary>
internal static class JsonLines
{
    /// <summary>Whether the first two lines of a body are JSON values. Blank lines do not count.</summary>
    public static bool IsLikely(ReadOnlySpan<byte> body)
    {
        var values = 0;
        foreach (var range in body.Split((byte)'\n'))
        {
            var line = body[range].Trim(" \t\r"u8);
            if (line.IsEmpty)
                continue;
            if (!IsValue(line))
                return false;
            if (++values == 2)
                return true;
        }
        return false;
    }

    public static Problem SentAsOneValue() =>
        Problems.InvalidRequest(
            Problems.InvalidJson,
            "The body has several JSON values, one a line. Send it as application/x-ndjson."
        );

    static bool IsValue(ReadOnlySpan<byte> line)
    {
        var reader = new Utf8JsonReader(line);
        try
        {
            while (reader.Read()) { }
            return true;
        }
        catch (JsonException)
        {
            return false;
        }
    }
}
