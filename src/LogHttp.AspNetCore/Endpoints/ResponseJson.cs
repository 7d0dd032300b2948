using System.Text.Json;
using System.Text.Json.Serialization;
using LogHttp.AspNetCore.Contract;

namespace LogHttp.AspNetCore.Endpoints;

/// <summary>The JSON that endpoints write, except records.</summary>
[JsonSourceGenerationOptions(JsonSerializerDefaults.Web)]
[JsonSerializable(typeof(Produced))]
[JsonSerializable(typeof(ProducedToMany))]
[JsonSerializable(typeof(TopicDescription))]
[JsonSerializable(typeof(TopicList))]
[JsonSerializable(typeof(ProducerDescription))]
[JsonSerializable(typeof(Health))]
[JsonSerializable(typeof(ServerDescription))]
[JsonSerializable(typeof(FoundDamage))]
[JsonSerializable(typeof(Verified))]
internal sealed partial class ResponseJson : JsonSerializerContext
{
    public static ResponseJson Readable { get; } = new(ReadableJson.CreateOptions());
}
