using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace LogHttp.AspNetCore.Contract;

/// <summary>The style of all JSON that the server writes, except records.</summary>
internal static class ReadableJson
{
    /// <summary>
    /// Escapes only the characters that JSON demands. Quotes in a message stay readable, and nothing here is put into
    /// HTML.
    /// </summary>
    public static JavaScriptEncoder Encoder => JavaScriptEncoder.UnsafeRelaxedJsonEscaping;

    /// <summary>Creates options for one serializer context. A context does not share its options.</summary>
    public static JsonSerializerOptions CreateOptions() =>
        new(JsonSerializerDefaults.Web)
        {
            Encoder = Encoder,
            DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        };
}
