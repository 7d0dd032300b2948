using System.Text;
using System.Text.Json;
using CsCheck;
using LogHttp.AspNetCore.Contract;
using LogHttp.AspNetCore.Producing;

namespace LogHttp.AspNetCore.Tests.Producing;

public sealed class ArrayCutterTests
{
    static readonly Gen<string> WhiteSpace = Gen.OneOf("", "", "", " ", "\n", " \r\n\t ");

    static readonly Gen<string> Text = Gen.OneOf(
            "a",
            "é",
            "😀",
            "\\\"",
            "\\\\",
            "\\u005c",
            "\\ud800",
            "[",
            "]",
            "{",
            "}",
            ",",
            ":",
            " "
        )
        .Array[0, 8]
        .Select(string.Concat);

    static readonly Gen<string> Scalar = Gen.OneOf(
        Text.Select(static text => $"\"{text}\""),
        Gen.OneOf("0", "-1", "1.50", "2e400", "-0.0E-1", "true", "false", "null", "\"\"", "[]", "{}")
    );

    static readonly Gen<string> Value = Nested(3);

    static readonly Gen<string> Array = Gen.Select(
        Gen.Select(WhiteSpace, Value, WhiteSpace, static (before, value, after) => before + value + after).Array[0, 6],
        WhiteSpace,
        WhiteSpace,
        static (elements, before, after) => $"{before}[{string.Join(',', elements)}{before}]{after}"
    );

    /// <summary>Text that is rarely an array, and often almost one.</summary>
    static readonly Gen<string> Almost = Gen.OneOf(
        Gen.OneOf("[", "]", ",", "{", "}", ":", "\"", "\\", "1", "-", "t", "true", " ", "\n", "\"a\"", "é")
            .Array[0, 12]
            .Select(string.Concat),
        Gen.Select(
            Array,
            Gen.Int[0, 200],
            Gen.OneOf("", "]", "[", ",", "\"", "\\", "1", "x", "é"),
            static (array, position, text) =>
            {
                var at = position % (array.Length + 1);
                return string.Concat(
                    array.AsSpan(0, at),
                    text,
                    array.AsSpan(Math.Min(at + text.Length / 2, array.Length))
                );
            }
        ),
        Gen.Select(Array, Gen.Int[0, 200], static (array, position) => array[..(position % (array.Length + 1))])
    );

    static Gen<string> Nested(int levels) =>
        levels == 0
            ? Scalar
            : Gen.OneOf(
                Scalar,
                Gen.Select(
                    Nested(levels - 1).Array[0, 3],
                    WhiteSpace,
                    static (values, space) => $"[{space}{string.Join($"{space},", values)}{space}]"
                ),
                Gen.Select(
                    Gen.Select(Text, Nested(levels - 1)).Array[0, 3],
                    WhiteSpace,
                    static (fields, space) =>
                        "{"
                        + space
                        + string.Join($",{space}", fields.Select(field => $"\"{field.Item1}\"{space}:{field.Item2}"))
                        + "}"
                )
            );

    /// <summary>Cuts a body that comes in pieces.</summary>
    static (List<string> Elements, Problem? Fault) Cut(params byte[][] pieces)
    {
        using var cutter = new ArrayCutter();
        var elements = new List<string>();
        foreach (var piece in pieces)
        {
            ReadOnlySpan<byte> rest = piece;
            while (cutter.TryTake(ref rest, out var element))
                elements.Add(Encoding.UTF8.GetString(element));
        }
        Assert.False(cutter.TryTakeLast(out _));
        return (elements, cutter.Fault);
    }

    static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);

    static string? FaultOf(string body) => Cut(Bytes(body)).Fault?.Detail;

    static bool IsJson(string text, out JsonDocument? document)
    {
        document = null;
        try
        {
            document = JsonDocument.Parse(Bytes(text));
            return true;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    [Fact]
    public void TryTake_CutAnywhere_ReturnsElementsAsTheyCame() =>
        Array.Sample(text =>
        {
            var expected = JsonDocument
                .Parse(text)
                .RootElement.EnumerateArray()
                .Select(static element => element.GetRawText())
                .ToList();
            var body = Bytes(text);
            for (var at = 0; at <= body.Length; at++)
                AssertElements(Cut(body[..at], body[at..]));
            AssertElements(Cut([.. body.Select(static value => new[] { value })]));

            void AssertElements((List<string> Elements, Problem? Fault) cut)
            {
                Assert.Null(cut.Fault);
                Assert.Equal(expected, cut.Elements);
            }
        });

    [Fact]
    public void TryTake_AnyText_AcceptsWhatAParserAccepts() =>
        Almost.Sample(
            text =>
            {
                if (text.All(static character => character is ' ' or '\n' or '\r' or '\t'))
                    return;
                var isArray = IsJson(text, out var document) && document!.RootElement.ValueKind == JsonValueKind.Array;
                var body = Bytes(text);
                for (var at = 0; at <= body.Length; at++)
                {
                    var (elements, fault) = Cut(body[..at], body[at..]);
                    Assert.Equal(isArray, fault is null && elements.TrueForAll(element => IsJson(element, out _)));
                    if (isArray)
                        Assert.Equal(document!.RootElement.GetArrayLength(), elements.Count);
                }
            },
            iter: 5_000
        );

    [Theory]
    [InlineData("")]
    [InlineData(" \r\n\t")]
    [InlineData("[]")]
    [InlineData(" [ \n ] ")]
    [InlineData("\uFEFF[]")]
    public void TryTake_NoElements_ReturnsNone(string body)
    {
        var (elements, fault) = Cut(Bytes(body));
        Assert.Empty(elements);
        Assert.Null(fault);
    }

    [Theory]
    [InlineData("{}", "The body is not a JSON array: it begins with '{'.")]
    [InlineData("\uFEFF\uFEFF[]", "The body is not a JSON array: it begins with byte 0xEF.")]
    [InlineData(" \uFEFF[]", "The body is not a JSON array: it begins with byte 0xEF.")]
    [InlineData("[\uFEFF1]", "Element 1: A value is expected, and not byte 0xEF.")]
    [InlineData("[,1]", "Element 1: A value is expected, and not ','.")]
    [InlineData("[1,]", "Element 2: A value is expected, and not ']'.")]
    [InlineData("[1,,2]", "Element 2: A value is expected, and not ','.")]
    [InlineData("[1 2]", "Element 1: It is followed by '2'. Expected: a comma or ].")]
    [InlineData("[1]\n[2]", "The array is followed by '['. Nothing may follow it.")]
    [InlineData("[1]\0", "The array is followed by byte 0x00. Nothing may follow it.")]
    [InlineData("[1,{\"a\":[\"]\"", "Element 2: The body ends within it, so the array is not closed.")]
    [InlineData("[1, ", "The array is not closed: the body ends behind element 1.")]
    [InlineData("[1", "Element 1: The body ends within it, so the array is not closed.")]
    [InlineData("[ ", "The array is not closed: the body ends behind its bracket.")]
    public void TryTake_NoArray_NamesFault(string body, string fault) => Assert.Equal(fault, FaultOf(body));

    [Fact]
    public void TryTake_MarkCutOff_NamesFault()
    {
        Assert.Equal("The body ends within a byte order mark.", Cut([0xEF, 0xBB]).Fault?.Detail);
        Assert.Equal(
            "The body is not a JSON array: it begins with '['.",
            Cut([0xEF, 0xBB], Bytes("[1]")).Fault?.Detail
        );
        Assert.Equal(["1"], Cut([0xEF, 0xBB], [0xBF, .. "[1]"u8]).Elements);
    }

    [Fact]
    public void TryTake_DeepElement_IsFoundWithoutRecursion()
    {
        const int Levels = 1_000_000;
        var bomb = new string('[', Levels) + new string(']', Levels);
        var (elements, fault) = Cut(Bytes($"[{bomb[..Levels]}"), Bytes($"{bomb[Levels..]},1]"));
        Assert.Null(fault);
        Assert.Equal([bomb, "1"], elements);
    }

    [Fact]
    public void TryTake_ElementsInPieces_KeepsOneElementAtMost()
    {
        using var cutter = new ArrayCutter();
        ReadOnlySpan<byte> rest = Bytes("[\"" + new string('a', 1_000));
        Assert.False(cutter.TryTake(ref rest, out _));
        Assert.Equal(1_001, cutter.CarriedBytes);
        rest = "\",  "u8;
        Assert.True(cutter.TryTake(ref rest, out var element));
        Assert.Equal((1_002, 0), (element.Length, cutter.CarriedBytes));
        Assert.False(cutter.TryTake(ref rest, out _));
        rest = Bytes(new string(' ', 100_000));
        Assert.False(cutter.TryTake(ref rest, out _));
        Assert.Equal(0, cutter.CarriedBytes);
        Assert.InRange(cutter.HeldBytes, 0, 4_096);
    }
}
