using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace LogHttp.AspNetCore.Contract;

/// <summary>A JSON body of known length (one write, no chunks) that ends a terminal's line.</summary>
internal sealed class Answer<T>(int status, T value, JsonTypeInfo<T> type, string contentType = "application/json")
    : IResult
{
    public async Task ExecuteAsync(HttpContext httpContext)
    {
        byte[] body = [.. JsonSerializer.SerializeToUtf8Bytes(value, type), (byte)'\n'];
        var response = httpContext.Response;
        response.StatusCode = status;
        response.ContentType = contentType;
        response.ContentLength = body.Length;
        // To HEAD too, where Kestrel drops it. HttpMethods.IsHead is true for "head" as well, and there Kestrel waits
        // for it. Without a token: for a client that has left Kestrel drops it too, and an exception would end up in
        // the log as an error.
        await response.BodyWriter.WriteAsync(body, CancellationToken.None);
    }
}
