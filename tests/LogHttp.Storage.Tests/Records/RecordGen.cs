using System.Text;
using System.Text.Json;
using CsCheck;
using LogHttp.Storage.Records;

namespace LogHttp.Storage.Tests.Records;

/// <summary>Generates values, keys and headers of all kinds.</summary>
static class RecordGen
{
    static readonly Gen<string> Character = Gen.Frequency(
        (5, Gen.Char['a', 'z'].Select(letter => letter.ToString())),
        (2, Gen.Char['\u0000', '\u001f'].Select(letter => letter.ToString())),
        (2, Gen.OneOf("\"", "\\", "/", "\u007f", "\u2028", "\uFEFF", "\uFFFF", "é", "漢")),
        (2, Gen.OneOf("🎈", "👩‍👩‍👧", "\U0010FFFF", "𝄞"))
    );

    /// <summary>Any Unicode text, without halves of a surrogate pair.</summary>
    public static readonly Gen<string> Text = Character.Array[0, 30].Select(string.Concat);

    /// <summary>A JSON string with unnecessary escapes and with halves of surrogate pairs.</summary>
    static readonly Gen<string> JsonString = Gen.OneOf(
        Text.Select(text => JsonSerializer.Serialize(text)),
        Gen.OneOf("\"\\ud800\"", "\"\\uDFFF\\uD800x\"", "\"\\u0000\\/\\b\"", "\"\\ud83c\\udf88\"")
    );

    static readonly Gen<string> Number = Gen.OneOf(
        "0",
        "-0",
        "1.50e2",
        "1E-400",
        "123456789012345678901234567890",
        "-1.0"
    );

    static readonly Gen<string> White = Gen.OneOf("", "", "", " ", "\n", "\r\n", "\t ");

    /// <summary>JSON of all shapes, including duplicate names.</summary>
    public static readonly Gen<string> Json = Gen.Recursive<string>(
        (depth, json) =>
            depth > 4
                ? Gen.OneOf(Number, JsonString)
                : Gen.Frequency(
                    (2, Number),
                    (2, JsonString),
                    (1, Gen.OneOf("true", "false", "null", "[]", "{}")),
                    (
                        2,
                        Gen.Select(json, White)
                            .Array[1, 4]
                            .Select(items =>
                                $"[{string.Join(',', items.Select(item => item.Item2 + item.Item1 + item.Item2))}]"
                            )
                    ),
                    (
                        2,
                        Gen.Select(JsonString, White, json)
                            .Array[1, 4]
                            .Select(items =>
                                "{"
                                + string.Join(
                                    ',',
                                    items.Select(item => item.Item2 + item.Item1 + ":" + item.Item2 + item.Item3)
                                )
                                + "}"
                            )
                    )
                )
    );

    public static readonly Gen<RecordMetadata> Metadata = Gen.Select(
        Text.Null(),
        Gen.Select(Gen.OneOf("a", "B", "trace-é", "\""), Text).Array[0, 4],
        Gen.Long[0, RecordFormat.MaxTimestampMs],
        Gen.Bool,
        (key, headers, timestampMs, hasTimestamp) =>
            new RecordMetadata
            {
                Key = key,
                Headers = [.. headers.Select(header => KeyValuePair.Create(header.Item1, header.Item2))],
                TimestampMs = hasTimestamp ? timestampMs : null,
            }
    );

    public static readonly Gen<TestRecord> Record = Gen.Select(
        Metadata,
        Gen.Int[0, 2],
        Text,
        Json,
        Gen.Byte.Array[0, 40],
        Gen.Int[0, 5_000],
        (metadata, kind, text, json, bytes, padding) =>
            new TestRecord(
                metadata,
                kind,
                kind switch
                {
                    0 => Encoding.UTF8.GetBytes(text + new string('x', padding)),
                    1 => Encoding.UTF8.GetBytes(json),
                    _ => bytes,
                }
            )
    );
}

/// <summary>A record to append, with the expected result.</summary>
sealed record TestRecord(RecordMetadata Metadata, int Kind, byte[] Value)
{
    public void AddTo(RecordBatch batch) =>
        Assert.Null(
            Kind switch
            {
                0 => batch.AddText(Value, Metadata),
                1 => batch.AddJson(Value, Metadata),
                _ => batch.AddBytes(Value, Metadata),
            }
        );

    public void AssertIs(JsonElement line)
    {
        Assert.Equal(Metadata.Key, line.TryGetProperty("key", out var key) ? key.GetString() : null);
        if (Metadata.TimestampMs is { } timestampMs)
            Assert.Equal(timestampMs, line.GetProperty("timestamp").GetInt64());
        var headers = line.TryGetProperty("headers", out var object_)
            ? object_
                .EnumerateObject()
                .Select(header =>
                    (
                        header.Name,
                        Values: header.Value.ValueKind == JsonValueKind.Array
                            ? header.Value.EnumerateArray().Select(value => value.GetString()).ToArray()
                            : [header.Value.GetString()]
                    )
                )
            : [];
        var expected = (Metadata.Headers ?? []).GroupBy(
            header => header.Key.ToLowerInvariant(),
            header => header.Value
        );
        Assert.Equal(
            expected.Select(header => $"{header.Key}={string.Join(',', header)}"),
            headers.Select(header => $"{header.Name}={string.Join(',', header.Values)}")
        );
        switch (Kind)
        {
            case 0:
                Assert.Equal(Encoding.UTF8.GetString(Value), line.GetProperty("value").GetString());
                break;
            case 1:
                Assert.Equal(
                    Encoding.UTF8.GetString(Value).Replace('\n', ' ').Replace('\r', ' ').Trim(),
                    line.GetProperty("value").GetRawText()
                );
                break;
            default:
                Assert.Equal(Value, line.GetProperty("valueBase64").GetBytesFromBase64());
                break;
        }
    }
}
