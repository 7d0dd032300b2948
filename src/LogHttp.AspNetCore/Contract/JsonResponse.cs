using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace LogHttp.AspNetCore.Contract;

/// <summary>A JSON body of known length, sent in one write without chunks. It ends the line in a terminal.</summary>
internal sealed class JsonResponse<T>(
    int status,
    T value,
    JsonTypeInfo<T> type,
    string contentType = JsonBody.ContentType
) : IResult
{
    public Task ExecuteAsync(HttpContext httpContext)
    {
        httpContext.Response.StatusCode = status;
        byte[] body = [.. JsonSerializer.SerializeToUtf8Bytes(value, type), (byte)'\n'];
        return JsonBody.WriteAsync(httpContext.Response, body, contentType);
    }
}

/// <summary>The body of a response in JSON.</summary>
internal static class JsonBody
{
    public const string ContentType = "application/json";

    /// <summary>Sends the whole body. The memory is not used once the task has ended.</summary>
    public static Task WriteAsync(HttpResponse response, ReadOnlyMemory<byte> body, string contentType)
    {
        response.ContentType = contentType;
        response.ContentLength = body.Length;
        // HEAD gets the body too, and Kestrel drops it. HttpMethods.IsHead is true for "head" as well, and there
        // Kestrel waits for the body. No token: Kestrel drops the body of a disconnected client too, and an exception
        // would be logged as an error.
        var written = response.BodyWriter.WriteAsync(body, CancellationToken.None);
        if (!written.IsCompletedSuccessfully)
            return written.AsTask();
        _ = written.Result;
        return Task.CompletedTask;
    }
}
