using System.Text;
using System.Text.Json;
using CsCheck;
using LogHttp.Storage.Records;

namespace LogHttp.Storage.Tests.Records;

public class JsonTextTests
{
    /// <summary>JSON of all shapes, some of it damaged.</summary>
    static readonly Gen<string> Texts = Gen.Select(
        RecordGen.Json,
        Gen.Int[0, 3],
        Gen.Int[0, 1_000],
        Gen.Char["{}[]\",:\\0e-+.nult \n\u0001é"],
        (json, kind, position, letter) =>
        {
            position %= json.Length;
            return kind switch
            {
                0 => json.Remove(position, 1),
                1 => json.Insert(position, letter.ToString()),
                _ => json,
            };
        }
    );

    [Fact]
    public void Validate_AnyText_AgreesWithJsonDocument() =>
        Texts.Sample(
            text =>
            {
                // Half of a surrogate pair cannot be UTF-8 at all. The encoder replaces it.
                var bytes = Encoding.UTF8.GetBytes(text);
                Assert.Equal(Parses(bytes), JsonText.Validate(bytes) is null);
            },
            iter: 5_000
        );

    [Fact]
    public void WriteString_AnyText_IsReadBack() =>
        RecordGen.Text.Sample(
            text =>
            {
                var utf8 = Encoding.UTF8.GetBytes(text);
                var json = new byte[JsonText.MaxStringBytes(utf8.Length)];
                var written = JsonText.WriteString(utf8, json);
                Assert.Equal(JsonText.StringBytes(utf8), written);
                Assert.Equal(text, JsonSerializer.Deserialize<string>(json.AsSpan(0, written)));
            },
            iter: 2_000
        );

    static bool Parses(byte[] bytes)
    {
        try
        {
            using var document = JsonDocument.Parse(bytes, new JsonDocumentOptions { MaxDepth = JsonText.MaxDepth });
            return true;
        }
        catch (JsonException)
        {
            return false;
        }
    }
}
