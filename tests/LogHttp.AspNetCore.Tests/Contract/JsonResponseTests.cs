using LogHttp.AspNetCore.Contract;

namespace LogHttp.AspNetCore.Tests.Contract;

public class JsonResponseTests
{
    [Fact]
    public async Task Execute_ClientDisconnected_DoesNotThrow()
    {
        // The exception handler responds too, and its own exceptions are logged as errors of the server.
        var context = new DefaultHttpContext { RequestAborted = new CancellationToken(canceled: true) };
        await Problems.InvalidRequest("incomplete_body", "Connection reset by peer").ExecuteAsync(context);
        Assert.Equal(StatusCodes.Status400BadRequest, context.Response.StatusCode);
    }
}
