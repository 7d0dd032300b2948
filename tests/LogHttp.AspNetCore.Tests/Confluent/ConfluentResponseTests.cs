using LogHttp.AspNetCore.Confluent;
using LogHttp.AspNetCore.Producing;
using LogHttp.Storage;
using LogHttp.Storage.Appending;
using LogHttp.Storage.Records;

namespace LogHttp.AspNetCore.Tests.Confluent;

public sealed class ConfluentResponseTests
{
    [Theory]
    [InlineData(AppendStatus.DiskFull, 50003)]
    [InlineData(AppendStatus.Overloaded, 50003)]
    [InlineData(AppendStatus.WriteFailed, 50003)]
    [InlineData(AppendStatus.Closed, 50003)]
    [InlineData(AppendStatus.PartitionStopped, 50002)]
    public async Task Execute_OnePartitionFailed_FailsItsRecordsAlone(AppendStatus status, int code)
    {
        using RecordBatch taken = new(new RecordLimits()),
            refused = new(new RecordLimits());
        var context = new DefaultHttpContext { Response = { Body = new MemoryStream() } };
        var limits = new BodyLimits(1 << 20, 1 << 20, 100, TimeSpan.FromSeconds(30));
        using var outcomes = new ConfluentOutcomes(new BodyBudget(limits, TimeProvider.System), null);
        foreach (var batch in new[] { refused, taken, refused, taken })
            outcomes.AddAccepted(batch);
        await new ConfluentResponse(
            outcomes,
            [taken, refused],
            [
                new(0, 2, new AppendResult(AppendStatus.Appended, 7, 9)),
                new(1, 2, new AppendResult(status, Reason: "It says \"no\".")),
            ]
        ).ExecuteAsync(context);
        await context.Response.BodyWriter.FlushAsync();
        context.Response.Body.Position = 0;
        var failed = $$"""{"partition":null,"offset":null,"error_code":{{code}},"error":"It says \"no\"."}""";
        Assert.Equal(
            $$"""{"offsets":[{{failed}},{"partition":0,"offset":7,"error_code":null,"error":null},{{failed}},{"partition":0,"offset":8,"error_code":null,"error":null}],"key_schema_id":null,"value_schema_id":null}"""
                + "\n",
            await new StreamReader(context.Response.Body).ReadToEndAsync()
        );
        Assert.Equal(StatusCodes.Status200OK, context.Response.StatusCode);
    }
}
