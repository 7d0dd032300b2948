using System.Globalization;

namespace LogHttp.Storage.Records;

/// <summary>
/// Names the sender of a batch and numbers the batch's records, so that a repeat is recognized (api/PROTOCOL.md §11). A
/// producer counts the records that it sends to each partition from 0. A higher epoch starts again at 0.
/// </summary>
/// <param name="Id">The producer's name, 1 to <see cref="MaxIdLength"/> visible ASCII characters.</param>
/// <param name="Epoch">0 to <see cref="MaxNumber"/>. A higher epoch shuts out those before.</param>
/// <param name="Sequence">The number of the batch's first record, 0 to <see cref="MaxNumber"/>.</param>
public sealed record ProducerStamp(string Id, long Epoch, long Sequence)
{
    /// <summary>The longest id, in characters, which are bytes.</summary>
    public const int MaxIdLength = 256;

    /// <summary>The largest integer that every JSON reader keeps exactly.</summary>
    public const long MaxNumber = (1L << 53) - 1;

    /// <summary>The prefix of the ids of Kafka's producers. They have a bound and an expiry of their own.</summary>
    public const string KafkaPrefix = "kafka:";

    /// <summary>Returns the fault of the stamp, or null.</summary>
    public string? Check() => CheckId(Id) ?? CheckNumber("epoch", Epoch) ?? CheckNumber("sequence", Sequence);

    /// <summary>Returns the fault of an id, or null.</summary>
    public static string? CheckId(string id)
    {
        ArgumentNullException.ThrowIfNull(id);
        return id.Length is 0 or > MaxIdLength
                ? string.Create(
                    CultureInfo.InvariantCulture,
                    $"A producer's id has 1 to {MaxIdLength} characters; this has {id.Length}."
                )
            : id.AsSpan().ContainsAnyExceptInRange('!', '~')
                ? "A producer's id has visible ASCII characters only, and no spaces."
            : null;
    }

    static string? CheckNumber(string name, long number) =>
        number is < 0 or > MaxNumber
            ? string.Create(
                CultureInfo.InvariantCulture,
                $"A producer's {name} is from 0 to {MaxNumber}; this is {number}."
            )
            : null;
}
