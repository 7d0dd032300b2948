using LogHttp.AspNetCore.Contract;

namespace LogHttp.AspNetCore.Tests.Contract;

public class AnswerTests
{
    [Fact]
    public async Task AnAnswer_ToAClientThatHasLeft_IsNoError()
    {
        // The handler of exceptions answers too, and what it throws is logged as an error of the server's.
        var context = new DefaultHttpContext { RequestAborted = new CancellationToken(canceled: true) };
        await Problems.InvalidRequest("incomplete_body", "Connection reset by peer").ExecuteAsync(context);
        Assert.Equal(StatusCodes.Status400BadRequest, context.Response.StatusCode);
    }
}
