using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace LogHttp.AspNetCore.Contract;

/// <summary>A JSON body of known length, sent in one write without chunks. It ends the line in a terminal.</summary>
internal sealed class JsonResponse<T>(
    int status,
    T value,
    JsonTypeInfo<T> type,
    string contentType = "application/json"
) : IResult
{
    public async Task ExecuteAsync(HttpContext httpContext)
    {
        byte[] body = [.. JsonSerializer.SerializeToUtf8Bytes(value, type), (byte)'\n'];
        var response = httpContext.Response;
        response.StatusCode = status;
        response.ContentType = contentType;
        response.ContentLength = body.Length;
        // HEAD gets the body too, and Kestrel drops it. HttpMethods.IsHead is true for "head" as well, and there
        // Kestrel waits for the body. No token: Kestrel drops the body of a disconnected client too, and an exception
        // would be logged as an error.
        await response.BodyWriter.WriteAsync(body, CancellationToken.None);
    }
}
