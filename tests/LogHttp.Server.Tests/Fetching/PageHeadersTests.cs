using System.Globalization;

namespace LogHttp.Server.Tests.Fetching;

/// <summary>A page keeps the texts of its headers. Other requests for it still get their own link.</summary>
public sealed class PageHeadersTests : IDisposable
{
    readonly TestServer _server = new();

    public void Dispose() => _server.Dispose();

    [Fact]
    public async Task Link_SamePageOtherQuery_HasItsOwnParameters()
    {
        var lines = string.Concat(Enumerable.Range(0, 2000).Select(number => $"{number:d100}\n"));
        (
            await _server.PostAsync(
                "/topics/t",
                "application/x-ndjson",
                lines.Replace("0", "1", StringComparison.Ordinal)
            )
        ).EnsureSuccessStatusCode();
        var tooLarge = (1L << 40).ToString(CultureInfo.InvariantCulture);
        string[] queries =
        [
            "maxBytes=65536",
            "maxBytes=65536",
            "maxBytes=65536&wait=1s",
            "maxBytes=65536&minBytes=2&wait=1s",
            "maxBytes=65536&view=values",
            "maxBytes=65536",
            $"maxBytes={tooLarge}",
            "",
        ];
        foreach (var query in queries)
        {
            using var page = await _server.Client.GetAsync($"/topics/t/0?{query}");
            page.EnsureSuccessStatusCode();
            var next = TestServer.NextLink(page);
            Assert.Equal($"/topics/t/{TestServer.Number(page, "Log-Next-Offset")}", next.Split('?')[0]);
            Assert.Equal(
                query.Split('&', StringSplitOptions.RemoveEmptyEntries).Order(),
                next.Split('?')[1]
                    .Replace("wait=1000ms", "wait=1s", StringComparison.Ordinal)
                    .Split('&')
                    .Where(part => !part.StartsWith("partition=") && !part.StartsWith("v="))
                    .Order()
            );
        }
    }

    [Fact]
    public async Task Link_SlashAtTheEnd_LeadsToTheNextPage()
    {
        var lines = string.Concat(Enumerable.Repeat($"{new string('1', 100)}\n", 2000));
        (await _server.PostAsync("/topics/t", "application/x-ndjson", lines)).EnsureSuccessStatusCode();
        foreach (var path in (string[])["/topics/t/0", "/topics/t/0/", "/topics/t/0"])
        {
            using var page = await _server.Client.GetAsync($"{path}?maxBytes=65536");
            Assert.Equal(
                $"/topics/t/{TestServer.Number(page, "Log-Next-Offset")}",
                TestServer.NextLink(page).Split('?')[0]
            );
        }
    }

    [Fact]
    public async Task EntityTag_SamePageOtherForm_Differs()
    {
        (await _server.PostAsync("/topics/t", "text/plain", "one")).EnsureSuccessStatusCode();
        var tags = new List<string?>();
        foreach (var accept in (string[])["*/*", "application/x-ndjson", "application/json", "*/*"])
        {
            using var page = await _server.SendAsync(HttpMethod.Get, "/topics/t/0", ("Accept", accept));
            tags.Add(TestServer.Header(page, "ETag"));
        }
        Assert.Equal(3, tags.Distinct().Count());
        Assert.Equal(tags[0], tags[3]);
    }
}
