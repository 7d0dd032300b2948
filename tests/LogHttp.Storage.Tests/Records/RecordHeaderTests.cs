using System.Text;
using System.Text.Json;
using CsCheck;
using LogHttp.Storage.Records;

namespace LogHttp.Storage.Tests.Records;

/// <summary>Headers keep their order, case, nulls and bytes.</summary>
public class RecordHeaderTests
{
    static readonly Gen<RecordHeader> Header = Gen.Select(
        Gen.OneOf("", "a", "b", "A", "trace", "née \"☃\""),
        Gen.Frequency(
            (1, Gen.Const((byte[]?)null)),
            (3, Gen.OneOf("", "1", "\"\n").Select(static text => (byte[]?)Encoding.UTF8.GetBytes(text))),
            (1, Gen.Byte.Array[0, 8].Select(static bytes => (byte[]?)bytes))
        ),
        static (name, value) => new RecordHeader(name, value)
    );

    static string HeadersOf(params RecordHeader[] headers) =>
        Encoding
            .UTF8.GetString(Line(headers))
            .Replace("{\"offset\":0,\"timestamp\":0,\"headers\":", "", StringComparison.Ordinal)
            .Replace(",\"value\":1}\n", "", StringComparison.Ordinal);

    static byte[] Line(RecordHeader[] headers)
    {
        using var batch = new RecordBatch(new RecordLimits());
        Assert.Null(batch.AddJson("1"u8, new RecordMetadata { HeaderPairs = headers }));
        return [.. "{\"offset\":0,\"timestamp\":0"u8, .. batch.Tails];
    }

    static RecordHeader Text(string name, string value) => new(name, Encoding.UTF8.GetBytes(value));

    [Fact]
    public void Headers_Unique_AreWrittenAsObject() =>
        Assert.Equal("""{"a":["1","2"],"b":"3"}""", HeadersOf(Text("a", "1"), Text("a", "2"), Text("b", "3")));

    [Fact]
    public void Headers_RepeatedOrEmpty_AreWrittenAsPairs()
    {
        Assert.Equal(
            """[["A","1"],["b",null],["c",{"base64":"/w=="}]]""",
            HeadersOf(Text("A", "1"), new("b", null), new("c", new byte[] { 0xFF }))
        );
        // An object would group them.
        Assert.Equal("""[["a","1"],["b","2"],["a","3"]]""", HeadersOf(Text("a", "1"), Text("b", "2"), Text("a", "3")));
        Assert.Equal("""[["","1"]]""", HeadersOf(Text("", "1")));
    }

    [Fact]
    public void Headers_AboveLimit_AreRejected()
    {
        using var batch = new RecordBatch(new RecordLimits { MaxHeadersBytes = 10 });
        Assert.Null(batch.AddJson("1"u8, new RecordMetadata { HeaderPairs = [Text("A", "123456789")] }));
        Assert.Equal(
            RecordFaultCode.InvalidHeader,
            batch.AddJson("1"u8, new RecordMetadata { HeaderPairs = [Text("A", "1234567890")] })!.Code
        );
        Assert.Equal(
            RecordFaultCode.InvalidHeader,
            batch.AddJson("1"u8, new RecordMetadata { HeaderPairs = [Text("\ud800", "")] })!.Code
        );
    }

    [Fact]
    public void Headers_Any_AreReadBack() =>
        Header
            .Array[1, 6]
            .Sample(headers =>
            {
                var line = Line(headers);
                Assert.Null(RecordFormat.Check(line, out _, out _));
                Assert.True(RecordFormat.TryRead(line, out var view));
                var read = Read(Encoding.UTF8.GetString(view.Headers)).ToArray();
                Assert.Equal(headers.Select(Spelled), read.Select(Spelled));
            });

    static string Spelled(RecordHeader header) =>
        $"{header.Name}={(header.Value is { } value ? Convert.ToHexString(value.Span) : "null")}";

    static IEnumerable<RecordHeader> Read(string json)
    {
        var root = JsonDocument.Parse(json).RootElement;
        return root.ValueKind == JsonValueKind.Array
            ? root.EnumerateArray()
                .Select(pair => new RecordHeader(
                    pair[0].GetString()!,
                    pair[1].ValueKind switch
                    {
                        JsonValueKind.Null => null,
                        JsonValueKind.Object => pair[1].GetProperty("base64").GetBytesFromBase64(),
                        _ => Encoding.UTF8.GetBytes(pair[1].GetString()!),
                    }
                ))
            : root.EnumerateObject()
                .SelectMany(property =>
                    property.Value.ValueKind == JsonValueKind.Array
                        ? property.Value.EnumerateArray().Select(value => Text(property.Name, value.GetString()!))
                        : [Text(property.Name, property.Value.GetString()!)]
                );
    }
}
