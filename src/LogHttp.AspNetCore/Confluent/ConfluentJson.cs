using System.Text.Json;
using System.Text.Json.Serialization;
using LogHttp.AspNetCore.Contract;

namespace LogHttp.AspNetCore.Confluent;

/// <summary>The JSON of the REST Proxy's errors.</summary>
[JsonSourceGenerationOptions(JsonSerializerDefaults.Web)]
[JsonSerializable(typeof(ConfluentError))]
internal sealed partial class ConfluentJson : JsonSerializerContext
{
    public static ConfluentJson Readable { get; } = new(ReadableJson.CreateOptions());
}
