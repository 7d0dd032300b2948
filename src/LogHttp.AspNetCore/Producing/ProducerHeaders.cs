using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using LogHttp.AspNetCore.Contract;
using LogHttp.Storage.Records;
using LogHttp.Storage.Text;
using Microsoft.Extensions.Primitives;
using Microsoft.Net.Http.Headers;

namespace LogHttp.AspNetCore.Producing;

/// <summary>
/// The headers that say when a request's records may be appended: <c>Producer-Id</c>, <c>Producer-Epoch</c>,
/// <c>Producer-Seq</c>, and <c>If-Match</c> with the expected next offset (api/PROTOCOL.md §11).
/// </summary>
internal static class ProducerHeaders
{
    public const string Id = "Producer-Id";
    public const string Epoch = "Producer-Epoch";
    public const string Sequence = "Producer-Seq";
    public const string ExpectedSequence = "Producer-Expected-Seq";

    public static bool TryReadProducer(
        IHeaderDictionary headers,
        out ProducerStamp? producer,
        [NotNullWhen(false)] out Problem? problem
    )
    {
        (producer, problem) = (null, null);
        var (id, epoch, sequence) = (headers[Id], headers[Epoch], headers[Sequence]);
        if (id.Count + epoch.Count + sequence.Count == 0)
            return true;
        if (id.Count != 1 || epoch.Count != 1 || sequence.Count != 1)
            problem = Invalid(
                $"{Id}, {Epoch} and {Sequence} go together, each once; there are {id.Count}, {epoch.Count} and "
                    + $"{sequence.Count}."
            );
        else if (!TryReadNumber(epoch, out var epochNumber))
            problem = Invalid(
                $"{Epoch} is \"{Excerpt.Of(epoch.ToString())}\"; "
                    + $"it must be a whole number from 0 to {ProducerStamp.MaxNumber}."
            );
        else if (!TryReadNumber(sequence, out var sequenceNumber))
            problem = Invalid(
                $"{Sequence} is \"{Excerpt.Of(sequence.ToString())}\"; "
                    + $"it must be a whole number from 0 to {ProducerStamp.MaxNumber}."
            );
        else
        {
            producer = new(id.ToString(), epochNumber, sequenceNumber);
            problem =
                producer.Check() is { } fault ? Invalid(fault)
                : producer.Id.StartsWith(ProducerStamp.KafkaPrefix, StringComparison.Ordinal)
                    ? Invalid(
                        $"{Id} is \"{Excerpt.Of(producer.Id)}\"; ids that begin with \"{ProducerStamp.KafkaPrefix}\" "
                            + "are reserved for producers of Kafka's protocol."
                    )
                : null;
        }
        return problem is null;
    }

    /// <summary>Reads <c>If-Match: "42"</c>.</summary>
    public static bool TryReadExpectedOffset(
        IHeaderDictionary headers,
        out long? offset,
        [NotNullWhen(false)] out Problem? problem
    )
    {
        (offset, problem) = (null, null);
        var given = headers[HeaderNames.IfMatch];
        if (given.Count == 0)
            return true;
        if (given.Count == 1 && given[0] is ['"', .. var text, '"'] && TryReadNumber(text, out var number))
            offset = number;
        else
            problem = Problems.InvalidRequest(
                "invalid_header",
                $"If-Match is {Excerpt.Of(given.ToString())}; it must be one offset in quotes, that of the next "
                    + "record: \"42\", or \"0\" for an empty log."
            );
        return problem is null;
    }

    static bool TryReadNumber(StringValues text, out long number) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number)
        && number <= ProducerStamp.MaxNumber;

    static Problem Invalid(string detail) => Problems.InvalidRequest("invalid_producer", detail);
}
