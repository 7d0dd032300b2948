using System.Text.Json;
using System.Text.Json.Serialization;

namespace LogHttp.AspNetCore.Contract;

/// <summary>The JSON of problems.</summary>
[JsonSourceGenerationOptions(JsonSerializerDefaults.Web)]
[JsonSerializable(typeof(ProblemJson))]
internal sealed partial class ProblemJsonContext : JsonSerializerContext
{
    public static ProblemJsonContext Readable { get; } = new(ReadableJson.CreateOptions());
}
