using System.Diagnostics.CodeAnalysis;
using System.Diagnostics.Metrics;
using System.Text;
using LogHttp.AspNetCore.Contract;
using LogHttp.Storage;
using LogHttp.Storage.Records;
using LogHttp.Storage.Text;

namespace LogHttp.AspNetCore.Producing;

/// <summary>What becomes of a value that is not the text or the JSON that its type says.</summary>
internal enum InvalidHandling
{
    /// <summary>The request is rejected.</summary>
    Reject,

    /// <summary>Bytes that are not UTF-8 are replaced by U+FFFD. Other faults are rejected.</summary>
    Replace,

    /// <summary>The value is kept as bytes.</summary>
    Base64,
}

/// <summary>
/// Keeps values that are not the text or the JSON that their type says, if <c>?invalid=</c> asks for it
/// (api/PROTOCOL.md §2). A log shipper sends a rejected batch again for ever, because of one byte in one line.
/// </summary>
internal static class InvalidValues
{
    public const string Parameter = "invalid";

    static readonly Meter Meter = new("LogHttp.AspNetCore");
    static readonly Counter<long> Counter = Meter.CreateCounter<long>(
        "loghttp.produce.invalid_values",
        "{record}",
        "Records whose values were not valid, and that ?invalid= kept."
    );

    public static bool TryRead(
        HttpRequest request,
        BodyType bodyType,
        out InvalidHandling handling,
        [NotNullWhen(false)] out Problem? problem
    )
    {
        handling = InvalidHandling.Reject;
        if (!request.Parameters().TryReadText(Parameter, out var text, out problem))
            return false;
        switch (text)
        {
            case null or "reject":
                return true;
            case "replace":
                handling = InvalidHandling.Replace;
                break;
            case "base64":
                handling = InvalidHandling.Base64;
                break;
            default:
                problem = Problems.InvalidRequest(
                    "invalid_parameter",
                    $"{Parameter} is \"{Excerpt.Of(text)}\". Supported: reject, replace, base64."
                );
                return false;
        }
        if (
            bodyType.Kind
            is not (BodyKind.Text or BodyKind.TextLines or BodyKind.Json or BodyKind.JsonLines or BodyKind.JsonArray)
        )
            problem = Problems.InvalidRequest(
                "invalid_parameter",
                $"{Parameter}={text} goes with text and JSON (text/plain, application/x-ndjson, application/json)."
            );
        return problem is null;
    }

    /// <summary>Checks that a topic takes the bytes that a request may need.</summary>
    public static Problem? Check(InvalidHandling handling, ValueForm values) =>
        handling == InvalidHandling.Base64 && values is ValueForm.Json or ValueForm.Text
            ? Problems.InvalidRequest(
                "invalid_parameter",
                $"{Parameter}=base64 keeps bytes, and the topic takes none "
                    + $"(\"values\":\"{(values == ValueForm.Json ? "json" : "text")}\"). Use {Parameter}=replace."
            )
            : null;

    /// <summary>Adds a value that was rejected. Returns its fault, or null if it was kept.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="handling">How to keep it.</param>
    /// <param name="isText">Whether it should have been a text, and not JSON.</param>
    /// <param name="value">The value.</param>
    /// <param name="metadata">The record's metadata.</param>
    /// <param name="fault">Why it was rejected.</param>
    public static RecordFault? Add(
        RecordBatch batch,
        InvalidHandling handling,
        bool isText,
        ReadOnlySpan<byte> value,
        in RecordMetadata metadata,
        RecordFault fault
    )
    {
        switch (handling, fault.Code)
        {
            case (InvalidHandling.Base64, RecordFaultCode.InvalidUtf8 or RecordFaultCode.InvalidJson):
                return batch.AddBytes(value, metadata);
            case (InvalidHandling.Replace, RecordFaultCode.InvalidUtf8):
                var mended = Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(value));
                return isText ? batch.AddText(mended, metadata) : batch.AddJson(mended, metadata);
            default:
                return fault;
        }
    }

    /// <summary>Counts records that were appended.</summary>
    public static void Count(InvalidHandling handling, int records)
    {
        if (records > 0)
            Counter.Add(records, new KeyValuePair<string, object?>("handling", NameOf(handling)));
    }

    static string NameOf(InvalidHandling handling) => handling == InvalidHandling.Base64 ? "base64" : "replace";
}
