using System.Globalization;
using System.IO.Compression;
using System.Text;
using static LogHttp.Server.Tests.Hostile.HostileWords;

namespace LogHttp.Server.Tests.Hostile;

/// <summary>
/// Generates exchanges from a seed: requests as a client would send them, then changed in up to three places.
/// </summary>
sealed class HostileGenerator(int seed)
{
    /// <summary>
    /// Names of topics. They leave room for new ones below the server's MaxTopics, and are few enough for readers to
    /// find records.
    /// </summary>
    static readonly string[] Topics =
    [
        .. Enumerable.Range(0, 12).Select(number => string.Create(CultureInfo.InvariantCulture, $"t{number}")),
        new string('n', 249),
        "a.b_c-D",
    ];

    /// <summary>
    /// Each exchange is a function of the seed and its number, independent of the exchanges before it.
    /// </summary>
    public Exchange Make(int number) => new Maker(new Random(unchecked((seed * 1_000_003) + number))).Make(number);

    sealed class Maker(Random random)
    {
        public Exchange Make(int number)
        {
            var count = Chance(0.04) ? random.Next(2, 6) : 1;
            var requests = Enumerable.Range(0, count).Select(_ => Request()).ToArray();
            return new(number, requests, PickDelivery(requests[0]), random.NextDouble());
        }

        Delivery PickDelivery(HostileRequest request) =>
            random.Next(1000) switch
            {
                < 5 => request is { IsFramed: true, Body.Length: > 1 } ? Delivery.Stalled : Delivery.Whole,
                < 35 => Delivery.CutOff,
                < 55 => Delivery.Reset,
                < 75 => Delivery.HalfClosed,
                < 110 => Delivery.InPieces,
                _ => Delivery.Whole,
            };

        HostileRequest Request()
        {
            var request = Sane();
            var mutations = random.Next(20) switch
            {
                < 5 => 0,
                < 14 => 1,
                < 18 => 2,
                _ => 3,
            };
            while (mutations-- > 0)
                Mutate(request);
            return request;
        }

        HostileRequest Sane() =>
            random.Next(100) switch
            {
                < 42 => Append(),
                < 63 => Fetch(),
                < 70 => Live(),
                < 73 => Simple("/healthz"),
                < 76 => Simple("/topics"),
                < 79 => Simple($"/topics/{Topic()}"),
                < 83 => Value(),
                < 88 => Configure("PUT"),
                < 90 => Configure("PATCH"),
                < 92 => new() { Method = "DELETE", Path = $"/topics/{Doomed()}" },
                < 93 => new() { Method = "DELETE", Path = $"/topics/{Topic()}/records?before={Pick(Places)}" },
                < 94 => Simple("/swagger"),
                < 96 => Simple("/swagger/v1/swagger.json"),
                _ => new() { Method = "OPTIONS", Path = Pick(["*", "/topics", $"/topics/{Topic()}"]) },
            };

        string Topic() => Chance(0.03) ? New() : Pick(Topics);

        string New() => string.Create(CultureInfo.InvariantCulture, $"new{random.Next(40)}");

        /// <summary>
        /// A topic to delete, mostly one that a mutation has created. Otherwise those would take all the room.
        /// </summary>
        string Doomed() =>
            random.Next(10) switch
            {
                < 1 => Pick(Topics),
                < 5 => New(),
                _ => Pick(Segments),
            };

        int Partition() => random.Next(Chance(0.05) ? 9 : 3);

        string Reading() => Chance(0.15) ? "HEAD" : "GET";

        HostileRequest Simple(string path) => new() { Method = Reading(), Path = path };

        HostileRequest Fetch()
        {
            var place = random.Next(8) switch
            {
                0 or 1 => "earliest",
                2 => "latest",
                3 => string.Create(CultureInfo.InvariantCulture, $"-{random.Next(1, 20)}"),
                4 => Pick(Places),
                _ => random.Next(60).ToString(CultureInfo.InvariantCulture),
            };
            var request = Simple($"/topics/{Topic()}/{place}");
            if (Chance(0.9))
                request.Query.Add($"partition={Partition()}");
            if (Chance(0.6))
                request.Query.Add(string.Create(CultureInfo.InvariantCulture, $"maxBytes={4096 << random.Next(6)}"));
            if (Chance(0.1))
                request.Query.Add("view=values");
            if (Chance(0.1))
                request.Query.Add($"limit={Pick(MinBytes)}");
            if (Chance(0.1))
                request.Query.Add($"until={Pick(Places)}");
            if (Chance(0.1))
                request.Query.Add("key=user-7");
            if (Chance(0.2))
                request.Headers.Add(Pick(["Accept: application/x-ndjson", "Accept: application/json", "Accept: */*"]));
            return request;
        }

        /// <summary>A long poll, a follower, or a stream of several topics.</summary>
        HostileRequest Live()
        {
            var request = random.Next(4) switch
            {
                0 => Poll(),
                1 => Stream(),
                _ => Follow(),
            };
            if (Chance(0.2))
                request.Headers.Add(Pick(EventIds));
            return request;
        }

        HostileRequest Poll()
        {
            var request = Fetch();
            request.Query.Add($"wait={(Chance(0.5) ? Pick(["1ms", "5ms", "20ms"]) : Pick(Waits))}");
            if (Chance(0.5))
                request.Query.Add($"minBytes={Pick(MinBytes)}");
            if (Chance(0.1))
                request.Query.Add("follow=true");
            return request;
        }

        HostileRequest Follow()
        {
            var (topic, partition) = (Topic(), Partition());
            var request = Simple($"/topics/{topic}/{Pick(["earliest", "latest", "-3", "0", Pick(Places)])}");
            if (Chance(0.9))
                request.Query.Add($"partition={partition}");
            if (Chance(0.4))
                request.Headers.Add($"Last-Event-ID: {topic}/{partition}/0123456789abcdef:{random.Next(60)}");
            if (Chance(0.5))
                request.Headers.Add(
                    Pick([
                        "Accept: text/event-stream",
                        "Accept: text/event-stream;q=0",
                        "Accept: */*, Text/Event-Stream;q=0.001",
                        "Accept: text/event-stream, application/json",
                    ])
                );
            if (Chance(0.7))
            {
                string[] others = ["false", "TRUE", "", "1", "true,true", "true&follow=true", "%74rue", "true%00"];
                request.Query.Add($"follow={(Chance(0.8) ? "true" : Pick(others))}");
            }
            if (Chance(0.2))
                request.Query.Add(
                    Pick([
                        "maxBytes=1",
                        "maxBytes=99999999999",
                        "wait=1ms",
                        "minBytes=5",
                        "key=k",
                        "view=values",
                        "v=0123456789abcdef",
                        "topics=t1",
                    ])
                );
            return request;
        }

        HostileRequest Stream()
        {
            var entries = Enumerable
                .Range(0, random.Next(1, 6))
                .Select(_ =>
                    random.Next(8) switch
                    {
                        < 3 => Topic(),
                        3 => $"{Topic()}:{Pick(["earliest", "latest", "0", "-3"])}",
                        4 => $"{Topic()}/{Partition()}",
                        5 => $"{Topic()}/{Partition()}:{Pick(Places)}",
                        _ => Chance(0.5) ? Pick(StreamEntries) : Topic(),
                    }
                );
            var request = Simple("/stream");
            request.Query.Add($"topics={string.Join(Chance(0.9) ? "," : "%2C", entries)}");
            if (Chance(0.1))
                request.Query.Add(Pick(["topics=t1", "follow=true", "wait=1ms", "partition=0", "Topics=t1", "v=x"]));
            if (Chance(0.4))
                request.Headers.Add("Accept: text/event-stream");
            return request;
        }

        HostileRequest Value()
        {
            var request = Simple(
                string.Create(CultureInfo.InvariantCulture, $"/topics/{Topic()}/{random.Next(60)}/value")
            );
            request.Query.Add($"partition={Partition()}");
            return request;
        }

        HostileRequest Configure(string method)
        {
            var request = new HostileRequest
            {
                Method = method,
                Path = $"/topics/{Topic()}",
                Body = Pick([
                    "{\"partitions\":3}",
                    "{\"flush\":\"always\"}",
                    "{\"flush\":\"os\"}",
                    "{\"flush\":\"5ms\"}",
                    "{}",
                    Pick(Bodies),
                ]),
            };
            request.Headers.Add(
                "Content-Type: " + (method == "PATCH" ? "application/merge-patch+json" : "application/json")
            );
            return request;
        }

        HostileRequest Append()
        {
            var (type, body, isOne) = random.Next(11) switch
            {
                0 => ("application/json", Json(), true),
                1 => (
                    "application/x-ndjson",
                    string.Concat(Enumerable.Range(0, random.Next(1, 30)).Select(_ => Json() + "\n")),
                    false
                ),
                2 => ("text/plain", Words(), true),
                3 => ("application/x-www-form-urlencoded", Chance(0.5) ? Json() : Words(), true),
                4 => ("application/octet-stream", Bytes(random.Next(300)), true),
                5 => (
                    "text/plain; split",
                    string.Join(Pick(["\n", "\r\n"]), Enumerable.Range(0, random.Next(1, 30)).Select(_ => Words())),
                    false
                ),
                6 => (
                    Pick(["application/vnd.kafka.json.v2+json", "application/vnd.kafka.binary.v2+json"]),
                    Chance(0.3)
                        ? Pick(ConfluentBodies)
                        : "{\"records\":["
                            + string.Join(
                                ',',
                                Enumerable.Range(0, random.Next(1, 20)).Select(_ => Pick(ConfluentRecords))
                            )
                            + "]}",
                    false
                ),
                7 => ("application/json; split", Array(Json), false),
                8 => ("application/cloudevents-batch+json", Array(Event), false),
                9 => ("application/cloudevents+json", Event(), true),
                _ => (
                    "application/vnd.loghttp.records+ndjson",
                    string.Concat(Enumerable.Range(0, random.Next(1, 20)).Select(_ => Record() + "\n")),
                    false
                ),
            };
            var request = new HostileRequest
            {
                Method = "POST",
                Path = $"/topics/{Topic()}",
                Body = body,
            };
            if (type.EndsWith("; split", StringComparison.Ordinal))
            {
                type = type.Split(';')[0];
                request.Query.Add(type == "text/plain" ? "split=lines" : "split=array");
            }
            request.Headers.Add($"Content-Type: {type}");
            if (Chance(0.1))
                request.Query.Add($"invalid={Pick(["replace", "base64", "reject"])}");
            if (Chance(0.1))
                request.Headers.AddRange(["ce-id: 1", "ce-source: /s", "ce-type: t", "ce-specversion: 1.0"]);
            if (isOne && Chance(0.3))
                request.Headers.Add($"Record-Key: {Pick(["user-7", "k", Utf8("käse")])}");
            if (isOne && Chance(0.2))
                request.Headers.Add("Record-Header-Trace: 9f");
            if (Chance(0.4))
                request.Query.Add($"partition={Partition()}");
            else if (type.StartsWith("application/vnd.kafka", StringComparison.Ordinal) && Chance(0.3))
                request.Path += $"/partitions/{Partition()}";
            if (Chance(0.15))
                request.ChunkBytes = random.Next(1, 500);
            if (Chance(0.12))
                request.Headers.AddRange([
                    $"Producer-Id: p{random.Next(3)}",
                    $"Producer-Epoch: {random.Next(3)}",
                    $"Producer-Seq: {random.Next(3)}",
                ]);
            if (Chance(0.05))
                request.Headers.Add($"If-Match: \"{random.Next(60)}\"");
            if (Chance(0.08))
                request.Headers.Add($"Idempotency-Key: {Pick(["k", "\"k\"", "l", "\"m n\""])}");
            if (!isOne && Chance(0.2))
                request.Query.Add(
                    $"stream={(Chance(0.9) ? "true" : Pick(["false", "", "TRUE", "1", "true&stream=true"]))}"
                );
            if (Chance(0.08))
            {
                request.Headers.Add("Content-Encoding: gzip");
                request.Body = Chance(0.3)
                    ? Packed(request.Body)[..random.Next(10)]
                    : Packed(request.Body) + (Chance(0.2) ? Words() : "");
            }
            return request;
        }

        /// <summary>Mostly an array.</summary>
        string Array(Func<string> element)
        {
            var elements = string.Join(
                Pick([",", " ,\n"]),
                Enumerable.Range(0, random.Next(1, 20)).Select(_ => element())
            );
            return Chance(0.9) ? $"[{elements}]" : Pick([$"[{elements}", $"[{elements},]", $"[{elements}]]", elements]);
        }

        /// <summary>Mostly an event.</summary>
        string Event() =>
            "{\"id\":\"1\",\"source\":\"/s\","
            + (
                Chance(0.95)
                    ? "\"specversion\":\"1.0\"," + Pick(["\"partitionkey\":\"user-7\",", "\"n\":5,", "\"time\":null,"])
                    : Pick(["", "\"specversion\":\"1.0\",\"x\":{},", "\"specversion\":\"1.0\",\"id\":\"1\","])
            )
            + $"\"type\":\"t\",\"data\":{Json()}}}";

        static string Packed(string body)
        {
            using var packed = new MemoryStream();
            using (var gzip = new GZipStream(packed, CompressionLevel.Fastest))
                gzip.Write(Encoding.Latin1.GetBytes(body));
            return Encoding.Latin1.GetString(packed.ToArray());
        }

        string Json() =>
            random.Next(5) switch
            {
                0 => random.Next().ToString(CultureInfo.InvariantCulture),
                1 => $"\"{Words()}\"",
                2 => $"[{random.Next()}, {{\"text\": \"{Words()}\"}}, null, true]",
                _ => string.Create(
                    CultureInfo.InvariantCulture,
                    $"{{\"id\": {random.Next()}, \"total\": {random.NextDouble():0.00}, \"note\": \"{Words()}\"}}"
                ),
            };

        string Record() =>
            random.Next(6) switch
            {
                0 => $"{{\"value\":{Json()}}}",
                1 => $"{{\"key\":\"user-{random.Next(20)}\",\"value\":{Json()}}}",
                2 => $"{{\"partition\":{random.Next(3)},\"headers\":{{\"trace\":\"9f\",\"tag\":[\"a\",\"b\"]}},"
                    + $"\"value\":{Json()}}}",
                3 => $"{{\"keyBase64\":\"/wA=\",\"valueBase64\":\"AAEC\"}}",
                4 => $"{{\"offset\":{random.Next()},\"timestamp\":1700000000000,\"value\":{Json()}}}",
                // Most lines are valid, so that an invalid one is often near the end of its batch.
                _ => Chance(0.2) ? Pick(Records) : $"{{\"value\":{Json()},\"key\":\"{Words()}\"}}",
            };

        string Words()
        {
            var length = Chance(0.1) ? random.Next(8000) : random.Next(120);
            const string Letters = "abcdefghij klmnopqrst uvwxyz 0123456789";
            var word = string.Concat(Enumerable.Range(0, length).Select(_ => Letters[random.Next(Letters.Length)]));
            return Chance(0.3) ? word + Utf8("é😀") : word;
        }

        void Mutate(HostileRequest request)
        {
            switch (random.Next(100))
            {
                case < 7:
                    request.Method = Pick(Methods);
                    break;
                case < 15:
                    request.Path = Pick(Paths);
                    break;
                case < 23:
                    request.Path = Segmented(request.Path);
                    break;
                case < 27:
                    request.Path = $"/topics/{Topic()}/{Pick(Places)}";
                    break;
                case < 39:
                    for (var count = random.Next(1, 4); count > 0; count--)
                        request.Query.Add($"{Pick(QueryNames)}={Pick(QueryValues)}");
                    break;
                case < 55:
                    for (var count = random.Next(1, 4); count > 0; count--)
                        request.Headers.Insert(random.Next(request.Headers.Count + 1), Pick(Headers));
                    break;
                case < 64:
                    request.Headers.RemoveAll(line => line.StartsWith("Content-Type:", StringComparison.Ordinal));
                    if (Chance(0.9))
                        request.Headers.Add($"Content-Type: {Pick(ContentTypes)}");
                    break;
                case < 77:
                    request.Body = Pick(
                        request.Headers.Any(line => line.Contains("records+ndjson", StringComparison.Ordinal))
                            ? Records
                            : Bodies
                    );
                    break;
                case < 81:
                    request.Body = Damage(request.Body);
                    break;
                case < 84:
                    request.Host = Pick(Hosts);
                    break;
                case < 86:
                    Oversize(request);
                    break;
                case < 88:
                    request.Version = Pick(Versions);
                    request.Raw = request.Text;
                    break;
                case < 90:
                    request.Headers.Insert(random.Next(request.Headers.Count + 1), Pick(BrokenHeaders));
                    request.Raw = request.Text;
                    break;
                case < 91:
                    request.Method = Pick(BrokenMethods);
                    request.Raw = request.Text;
                    break;
                case < 97:
                    request.Framing = Pick(Framings);
                    if (Chance(0.7))
                        request.Body = Pick(FramedBodies);
                    break;
                default:
                    request.Raw = Pick([
                        Damage(request.Text),
                        Damage(request.Text),
                        "\r\n" + request.Text,
                        "\r\n\r\n\r\n" + request.Text,
                        request.Text.Replace("\r\n", "\n", StringComparison.Ordinal),
                        Bytes(200),
                        "\u0016\u0003\u0001\u0002\0\u0001\0\u0001\u00fc\u0003\u0003" + Bytes(60),
                        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\u0004\0\0\0\0\0",
                    ]);
                    break;
            }
        }

        /// <summary>Replaces one segment of the path by another word.</summary>
        string Segmented(string path)
        {
            var segments = path.Split('/');
            segments[random.Next(Math.Min(1, segments.Length - 1), segments.Length)] = Pick(Segments);
            return string.Join('/', segments);
        }

        /// <summary>
        /// Makes a part larger than the server reads: 8 KiB of the first line, 32 KiB of headers, MaxBodyBytes.
        /// </summary>
        void Oversize(HostileRequest request)
        {
            switch (random.Next(6))
            {
                case 0:
                    request.Path += "/" + new string('a', random.Next(7_000, 20_000));
                    break;
                case 1:
                    request.Query.Add("key=" + new string('a', random.Next(7_000, 20_000)));
                    break;
                case 2:
                    request.Headers.Add("X-Large: " + new string('a', random.Next(30_000, 100_000)));
                    break;
                case 3:
                    request.Headers.AddRange(
                        Enumerable
                            .Range(0, random.Next(90, 400))
                            .Select(number => string.Create(CultureInfo.InvariantCulture, $"X-{number}: y"))
                    );
                    break;
                case 4:
                    request.Headers.AddRange(
                        Enumerable
                            .Range(0, random.Next(10, 90))
                            .Select(number =>
                                string.Create(CultureInfo.InvariantCulture, $"Cookie: c{number}={new string('x', 700)}")
                            )
                    );
                    break;
                default:
                    request.Body = new string('a', random.Next(60_000, 300_000));
                    break;
            }
        }

        /// <summary>Changes, removes, doubles or inserts a few bytes, or removes the rest.</summary>
        string Damage(string text)
        {
            var damaged = new StringBuilder(text);
            for (var places = random.Next(1, 4); places > 0 && damaged.Length > 0; places--)
            {
                var position = random.Next(damaged.Length);
                switch (random.Next(5))
                {
                    case 0:
                        damaged[position] = (char)random.Next(256);
                        break;
                    case 1:
                        damaged.Remove(position, 1);
                        break;
                    case 2:
                        damaged.Insert(position, Pick(["\0", "\r", "\n", "\r\n", "\"", "\\", "{", " ", "\u00ff", "%"]));
                        break;
                    case 3:
                        damaged.Insert(position, damaged.ToString(position, Math.Min(20, damaged.Length - position)));
                        break;
                    default:
                        if (Chance(0.3))
                            damaged.Length = position;
                        break;
                }
            }
            return damaged.ToString();
        }

        string Bytes(int length) => string.Concat(Enumerable.Range(0, length).Select(_ => (char)random.Next(256)));

        bool Chance(double share) => random.NextDouble() < share;

        T Pick<T>(IReadOnlyList<T> words) => words[random.Next(words.Count)];
    }
}
