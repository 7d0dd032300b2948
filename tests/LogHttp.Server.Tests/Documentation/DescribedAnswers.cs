namespace LogHttp.Server.Tests.Documentation;

/// <summary>
/// Checks every response that a test gets. A response that api/openapi.json does not describe fails the test.
/// </summary>
sealed class DescribedAnswers() : DelegatingHandler(new SocketsHttpHandler())
{
    static readonly ApiDescription Description = new(File.ReadAllText(ApiDescription.KeptPath));

    protected override async Task<HttpResponseMessage> SendAsync(
        HttpRequestMessage request,
        CancellationToken cancellationToken
    )
    {
        var response = await base.SendAsync(request, cancellationToken);
        Assert.Null(await Description.FindUndescribedAsync(response));
        return response;
    }
}
