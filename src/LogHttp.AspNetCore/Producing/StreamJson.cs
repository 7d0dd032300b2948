using System.Text.Json;
using System.Text.Json.Serialization;
using LogHttp.AspNetCore.Contract;

namespace LogHttp.AspNetCore.Producing;

/// <summary>The JSON lines that report on a stream.</summary>
[JsonSourceGenerationOptions(JsonSerializerDefaults.Web)]
[JsonSerializable(typeof(StreamReport))]
[JsonSerializable(typeof(StreamSummary))]
internal sealed partial class StreamJson : JsonSerializerContext
{
    public static StreamJson Readable { get; } = new(ReadableJson.CreateOptions());
}
