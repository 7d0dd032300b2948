using System.Text.Json.Serialization;
using LogHttp.AspNetCore.Contract;

namespace LogHttp.AspNetCore.Confluent;

/// <summary>An error, in the form of Confluent's REST Proxy.</summary>
/// <param name="ErrorCode">
/// 40401: no such topic. 40402: no such partition. 50003: the same request may be accepted later. 50002: it will not
/// be. Otherwise the status.
/// </param>
/// <param name="Message">The error and its remedy, for people.</param>
internal sealed record ConfluentError(
    [property: JsonPropertyName("error_code")] int ErrorCode,
    [property: JsonPropertyName("message")] string Message
)
{
    const int TopicNotFound = 40401;
    const int PartitionNotFound = 40402;
    const int NotRetriable = 50002;
    const int Retriable = 50003;

    /// <summary>The error of a whole request.</summary>
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

    /// <summary>The code of one record. It tells the producer only whether to send the record again.</summary>
    public static int CodeOfRecord(Problem problem) => problem.IsRetryable ? Retriable : NotRetriable;
}
