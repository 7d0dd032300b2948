using System.Globalization;
using System.Net;

namespace LogHttp.Benchmarks;

/// <summary>One request over and over, at a server that is running already: to look at it meanwhile with perf or dotnet-trace.</summary>
static class LoadCommand
{
    public static void Run(Uri target, IReadOnlyDictionary<string, string> options)
    {
        int Number(string name, int standard) => int.Parse(options.GetValueOrDefault(name, standard.ToString(CultureInfo.InvariantCulture)), CultureInfo.InvariantCulture);
        var (bodyBytes, type) = (Number("body", 0), options.GetValueOrDefault("type", "application/json"));
        var body = bodyBytes == 0 ? [] : type.Contains("ndjson", StringComparison.Ordinal) ? Payloads.JsonLines(Number("record", 100), bodyBytes) : Payloads.Json(bodyBytes);
        ReadOnlyMemory<byte>[] requests = [HttpConversation.Request(bodyBytes == 0 ? "GET" : "POST", target.PathAndQuery, bodyBytes == 0 ? null : type, body)];
        var result = new Load(IPEndPoint.Parse(target.Authority), _ => new HttpConversation(requests, 0, Number("status", bodyBytes == 0 ? 200 : 201)))
        {
            Connections = Number("connections", 64),
            Threads = Number("threads", 1),
            Duration = TimeSpan.FromSeconds(Number("seconds", 5)),
            RatePerSecond = Number("rate", 0) is > 0 and var rate ? rate : null,
        }.Run();
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{result.Answers / result.Seconds:0} answers/s, {result.ReceivedBytes / result.Seconds / 1e6:0} MB/s, p50 {result.Percentile(50):0.000} ms, p99 {result.Percentile(99):0.000} ms"));
    }
}
