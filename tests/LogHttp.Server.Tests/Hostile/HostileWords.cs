using System.Text;

namespace LogHttp.Server.Tests.Hostile;

/// <summary>What hostile requests are made of. A character is a byte (Latin-1).</summary>
static class HostileWords
{
    /// <summary>Whoever lets a line break through answers with this header.</summary>
    public const string InjectedHeader = "X-Injected";

    const string Injection = "%0d%0a" + InjectedHeader + ":%201";

    public static readonly string[] Methods =
    [
        "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "BREW", "QUERY",
        "get", "head", "post", "Head", "pUt", "delete", "x", "GET1", "M-SEARCH", "A" + new string('B', 300),
    ];

    /// <summary>Methods no server can take for one: the connection ends with them.</summary>
    public static readonly string[] BrokenMethods = ["", "G ET", "G\tET", "GET\0", "\u00c3\u00a4", "(GET)", "GET:", "{}"];

    public static readonly string[] Versions = ["HTTP/1.0", "HTTP/1.1", "HTTP/1.2", "HTTP/2.0", "HTTP/0.9", "HTTP/3", "http/1.1", "HTTP/1.1 ", "", "HTTP/", "FTP/1.1", "HTTP/1.11", "HTTP/-1.1"];

    public static readonly string[] Segments =
    [
        "..", ".", "...", "..%2f", "..%2F..%2f", "%2e%2e", "%2e%2e%2f", "%2E.", "..%5c", "..\\", "..\\..\\", "%252e%252e%252f", "..%c0%af", "%c0%ae%c0%ae",
        "%00", "a%00b", "a%00", "%ff", "%e0%80%ae", "%ed%a0%80", "%f4%90%80%80", "k%C3%A4se", Utf8("käse"), Utf8("😀"), "%F0%9F%98%80", "%E2%80%AE", "%EF%BB%BFa",
        "", "%20", "+", "a+b", "a%20b", "a;b", "a:b", "a=b", "a&b", "a,b", "a@b", "~", "~root", "con", "nul", "COM1", "a.", "-", "_", "$", "!", "'", "\"", "`", "|", "^",
        Injection, "a%0ab", "a%2fb", "%2f", "%2fetc%2fpasswd", "%5c", "a%5cb", "<script>alert(1)</script>", "%3Cscript%3E", "{topic}", "{0}", "*", "**", "(a)", "[a]",
        "%", "%2", "%zz", "%u0041", "a%", "%%32%65", Name(249), Name(250), Name(251), Name(5000), "topic.json", "loghttp.lock", "checkpoint", "0", "-1", "canary.txt", "..%2fcanary.txt",
        "T1", "tmp", "deleted", "topics", "earliest", "null", "undefined", "\u0080", "\u00ff\u00fe", "a\u007fb",
    ];

    public static readonly string[] Paths =
    [
        "", "/", "//", "///", "*", "?", "#", "/#", "/topics", "/topics/", "/topics//", "//topics/t1", "/topics//t1", "/topics/t1//", "/topics/t1/0/", "/topics/t1//0", "/topics/t1/0/value", "/topics/t1/0/value/",
        "/topics/t1/0/value/x", "/topics/t1/0/", "/TOPICS/t1/0", "/Topics/T1/Earliest", "/healthz", "/healthz/", "/HEALTHZ", "/healthz/x", "/swagger", "/swagger/", "/swagger/index.html", "/swagger/v1/swagger.json",
        "/swagger/../topics", "/swagger/%2e%2e/%2e%2e/etc/passwd", "/swagger/v1/..%2f..%2fappsettings.json", "/favicon.ico", "/robots.txt", "/.env", "/.git/config", "/appsettings.json", "/admin", "/metrics",
        "/../canary.txt", "/../../../../../../etc/passwd", "/topics/../../canary.txt", "/topics/../healthz", "/topics/t1/../t2/0", "/topics/%2e%2e/%2e%2e/canary.txt", "/topics/..%2f..%2fcanary.txt", "/topics/..%5c..%5ccanary.txt",
        "/topics/t1/..%2f..%2f..%2f..%2fcanary.txt", "/topics/t1/0/..%2f..%2fvalue", "/./topics/./t1/./0", "/topics/t1;jsessionid=1/0", "/topics/t1/0;v=1", "topics/t1", "topics", "\\topics\\t1", "/\\topics",
        "http://127.0.0.1/topics/t1/0", "http://evil.example/topics/t1/0", "http://evil.example", "http://u:p@127.0.0.1/topics", "https://[::1]:443/topics/t1/0", "http://[", "http://", "ftp://x/y", "file:///etc/passwd", "javascript:alert(1)",
        "evil.example:443", "127.0.0.1:80", ":", "/topics/t1/0#fragment", "/topics/t1/0%23x", "/topics/t1/0%3Fpartition=0", "/%74opics/t1/0", "/topics%2ft1%2f0", "/topics/t1%2f0", "/%2ftopics", "/%00", "/\0", "/topics/t1/\u0001", "/topics/t1/0 ", " /topics",
        "/" + new string('a', 2000), "/topics" + string.Concat(Enumerable.Repeat("/..", 500)), "/topics" + new string('/', 1000), "/" + string.Concat(Enumerable.Repeat("a/", 1000)), "/topics/" + string.Concat(Enumerable.Repeat("%2e%2e%2f", 300)),
    ];

    public static readonly string[] Places =
    [
        "0", "1", "42", "-1", "-10", "-0", "--1", "+1", "007", "99999999", "99999999999999999999", "9223372036854775807", "9223372036854775806", "9223372036854775808", "-9223372036854775808", "-9223372036854775807",
        "1e3", "0x10", "1.0", "%201", "1%20", "1%09", "EARLIEST", "Latest", "earliest", "latest", "latest%00", "1%00", "0%00%00", "@", "@0", "@1", "@1763800000123", "@2026-11-22T10:00:00Z", "@2026-11-22", "@2026-11-22T10:00:00+02:00",
        "@2026-11-22T10:00:00%2B02:00", "@2026-02-30T00:00:00Z", "@0001-01-01T00:00:00Z", "@9999-12-31T23:59:59.9999999Z", "@10000-01-01", "@now", "@-1", "@-62135596800001", "@253402300800000", "@9223372036854775807", "@99999999999999999999",
        "@1e400", "@%201", "@1%00", "%401763800000123", "@@1", "%d9%a1", "NaN", "null", "1,2", "1-5", "*", "0.", "1_000", new string('9', 400), "-" + new string('9', 400), "@" + new string('9', 400), "@" + new string(' ', 3).Replace(" ", "%20", StringComparison.Ordinal),
    ];

    public static readonly string[] QueryNames =
    [
        "partition", "maxBytes", "split", "stream", "before", "view", "key", "keyBase64", "v", "limit", "after", "wait", "minBytes", "follow", "topics", "Wait", "Partition", "PARTITION", "pretty", "callback", "", "partition[]", "partition%00", "%70artition", "%", "__proto__",
    ];

    public static readonly string[] QueryValues =
    [
        "", "0", "1", "2", "3", "7", "00", "-1", "+1", "1.0", "1e1", "0x1", "%201", "1%20", "1%00", "%00", "2147483647", "2147483648", "4294967296", "9223372036854775807", "9223372036854775808", "99999999999999999999999", "-9223372036854775809",
        "true", "false", "null", "NaN", "Infinity", "lines", "Lines", "lines,lines", "values", "records", "raw", "json", "k", "user-7", "a2V5", "/w==", "_w", "%2Fw%3D%3D", "a2V5=", "====", "AAA", "%zz", "%", "%2", "%u0041", "%ff%fe", "%ed%a0%80", "%c0%80", Utf8("käse"), Utf8("😀"),
        "%F0%9F%98%80", "..%2f..%2fcanary.txt", "../../canary.txt", Injection, "<script>", "'%20OR%201=1", "${jndi:ldap://x}", "{{7*7}}", "0&partition=1", "0;1", "0,1", "4096", "65536", "67108864", "1", "\u0001", "\u00ff", "\"", "#", "=", "==", "+++", new string('9', 2000), Name(3000), "%00" + Name(200),
    ];

    /// <summary>How long to wait; none of those that may be is long.</summary>
    public static readonly string[] Waits =
    [
        "1ms", "5ms", "20ms", "0s", "0ms", "1s", "2s", "-1s", "+1s", "1", "", " ", "s", "ms", "1S", "1.5s", "1e3ms", "0x1s", "1h", "1d", "PT1S", "forever", "NaN", "1ms%00", "%201ms", "1%20ms", "00000000000000000001ms", "9223372036854775807ms", "9223372036854775808ms", "99999999999999999999999s", "922337203685477580s", "1ms,1ms", "1ms&wait=1ms", "%ff", "%d9%a1s", Utf8("１s"), new string('9', 400) + "s", Injection,
    ];

    public static readonly string[] MinBytes =
    [
        "1", "2", "100", "5000", "67108864", "67108865", "0", "-1", "", "1e3", "0x10", "9223372036854775807", "9223372036854775808", "1.5", "1&minBytes=2", "%00", "all", new string('9', 300),
    ];

    /// <summary>What to follow, one of several.</summary>
    public static readonly string[] StreamEntries =
    [
        "", ":", "/", "t1:", "t1/", "t1/:", "t1/0:", ":earliest", "/0", "t1/0/0", "t1//0", "t1/-1", "t1/+1", "t1/00", "t1/1e0", "t1/99", "t1/2147483648", "t1/99999999999999999999", "t1/%00", "t1/0%00", "t1:earliest:latest", "t1::", "t1:-1", "t1:-99999999999999999999", "t1:99999999", "t1:9223372036854775807", "t1:9223372036854775808", "t1:@2026-11-22T10:00:00Z", "t1:@2026-11-22T10:00:00+02:00", "t1:@", "t1:@-1", "t1:@99999999999999999999", "t1:%65arliest",
        "..", "../../canary.txt", "..%2f..%2fcanary.txt", "%2e%2e%2f", "t1%2f0", "t1%3aearliest", "t1%2C", "%74%31", "t1%00", "t1%0a", Injection, "t1%20", "%20t1", "+t1", "t1;t2", "t1|t2", "t*", "*", "[t1]", "\"t1\"", "{topic}", "none", "T1", "%ff", "%ed%a0%80", "%c0%af", "k%C3%A4se", Utf8("käse"), Utf8("😀"), "%E2%80%AE", "%zz", "%", Name(249), Name(250), Name(3000), string.Join(',', Enumerable.Repeat("t1", 500)), string.Join(',', Enumerable.Range(0, 300).Select(number => FormattableString.Invariant($"t{number}/{number}:{number}"))), new string(',', 3000),
    ];

    /// <summary>Lines that say where an event stream goes on.</summary>
    public static readonly string[] EventIds =
    [
        "Last-Event-ID:", "Last-Event-ID: ", "Last-Event-ID: x", "Last-Event-ID: 42", "Last-Event-ID: ,", "Last-Event-ID: :", "Last-Event-ID: ///:", "Last-Event-ID: t1/0/0123456789abcdef:0", "Last-Event-ID: t2/1/0123456789abcdef:5,t3/0/0123456789abcdef:7", "Last-Event-ID: elsewhere/0/0123456789abcdef:5", "Last-Event-ID: t1/0/0123456789abcdef:-1", "Last-Event-ID: t1/0/0123456789abcdef:+1", "Last-Event-ID: t1/0/0123456789abcdef:1e30", "Last-Event-ID: t1/0/0123456789abcdef:1000000000000000000000000000000", "Last-Event-ID: t1/0/0123456789abcdef:9223372036854775807", "Last-Event-ID: t1/0/0123456789abcdef:9223372036854775808", "Last-Event-ID: t1/0/0123456789abcdef:1 ", "Last-Event-ID: t1/0/0123456789abcdef:", "Last-Event-ID: t1/0/:5", "Last-Event-ID: /0/0123456789abcdef:5", "Last-Event-ID: t1/-1/0123456789abcdef:5", "Last-Event-ID: t1/99999999999/0123456789abcdef:5", "Last-Event-ID: t1/0:5", "Last-Event-ID: t1:0/0123456789abcdef/5", "Last-Event-ID: t1/0/0123456789abcdef:5,", "Last-Event-ID: t1/0/0123456789abcdef:5,t1/0/0123456789abcdef:5",
        "Last-Event-ID: t1/0/0123456789abcdef:5\r\nLast-Event-ID: t2/0/0123456789abcdef:5", "Last-Event-ID: t1/0/0123456789abcdef:5\r\nLast-Event-ID: t1/0/0123456789abcdef:5", "Last-Event-ID: x\r\nlast-event-id: y", "Last-Event-ID: \u00ff", $"Last-Event-ID: {Utf8("käse")}/0/0123456789abcdef:5", "Last-Event-ID: ../../canary.txt/0/x:1", "Last-Event-ID: %74%31/0/0123456789abcdef:5", "Last-Event-ID: \"t1/0/0123456789abcdef:5\"", $"Last-Event-ID: {Name(5000)}", $"Last-Event-ID: {string.Join(',', Enumerable.Range(0, 300).Select(number => FormattableString.Invariant($"t{number}/0/0123456789abcdef:{number}")))}", $"Last-Event-ID: t1/0/{Name(3000)}:1", "Last-Event-ID: t1/0/0123456789abcdef:" + new string('9', 3000), $"Last-Event-ID: {new string(',', 3000)}", "Last-Event-ID: t1/0/0123456789abcdef:\u0665",
    ];

    public static readonly string[] ContentTypes =
    [
        "application/json", "application/json; charset=utf-8", "application/json; charset=utf-16", "application/json; charset=\"UTF-8\"", "application/json;charset=", "application/json; charset=utf-8; charset=latin1", "APPLICATION/JSON", "application/cloudevents+json", "application/problem+json", "+json", "a/+json",
        "application/x-ndjson", "application/ndjson", "application/jsonl", "application/vnd.loghttp.records+ndjson", "application/vnd.loghttp.records+json", "application/vnd.kafka.json.v2+json", "application/vnd.kafka.binary.v2+json", "application/vnd.kafka.avro.v2+json", "application/vnd.kafka.", "Application/VND.kafka+JSON; charset=x", "application/vnd.kafka.json.v2+json; a=\"", "text/plain", "text/plain; charset=us-ascii", "text/plain; charset=iso-8859-1", "text/html", "text/x", "text/", "text", "text/*", "*/*",
        "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "multipart/form-data", "multipart/form-data; boundary=" + new string('x', 500), "application/octet-stream", "image/png", "application/xml", "application/merge-patch+json", "application/json-patch+json", "application/grpc",
        "", " ", ";", "/", "a", "a/b/c", "a b/c", "application/json; ", "application/json;;", "application/json; =", "application/json; a", "application/json; a=\"", "application/json; a=\"\\\"", "application/json, text/plain", "application/" + new string('x', 4000), Utf8("tëxt/plain"), "text/plain; charset=\u00ff", "\"text/plain\"", "text/plain; charset=%s", "application/octet-stream; a=b",
    ];

    /// <summary>Lines of a header section that are, each by itself, some header.</summary>
    public static readonly string[] Headers =
    [
        "Content-Encoding: gzip", "Content-Encoding: x-gzip", "Content-Encoding: br", "Content-Encoding: zstd", "Content-Encoding: deflate", "Content-Encoding: identity", "Content-Encoding: br, gzip", "Content-Encoding:", "Content-Language: xx", "Content-MD5: x", "Content-Range: bytes 0-1/2", "Content-Disposition: attachment; filename=../../x", "Digest: sha-256=x",
        "Record-Key: user-7", "Record-Key:", "Record-Key: ", $"Record-Key: {Utf8("käse 😀")}", "Record-Key: \u00ff\u00fe", "Record-Key: \u00ed\u00a0\u0080", "Record-Key: \u00c0\u0080", $"Record-Key: {Name(300)}", "Record-Key: \"x\\\"", "Record-Key: a\tb", "record-key: lower", "Record-KeyBase64: AA==", "Record-Key-Base64: /w==",
        "Record-Timestamp: 1763800000123", "Record-Timestamp: 0", "Record-Timestamp: -1", "Record-Timestamp: 99999999999999", "Record-Timestamp: 9223372036854775808", "Record-Timestamp: 2024-11-22T10:00:00Z", "Record-Timestamp: 2024-02-30T10:00:00Z", "Record-Timestamp: 0001-01-01", "Record-Timestamp: 9999-12-31T23:59:59Z", "Record-Timestamp: now", "Record-Timestamp:", "Record-Timestamp: 1\u00ff", "Record-Timestamp: 12:00",
        "Record-Header-Trace: 9f", "Record-Header-: x", "Record-Header-a:", $"Record-Header-a: {Utf8("ä")}", "Record-Header-a: \u00fe", "Record-Header-A: b", "Record-Header-a: c", $"Record-Header-{Name(200)}: x", $"Record-Header-a: {Name(1100)}", "Record-Header-content-type: x/y", "Record-Header-__proto__: x", "Record-Header-': \"", "Record-Header-!#$%&'*+-.^_`|~: x",
        "Accept: application/json", "Accept: application/x-ndjson", "Accept: application/vnd.loghttp.records+ndjson", "Accept: text/plain", "Accept: text/html,application/xhtml+xml;q=0.9,*/*;q=0.8", "Accept: */*", "Accept: */*;q=0", "Accept:", "Accept: ,", "Accept: ;", "Accept: a", "Accept: application/json;q=9", "Accept: application/json;q=-1", "Accept: application/json;q=x", "Accept: application/x-ndjson;q=0, application/json;q=1", "Accept: \u00ff/\u00ff",
        $"Accept: {string.Join(',', Enumerable.Range(0, 500).Select(number => FormattableString.Invariant($"a/{number}")))}", "Accept: text/event-stream", "Accept: image/png", "Accept-Encoding: gzip, br, *;q=0", "Accept-Encoding: \u00ff", "Accept-Charset: utf-16", "Accept-Language: xx-\u00e4",
        "Producer-Id: p\r\nProducer-Epoch: 0\r\nProducer-Seq: 0", "Producer-Id: p\r\nProducer-Epoch: 0\r\nProducer-Seq: 1", "Producer-Id: p\r\nProducer-Epoch: 1\r\nProducer-Seq: 0", "Producer-Id: q\r\nProducer-Epoch: 9007199254740991\r\nProducer-Seq: 0", "Producer-Id: q\r\nProducer-Epoch: 3\r\nProducer-Seq: 9007199254740991", "Producer-Id: q\r\nProducer-Epoch: 9007199254740992\r\nProducer-Seq: 9223372036854775808",
        $"Producer-Id: {Name(256)}\r\nProducer-Epoch: 0\r\nProducer-Seq: 0", $"Producer-Id: {Name(257)}\r\nProducer-Epoch: 0\r\nProducer-Seq: 0", "Producer-Id: \"],\"value\":0}\\\r\nProducer-Epoch: 0\r\nProducer-Seq: 0", "Producer-Id: a b\r\nProducer-Epoch: 0\r\nProducer-Seq: 0", $"Producer-Id: {Utf8("ä")}\r\nProducer-Epoch: 0\r\nProducer-Seq: 0", "Producer-Id: \u00ff\r\nProducer-Epoch: 0\r\nProducer-Seq: 0", "Producer-Id: p\r\nProducer-Id: q\r\nProducer-Epoch: 0\r\nProducer-Seq: 0",
        "Producer-Id: p", "Producer-Id:", "Producer-Epoch: 0", "Producer-Seq: 0", "Producer-Seq: -1", "Producer-Seq: +0", "Producer-Seq: 0x1", "Producer-Seq: 1e1", "Producer-Seq: 1,2", "Producer-Epoch: \u0661", $"Producer-Epoch: {new string('9', 400)}", "Producer-Seq: 00", "Producer-Expected-Seq: 0",
        "If-Match: \"0\"", "If-Match: \"1\"", "If-Match: 0", "If-Match: W/\"0\"", "If-Match: \"0\", \"1\"", "If-Match: \"-1\"", "If-Match: \"9223372036854775807\"", "If-Match: \"99999999999999999999\"", "If-Match: \"\"", "If-Match:", "If-Match: \"0\"\r\nIf-Match: \"0\"",
        "If-None-Match: \"x\"", "If-None-Match: *", "If-None-Match: W/\"x\", \"y\"", "If-None-Match: x", "If-None-Match:", "If-Match: \"x\"", "If-Match: *", "If-Modified-Since: Sat, 01 Jan 2000 00:00:00 GMT", "If-Modified-Since: never", "If-Unmodified-Since: Sat, 01 Jan 2000 00:00:00 GMT", "If-Range: \"x\"",
        "Range: bytes=0-0", "Range: bytes=-1", "Range: bytes=99999999999999999999-", "Range: bytes=0-0,2-2,4-4", "Range: bytes=5-1", "Range: lines=1-2", "Range: x", "Range:",
        "Expect: 100-continue", "Expect: 200-ok", "Expect:", "Prefer: return=minimal", "Origin: http://evil.example", "Origin: null", "Origin: http://127.0.0.1", "Origin: \u00ff", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Site: same-origin", "Sec-Fetch-Site: x", "Sec-Fetch-Mode: navigate", "Referer: http://evil.example/", "Access-Control-Request-Method: DELETE",
        "Connection: keep-alive", "Connection: close", "Connection: x, y", "Connection: close, keep-alive", "Connection: Content-Length", "Keep-Alive: timeout=0", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__", "TE: trailers", "Trailer: Record-Key", "Proxy-Connection: close", "Via: 1.1 x", "Max-Forwards: 0",
        "Cookie: a=b; c=d", $"Cookie: {Name(2000)}", "Cookie: \u00ff=\u00fe", "Authorization: Basic Og==", "Authorization: Bearer \u00ff", "X-Forwarded-For: 127.0.0.1", "X-Forwarded-Host: evil.example", "X-Forwarded-Proto: https", "X-Forwarded-Prefix: /../..", "Forwarded: for=\"_x\"", "X-HTTP-Method-Override: DELETE", "X-Original-URL: /topics/t1", "X-Rewrite-URL: /../../x",
        "User-Agent: ${jndi:ldap://x}", "User-Agent: \u00ff", "User-Agent:", "Idempotency-Key: x", "Log-Next-Offset: 0", "Location: http://evil.example", "Cache-Control: only-if-cached", "Pragma: no-cache", "Date: x", "traceparent: 00-x", "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "tracestate: \u00ff", "baggage: \u00ff=%zz", "Request-Id: |x.", "Correlation-Context: a=\u00ff",
    ];

    /// <summary>Lines that are no header: the request ends with them.</summary>
    public static readonly string[] BrokenHeaders =
    [
        "NoColon", ": x", " X: folded", "\tX: folded", "X : space", "X\0: nul", "X: a\0b", "X: a\rb", "X: a\nY: b", "\u00e4: x", "X\u0080: x", "(x): y", "X: y\u0001", "Record-Key: a\0b", "Record-Header-\u00e4: x", "Record-Header-a : x", "Record-Key: a\r\n folded", "X: \u007f",
    ];

    public static readonly string[] Hosts =
    [
        "Host: evil.example", "Host: 127.0.0.1:99999", "Host: 127.0.0.1:-1", "Host:", "", "Host: 127.0.0.1\r\nHost: 127.0.0.1", "Host: a\r\nHost: b", "Host: a, b", "Host: a b", "Host: \u00ff", "Host: a/b", "Host: a@b", "Host: [::1", "Host: [::1]:80", "Host: http://127.0.0.1", $"Host: {Name(3000)}", "Host: *", "Host: ..", "HOST: localhost", "Host: 0", "Host: \tlocalhost",
    ];

    /// <summary>In the place of a right length. Each leaves open where the request ends.</summary>
    public static readonly string[] Framings =
    [
        "Content-Length: 0", "Content-Length: 1", "Content-Length: 5", "Content-Length: 1000", "Content-Length: 60000", "Content-Length: 99999999", "Content-Length: 9223372036854775807", "Content-Length: 9223372036854775808", "Content-Length: 99999999999999999999", "Content-Length: -1", "Content-Length: +5", "Content-Length: 0x5", "Content-Length: 5 5", "Content-Length: 5, 5", "Content-Length: a", "Content-Length:", "Content-Length: 5;", "Content-Length: \u0665", "Content-Length: 5\0", "Content-Length : 5", "Content_Length: 5",
        "Content-Length: 5\r\nContent-Length: 5", "Content-Length: 5\r\nContent-Length: 6", "Content-Length: 0\r\nContent-Length: 44", "", "Transfer-Encoding: chunked", "Transfer-Encoding: Chunked", "Transfer-Encoding: chunked\r\nContent-Length: 5", "Content-Length: 5\r\nTransfer-Encoding: chunked", "Content-Length: 0\r\nTransfer-Encoding: chunked", "Transfer-Encoding : chunked", "Transfer-Encoding:\tchunked", "Transfer-Encoding:\r\n chunked", "X: y\r\n Transfer-Encoding: chunked", "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked", "Transfer-Encoding: gzip, chunked", "Transfer-Encoding: chunked, gzip", "Transfer-Encoding: chunked, chunked",
        "Transfer-Encoding: identity", "Transfer-Encoding: xchunked", "Transfer-Encoding: \"chunked\"", "Transfer-Encoding:", "Transfer-Encoding: ,chunked", "Transfer-Encoding: chunked;q=1", "Transfer-Encoding: chunked\u000b", "Transfer-Encoding: \u00ffchunked", "transfer-encoding: CHUNKED\r\nconnection: transfer-encoding", "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAAP__", "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ];

    /// <summary>Bodies for requests whose framing is chunked, or is not.</summary>
    public static readonly string[] FramedBodies =
    [
        "0\r\n\r\n", "5\r\nhello\r\n0\r\n\r\n", "5\r\nhello\r\n0\r\n", "5\r\nhello\r\n", "5\r\nhel", "5\r\nhello0\r\n\r\n", "6\r\nhello\r\n0\r\n\r\n", "4\r\nhello\r\n0\r\n\r\n", "g\r\nhello\r\n0\r\n\r\n", "-5\r\nhello\r\n0\r\n\r\n", "0x5\r\nhello\r\n0\r\n\r\n", "+5\r\nhello\r\n0\r\n\r\n", " 5\r\nhello\r\n0\r\n\r\n", "5 \r\nhello\r\n0\r\n\r\n", "5;a=b\r\nhello\r\n0\r\n\r\n", "5;a=\"\r\n\"\r\nhello\r\n0\r\n\r\n", "5\nhello\n0\n\n", "5\r\nhello\r\n0\r\nTrailer: x\r\n\r\n", "5\r\nhello\r\n0\r\nBad Trailer\r\n\r\n", "5\r\nhello\r\n0\r\nContent-Length: 9\r\n\r\n",
        "ffffffff\r\nhello", "7fffffffffffffff\r\nhello", "ffffffffffffffff\r\nhello", "10000000000000005\r\nhello\r\n0\r\n\r\n", "00000000000000000000005\r\nhello\r\n0\r\n\r\n", "\r\nhello", "hello", "", "0\r\n\r\nGET /topics/t1/0 HTTP/1.1\r\nHost: x\r\n\r\n", "0\r\n\r\nPOST /topics/smuggled HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n1", "1\r\n1\r\n0\r\n\r\nDELETE /topics/t1 HTTP/1.1\r\nHost: x\r\n\r\n", "5;" + Name(20_000) + "\r\nhello\r\n0\r\n\r\n", "5\r\nhello\r\n0\r\nX: " + Name(40_000) + "\r\n\r\n",
    ];

    /// <summary>Records as objects, right and wrong. Stands before <see cref="Bodies"/>, which holds them too.</summary>
    public static readonly string[] Records =
    [
        "{\"value\":1}", "{\"value\":1}\n{\"value\":2}\n", "{\"value\":1,\"value\":2}", "{\"value\":1,\"valueBase64\":\"AA==\"}", "{}\n", "{\"key\":\"k\"}", "{\"value\":1,\"key\":1}", "{\"value\":1,\"key\":null}", "{\"value\":1,\"key\":\"\\ud800\"}", "{\"value\":1,\"keyBase64\":\"/w==\"}", "{\"value\":1,\"keyBase64\":\"_\"}", "{\"value\":1,\"key\":\"a\",\"keyBase64\":\"AA==\"}", "{\"valueBase64\":\"AA=\"}", "{\"valueBase64\":1}", "{\"valueBase64\":null}", "{\"valueBase64\":\"\\u0041A==\"}", "{\"value\":1,\"headers\":{}}", "{\"value\":1,\"headers\":[]}", "{\"value\":1,\"headers\":null}", "{\"value\":1,\"headers\":{\"a\":1}}", "{\"value\":1,\"headers\":{\"a\":[]}}", "{\"value\":1,\"headers\":{\"a\":[\"x\",[\"y\"]]}}", "{\"value\":1,\"headers\":{\"a\":\"x\",\"A\":\"y\"}}", "{\"value\":1,\"headers\":{\"\":\"x\"}}", "{\"value\":1,\"headers\":{\"\\ud800\":\"x\"}}", "{\"value\":1,\"headers\":{\"a\":\"\\udfff\"}}", "{\"value\":1,\"headers\":{\"a\\nb\":\"c\\r\\nd\"}}",
        "{\"value\":1,\"timestamp\":-1}", "{\"value\":1,\"timestamp\":1e3}", "{\"value\":1,\"timestamp\":\"1\"}", "{\"value\":1,\"timestamp\":99999999999999999999}", "{\"value\":1,\"timestamp\":1763800000123}", "{\"value\":1,\"timestamp\":null}", "{\"value\":1,\"partition\":-1}", "{\"value\":1,\"partition\":1e0}", "{\"value\":1,\"partition\":99}", "{\"value\":1,\"partition\":2147483648}", "{\"value\":1,\"partition\":2}\n{\"value\":2,\"partition\":0}\n", "{\"value\":1,\"offset\":5,\"batch\":{\"x\":[1]},\"producer\":[\"p\",0,1]}", "{\"value\":1,\"offset\":5,\"offset\":6}", "{\"value\":1,\"unknown\":1}", "{\"\\u0076alue\":1}", "{\"\\ud800\":1}", "{\"valu\\ud800\":1,\"value\":1}", "{\"k\\udc00y\":1,\"value\":1}", "{\"value\":1,\"\\ud83d\":1}", "{\"\":1}", "{\"\0\":1}", "{\"value\":1}x", "{\"value\":1} {\"value\":1}", "[{\"value\":1}]", "{\"value\":\"\\ud800\"}", "{\"value\":\"\u00ff\"}", $"{{\"value\":{Deep(61)}}}", $"{{\"value\":1,\"offset\":{Deep(70)}}}", $"{{\"value\":1,\"key\":\"{Name(300)}\"}}", $"{{\"value\":1,\"headers\":{{\"a\":\"{Name(1100)}\"}}}}", "{\"value\":1}\n{\"value\":", "{\"value\":1}\r\n\r\n{\"value\":2}\r\n", "{\"value\"", "{\"value\":", "{\"value\":1,", "{\"value\":1,\"key\"", "{\"value\":1,\"headers\":{\"a\":[\"x\"",
    ];

    /// <summary>Requests to the REST Proxy, right and wrong. Stands before <see cref="Bodies"/>, which holds them too.</summary>
    public static readonly string[] ConfluentBodies =
    [
        "{\"records\":[{\"value\":1}]}", "{\"records\":[{\"key\":\"user-7\",\"value\":\"AAEC\",\"partition\":1},{}]}", "{\"records\":[]}", "{\"records\":null}", "{\"records\":{}}", "{\"records\":[1]}", "{\"records\":[{\"value\":1}],\"records\":[{\"value\":2}]}", "{\"records\":[{\"value\":1},{\"value\":2,\"partition\":99}]}", "{\"records\":[{\"value\":1,\"partition\":-1}]}", "{\"records\":[{\"value\":1,\"partition\":9999999999}]}", "{\"records\":[{\"value\":1,\"x\":2}]}",
        "{\"records\":[{\"value\":\"\\ud800\",\"key\":\"\\ud800\"}]}", "{\"records\":[{\"\\ud800\":1}]}", "{\"\\ud800\":1}", "{\"records\":[{\"key\":{\"a\":[1,\"\\\"\\\\\"]},\"value\":\"_\"}]}", "{\"records\":[{\"value\":", "{\"records\":[{\"value\":1}]", "{\"records\":[{\"value\":1}]}{}", "{\"value_schema_id\":1,\"key_schema\":[[]],\"records\":[{\"value\":null,\"key\":null,\"partition\":null}]}", "\u00ef\u00bb\u00bf{\"records\":[{\"value\":\"\u00ff\"}]}",
        $"{{\"records\":[{{\"value\":{Deep(60)},\"key\":{Deep(60)}}}]}}", $"{{\"records\":[{{\"value\":{Deep(61)}}}]}}", $"{{\"records\":[{{\"value\":{Deep(5000)}}}]}}", $"{{\"records\":{Deep(5000)}}}", $"{{\"records\":[{string.Join(',', Enumerable.Repeat("{}", 5000))}]}}", $"{{\"records\":[{string.Join(',', Enumerable.Repeat("{\"partition\":9}", 3000))}]}}", $"{{\"records\":[{{\"value\":\"{Name(20_000)}\"}},{{\"key\":\"{Name(300)}\"}},{{\"value\":1}}]}}",
    ];

    public static readonly string[] Bodies =
    [
        "", " ", "\0", "\n", "\r\n", "\r", "\n\n\n", "1", "-0", "1e400", "1e", "01", "+1", ".5", "0x1", "NaN", "Infinity", "null", "nul", "nulll", "true", "\"", "\"\"", "\"\\ud800\"", "\"\\udc00\\ud800\"", "\"\\u0000\"", "\"\\x\"", "\"\\u12\"", "\"a\nb\"", "\"a\tb\"", "\"a\0b\"", "'a'", "\u00ef\u00bb\u00bf1", "\u00ef\u00bb\u00bf", "\u00ef\u00bb\u00bf\u00ef\u00bb\u00bf1", "\u00ff\u00fe1\0", "\u00fe\u00ff\0001", "\"\u00ff\"", "\"\u00ed\u00a0\u0080\"", "\"\u00c0\u0080\"", "\"\u00f4\u0090\u0080\u0080\"", "\"\u00e2\u0080\u00a8\"", "\u001f\u008b\u0008\0\0\0\0\0", "{", "}", "[", "]", "{}", "[]", "{}{}", "{} {}", "[1,]", "{\"a\":1,}", "{\"a\"}", "{a:1}", "{\"a\":1,\"a\":2}", "/*x*/1", "1//x", "{\"__proto__\":1}", "[1,2", "{\"a\":{\"b\":",
        Deep(60), Deep(61), Deep(62), Deep(64), Deep(65), Deep(1000), new string('[', 30_000), string.Concat(Enumerable.Repeat("{\"a\":", 8000)), new string('9', 10_000), "0." + new string('1', 10_000), "-" + new string('9', 400) + "e" + new string('9', 400), $"\"{Name(20_000)}\"", $"{{\"{Name(9000)}\":1}}", string.Concat(Enumerable.Repeat("1\n", 3000)), new string('\n', 5000), new string('\0', 3000), new string('\u0001', 5000), new string('"', 9000), new string('\\', 9000), new string('\u00ff', 3000), Name(70_000), Name(100_000),
        .. Records,
        .. ConfluentBodies,
        "{\"partitions\":3}", "{\"partitions\":0}", "{\"partitions\":-1}", "{\"partitions\":1e9}", "{\"partitions\":1.5}", "{\"partitions\":\"3\"}", "{\"partitions\":null}", "{\"partitions\":999999999999}", "{\"partitions\":3,\"partitions\":4}", "{\"flush\":\"never\"}", "{\"flush\":\"always\"}", "{\"flush\":\"os\"}", "{\"flush\":\"100ms\"}", "{\"flush\":\"99999999999999h\"}", "{\"flush\":\"-1ms\"}", "{\"flush\":1}", "{\"flush\":null}", "{\"flush\":\"\\ud800\"}", "{\"segmentBytes\":1}", "{\"segmentBytes\":65536}", "{\"segmentBytes\":1e30}", "{\"retention\":{\"bytes\":1}}", "{\"retentionBytes\":0}", "{\"retentionMs\":-1}", "{\"retention\":\"7d\"}", "{\"name\":\"../x\"}", "{\"id\":\"x\"}", "{\"PARTITIONS\":2}", "{\"partitions\":2,\"x\":1}", "[{\"op\":\"replace\",\"path\":\"/partitions\",\"value\":2}]",
        "<?xml version=\"1.0\"?><!DOCTYPE x [<!ENTITY y SYSTEM \"file:///etc/passwd\">]><x>&y;</x>", "a=b&c=d", "%00%ff", "--x\r\nContent-Disposition: form-data; name=\"a\"; filename=\"../../x\"\r\n\r\n1\r\n--x--\r\n", Utf8("käse 😀 \u2028"), "line one\nline two\r\nline three", "\r\n\r\nGET / HTTP/1.1\r\n\r\n",
    ];

    /// <summary>UTF-8, a byte a character.</summary>
    public static string Utf8(string text) => Encoding.Latin1.GetString(Encoding.UTF8.GetBytes(text));

    static string Name(int length) => new('a', length);

    static string Deep(int depth) => new string('[', depth) + new string(']', depth);
}
