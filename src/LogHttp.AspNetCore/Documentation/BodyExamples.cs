using System.Text.Json.Nodes;
using LogHttp.AspNetCore.Confluent;
using LogHttp.AspNetCore.Contract;
using LogHttp.AspNetCore.Endpoints;
using LogHttp.AspNetCore.Producing;

namespace LogHttp.AspNetCore.Documentation;

/// <summary>
/// The examples of bodies that have no type, or several examples for one. The first examples of all media types of a
/// body have one name: with others, Swagger UI shows none when another type is chosen.
/// </summary>
internal static class BodyExamples
{
    const string Line42 = """{"offset":42,"timestamp":1795370332466,"key":"user-7","value":{"id":1,"total":9.50}}""";
    const string Line43 = """{"offset":43,"timestamp":1795370332481,"batch":2,"value":{"n":1}}""";
    const string Line44 = """{"offset":44,"timestamp":1795370332481,"value":{"n":2}}""";
    const string Lines = $"{Line42}\n{Line43}\n{Line44}\n";
    const string Order = TypeExamples.Order;

    const string Event = $$"""
        {"specversion":"1.0","id":"1234-1234-1234","source":"/mycontext/subcontext","type":"com.example.someevent",
        "time":"2026-11-22T10:00:00Z","data":{{Order}}}
        """;

    const string Events =
        $"id: orders/0/{TypeExamples.Id}:42\nretry: 1000\n\nid: orders/0/{TypeExamples.Id}:43\ndata: "
        + "{\"offset\":42,\"timestamp\":1795370332466,\"value\":{\"id\":1}}\n\n";

    static readonly BodyExample UnrecognizedField = new(
        null,
        new Example(
            "invalid_record",
            "For a client of the REST Proxy",
            ConfluentError.Of(
                new(StatusCodes.Status422UnprocessableEntity, "invalid_record", "Unrecognized field: receiver")
            )
        )
    );

    /// <summary>The keys are those of <see cref="For"/>.</summary>
    static readonly Dictionary<string, BodyExample> ByBody = new()
    {
        ["putTopic application/json"] = new(
            null,
            TypeExamples.Find(typeof(TopicSettings))!,
            new("partitions", "Three partitions, the rest by default", new TopicSettings { Partitions = 3 })
        ),
        ["patchTopic application/json"] = new(
            null,
            new("flush", "Acknowledge before the sync, sync within 100 ms", new TopicSettings { Flush = "100ms" }),
            new("segments", "Smaller segments", new TopicSettings { SegmentBytes = 64 << 20 })
        ),
        ["verifyTopic 200 application/x-ndjson"] = new(
            null,
            new("well", "Nothing is damaged", new Verified(3, 201326592, 0, 0)),
            TypeExamples.Find(typeof(FoundDamage))!
        ),
        ["produce application/json"] = new(
            "One record: any JSON value. With `?split=array` one record an element.",
            new("example", "A record's value", JsonNode.Parse(Order)!),
            new("array", "Two records: `split=array`", JsonNode.Parse($$"""[{{Order}},{"id":2,"total":3.20}]""")!)
        ),
        [$"produce {MediaTypes.CloudEvent}"] = Only(
            "One record: a CloudEvent in structured mode.",
            "An event",
            JsonNode.Parse(Event)!
        ),
        [$"produce {MediaTypes.CloudEventBatch}"] = Only(
            "One record an element: CloudEvents in batched mode.",
            "A batch of one event",
            JsonNode.Parse($"[{Event}]")!
        ),
        ["produce application/x-ndjson"] = Only(
            "One record a line: JSON values.",
            "Three records, one batch",
            "{\"n\":1}\n{\"n\":2}\n{\"n\":3}\n"
        ),
        ["produce text/plain"] = Only("One record, or with `?split=lines` one a line.", "A text", "hello"),
        [$"produce {MediaTypes.Records}"] = Only(
            "One record a line: objects, see the schema NewRecord.",
            "Records with keys, headers, times and bytes",
            """
            {"key":"user-7","value":{"id":2,"total":3.20}}
            {"key":"user-8","headers":{"trace":"9f"},"timestamp":1795341600000,"value":"paid"}
            {"valueBase64":"AAEC/w=="}

            """
        ),
        ["produce application/x-www-form-urlencoded"] = Only(
            "One record: JSON if it is an object or an array, else the body as text. Nothing is percent-decoded.",
            "As curl -d sends it",
            "{\"id\": 1, \"total\": 9.50}"
        ),
        ["produce application/octet-stream"] = Only(
            "One record: bytes, kept as Base64.",
            "The first bytes of a picture",
            "GIF89a"
        ),
        ["produce 200 application/x-ndjson"] = new(
            "With `stream=true`: a StreamReport for each batch, and a StreamSummary at the end.",
            new(
                "done",
                "A stream that was committed",
                TypeExamples.ToLines(TypeExamples.Report, new StreamSummary(true, 2, 2))
            ),
            new(
                "failed",
                "A stream with an error in its third line",
                TypeExamples.ToLines(
                    TypeExamples.Report,
                    new StreamSummary(false, 2, 2)
                    {
                        Error = Problems
                            .InvalidRequest(
                                "invalid_json",
                                "The value is not valid JSON at byte 6: It ends too early: an object or array is not "
                                    + "closed."
                            )
                            .AtLine(3)
                            .ToJson(),
                    }
                )
            )
        ),
        [$"produce 422 {ConfluentType.Response}"] = UnrecognizedField,
        [$"produceToPartition 422 {ConfluentType.Response}"] = UnrecognizedField,
        ["produce 201 application/json"] = new(
            null,
            new("one", "Into one partition", TypeExamples.Find(typeof(Produced))!.Value),
            new("many", "Into several partitions", new ProducedToMany("orders", 5, TypeExamples.Parts))
        ),
        ["fetch 200 " + MediaTypes.Records] = Only(
            "One record a line: JSON objects, see the schema Record. Not with `view=values`.",
            "Three records",
            Lines
        ),
        ["fetch 200 application/x-ndjson"] = new(
            "The same under a name that more programs know. With `view=values`: one value a line, as JSON.",
            new("example", "Three records", Lines),
            new("values", "Their values: `view=values`", Order + "\n{\"n\":1}\n{\"n\":2}\n")
        ),
        ["fetch 200 application/json"] = new(
            null,
            new("example", "Three records in an array", JsonNode.Parse($"[{Line42},{Line43},{Line44}]")!),
            new("values", "Their values: `view=values`", JsonNode.Parse($$"""[{{Order}},{"n":1},{"n":2}]""")!)
        ),
        ["fetch 200 text/plain"] = Only(
            "Only with `view=values`: one value a line, texts without quotes.",
            "Two texts",
            "hello\nworld\n"
        ),
        ["fetch 200 text/event-stream"] = Only(
            "Events without end, one for each record. Continue with the id of the last one.",
            "The beginning, and a record",
            Events
        ),
        ["fetch 206 */*"] = Only(
            "A part of the page, with the page's type.",
            "The first bytes of a page",
            """{"offset":42"""
        ),
        ["fetchValue 200 application/json"] = Only("A JSON value.", "A record's value", JsonNode.Parse(Order)!),
        ["fetchValue 200 text/plain"] = Only("A text.", "A text", "hello"),
        ["fetchValue 200 application/octet-stream"] = Only("Bytes.", "The first bytes of a picture", "GIF89a"),
        ["fetchValue 200 */*"] = Only(
            "A value of the type that its producer gave.",
            "A record that came as text/html",
            "<h1>hello</h1>"
        ),
        ["fetchValue 206 */*"] = Only("A part of the value, with its type.", "The first bytes of a text", "hel"),
        ["stream 200 application/x-ndjson"] = Only(
            "One record a line, with topic and partition. Sometimes an empty line.",
            "A record",
            "{\"topic\":\"orders\",\"partition\":0,\"offset\":42,\"timestamp\":1795370332466,\"value\":{\"id\":1}}\n"
        ),
        ["stream 200 text/event-stream"] = Only(
            "The same as events. Sometimes a comment.",
            "The beginning, and a record",
            Events
        ),
    };

    /// <summary>The bodies with examples of their own.</summary>
    public static IReadOnlyCollection<string> Keys => ByBody.Keys;

    /// <summary>Returns the examples of a body.</summary>
    /// <param name="key">The operation, the status unless it is a request, and the media type.</param>
    /// <param name="type">The body's type.</param>
    public static BodyExample For(string key, Type type) =>
        ByBody.TryGetValue(key, out var example) ? example
        : TypeExamples.Find(type) is { } ofType ? new(null, ofType)
        : throw new InvalidOperationException($"{nameof(BodyExamples)} has none for \"{key}\".");

    static BodyExample Only(string description, string summary, object value) =>
        new(description, new Example("example", summary, value));
}

/// <summary>The description of a body whose type has none, and its examples.</summary>
internal sealed record BodyExample(string? Description, params Example[] Examples);
