using System.Text;
using System.Text.Json;
using CsCheck;
using LogHttp.Storage.Records;

namespace LogHttp.Storage.Tests.Records;

public class JsonScannerTests
{
    const int Depth = 5;

    static readonly string[] Pieces =
    [
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"a\"",
        "\"\"",
        "0",
        "-1",
        "1.5",
        "1e3",
        "true",
        "false",
        "null",
        " ",
        "\n",
        "\"\\u00e9\\n\"",
        "1.",
        "01",
        "\\",
        "\"",
        "\u0001",
        "é",
        "-",
        "+",
        "E",
        "tru",
        "\u00a0",
    ];

    /// <summary>Texts that are nearly JSON and mostly invalid. The framework's reader must agree on each.</summary>
    static readonly Gen<string> Texts = Gen.Int[0, Pieces.Length - 1]
        .Select(static number => Pieces[number])
        .Array[0, 8]
        .Select(string.Concat);

    /// <summary>
    /// JSON of all shapes with one position overwritten: faults within and beside the parts that are skipped 16 bytes
    /// at a time.
    /// </summary>
    static readonly Gen<string> Damaged = Gen.Select(
        RecordGen.Json,
        Gen.Int[0, 1_000],
        Gen.Char["{}[]\",:\\0e-+.nult \n\u0001\u001f /"],
        Gen.Int[0, 2],
        (json, position, letter, kind) =>
        {
            position %= json.Length;
            return kind switch
            {
                0 => json.Remove(position, 1).Insert(position, letter.ToString()),
                1 => json[..position],
                _ => json,
            };
        }
    );

    [Fact]
    public void FindEnd_Fragments_AgreesWithReader() => Texts.Sample(AssertAgrees, iter: 50_000);

    [Fact]
    public void FindEnd_DamagedJson_AgreesWithReader() => Damaged.Sample(AssertAgrees, iter: 20_000);

    /// <summary>The windows of one value serve the next, wherever it begins and however the text ends.</summary>
    [Fact]
    public void FindEnd_ManyValues_EqualsEachAlone() =>
        Gen.Select(Damaged.Array[1, 12], Gen.Int[0, 2_000])
            .Sample(
                (values, cut) =>
                {
                    var whole = Encoding.UTF8.GetBytes(string.Join('\n', values));
                    var text = whole.AsSpan(0, Math.Min(whole.Length, cut));
                    var scanner = new JsonScanner(text, Depth);
                    for (var position = 0; position < text.Length; )
                    {
                        var alone = new JsonScanner(text[position..], Depth);
                        var (end, aloneEnd) = (scanner.FindEnd(position), alone.FindEnd(0));
                        Assert.Equal(aloneEnd < 0 ? -1 : position + aloneEnd, end);
                        if (end >= 0)
                        {
                            Assert.Equal(Ascii.IsValid(text[position..end]), scanner.IsAscii);
                            Assert.Equal(alone.HasWhiteSpace, scanner.HasWhiteSpace);
                            if (text[position..end].ContainsAny((byte)'\n', (byte)'\r'))
                                Assert.True(scanner.HasWhiteSpace);
                        }
                        position = Math.Max(end, position) + 1;
                    }
                },
                iter: 5_000
            );

    [Fact]
    public void FindEnd_AnyStringPosition_IsChecked()
    {
        for (var length = 1; length < 140; length += length < 60 || length > 120 ? 1 : 7)
        {
            for (var place = 0; place < length; place++)
            {
                foreach (var letter in "\"\\\u0000\u001f\u007fé")
                    AssertAgrees($"[\"{new string('x', place)}{letter}{new string('x', length - place - 1)}\"]");
            }
        }
    }

    [Theory]
    [InlineData("[[[[[]]]]]", true)]
    [InlineData("[[[[[[]]]]]]", false)]
    [InlineData("{\"a\":[{\"a\":[{}]}]}", true)]
    [InlineData("{\"a\":[{\"a\":[{\"a\":{}}]}]}", false)]
    public void FindEnd_Nested_CountsLevels(string json, bool isIn)
    {
        Assert.Equal(isIn, IsOneValue(Encoding.UTF8.GetBytes(json)));
        AssertAgrees(json);
    }

    static void AssertAgrees(string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        Assert.Equal(Reads(bytes), IsOneValue(bytes));
    }

    static bool IsOneValue(ReadOnlySpan<byte> text)
    {
        var json = JsonText.Trim(text);
        return new JsonScanner(json, Depth).FindEnd(0) == json.Length;
    }

    static bool Reads(byte[] bytes)
    {
        try
        {
            var reader = new Utf8JsonReader(bytes, new JsonReaderOptions { MaxDepth = Depth });
            while (reader.Read()) { }
            return true;
        }
        catch (JsonException)
        {
            return false;
        }
    }
}
