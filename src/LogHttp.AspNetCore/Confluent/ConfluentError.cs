using System.Text.Json.Serialization;
using LogHttp.AspNetCore.Contract;

namespace LogHttp.AspNetCore.Confluent;

/// <summary>
/// What went wrong, as the REST Proxy says it: its own codes where it has one for that, else the status.
/// </summary>
internal sealed record ConfluentError(
    [property: JsonPropertyName("error_code")] int ErrorCode,
    [property: JsonPropertyName("message")] string Message
)
{
    const int TopicNotFound = 40401;
    const int PartitionNotFound = 40402;
    const int NotRetriable = 50002;
    const int Retriable = 50003;

    /// <summary>Of a whole request.</summary>
    public static ConfluentError Of(Problem problem) =>
        new(
            problem switch
            {
                { Code: Problems.UnknownTopicCode } => TopicNotFound,
                { Code: Problems.UnknownPartitionCode } => PartitionNotFound,
                { Status: >= StatusCodes.Status500InternalServerError } => CodeOfRecord(problem),
                _ => problem.Status,
            },
            problem.Detail
        );

    /// <summary>Of one record: all that its producer has to know is whether to send it again.</summary>
    public static int CodeOfRecord(Problem problem) => problem.IsRetryable ? Retriable : NotRetriable;
}
