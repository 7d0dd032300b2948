using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using LogHttp.Server.Confluent;
using LogHttp.Server.Producing;

namespace LogHttp.Server.Endpoints;

/// <summary>All JSON that the server writes, but for records.</summary>
[JsonSourceGenerationOptions(JsonSerializerDefaults.Web)]
[JsonSerializable(typeof(Produced))]
[JsonSerializable(typeof(ProducedToMany))]
[JsonSerializable(typeof(StreamReport))]
[JsonSerializable(typeof(StreamSummary))]
[JsonSerializable(typeof(TopicDescription))]
[JsonSerializable(typeof(TopicList))]
[JsonSerializable(typeof(ProducerDescription))]
[JsonSerializable(typeof(Health))]
[JsonSerializable(typeof(FoundDamage))]
[JsonSerializable(typeof(Verified))]
[JsonSerializable(typeof(ProblemJson))]
[JsonSerializable(typeof(ConfluentError))]
internal sealed partial class ResponseJson : JsonSerializerContext
{
    /// <summary>
    /// Escapes only what JSON demands: quotes in a message stay readable, and nothing here is put into HTML.
    /// </summary>
    public static ResponseJson Readable { get; } =
        new(
            new JsonSerializerOptions(JsonSerializerDefaults.Web)
            {
                Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
                DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
            }
        );
}

/// <summary>A problem's members: RFC 9457's, ours, and those that only some have.</summary>
internal sealed record ProblemJson(
    string Title,
    int Status,
    string Detail,
    string Code,
    bool Retryable,
    long? Line,
    long? EarliestOffset,
    long? EndOffset,
    long? NextOffset,
    long? ExpectedSequence,
    long? Epoch
);
