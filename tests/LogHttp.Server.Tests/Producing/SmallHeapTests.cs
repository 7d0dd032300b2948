using System.Net;
using System.Text;
using LogHttp.Testing;

namespace LogHttp.Server.Tests.Producing;

/// <summary>A process whose heap is 192 MiB, and bodies of 60 MB that compress to 58 KB.</summary>
public sealed class SmallHeapTests : IDisposable
{
    const int AtOnce = 6;

    readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task Post_AfterRejectedBodies_HasMemoryAgain()
    {
        var (server, client) = await ServerProcess.StartAsync(_directory.Path, ("DOTNET_GCHeapHardLimit", "0xC000000"));
        using (server)
        using (client)
        {
            foreach (var (start, end) in new[] { ("{\"", "\":1}"), ("{\"records\":[{\"key\":\"", "\"}]}") })
            {
                var packed = Packing.Pack(
                    "gzip",
                    Encoding.ASCII.GetBytes($"{start}{new string('a', 60_000_000)}{end}")
                );
                for (var round = 0; round < 3; round++)
                    await Task.WhenAll(
                        Enumerable
                            .Range(0, AtOnce)
                            .Select(_ => PostAsync(client, "application/vnd.kafka.json.v2+json", packed))
                    );
            }
            var line = Packing.Pack(
                "gzip",
                Encoding.ASCII.GetBytes($"{{\"{string.Concat(Enumerable.Repeat("\\u0001", 200_000))}\":1}}\n")
            );
            for (var attempt = 0; attempt < 3; attempt++)
                Assert.Equal(
                    HttpStatusCode.BadRequest,
                    await PostAsync(client, "application/vnd.loghttp.records+ndjson", line)
                );
            var lines = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat("1\n", 50_000)));
            Assert.Equal(
                HttpStatusCode.Created,
                await PostAsync(client, "application/x-ndjson", Packing.Pack("gzip", lines))
            );
        }
    }

    static async Task<HttpStatusCode> PostAsync(HttpClient client, string type, byte[] packed)
    {
        using var content = new ByteArrayContent(packed);
        content.Headers.ContentType = new(type);
        content.Headers.ContentEncoding.Add("gzip");
        using var response = await client.PostAsync("/topics/t", content);
        return response.StatusCode;
    }
}
