using LogHttp.AspNetCore.Contract;
using Microsoft.OpenApi;

namespace LogHttp.AspNetCore.Documentation;

/// <summary>The operation that follows several topics.</summary>
internal static class StreamOperations
{
    public const string Event =
        "id: orders/0/8f1d4c0a52b7e693:42\nretry: 1000\n\nid: orders/0/8f1d4c0a52b7e693:43\ndata: "
        + "{\"offset\":42,\"timestamp\":1795370332466,\"value\":{\"id\":1}}\n\n";

    public static OperationDocument Follow { get; } =
        new(
            "stream",
            Tags.Records,
            "Follow several topics on one connection",
            """
            A response that does not end: the records of several topics and partitions as they come, each with its topic and partition in front.
            With `Accept: text/event-stream` they are events. The id of an event is the position in every partition followed. So a browser that lost the connection resumes at its position.

            Do not try it on this page, which would wait for the end. Use `curl -N 'http://127.0.0.1:8080/stream?topics=orders'`.
            """
        )
        {
            Parameters = [Parameters.Topics, Parameters.LastEventIdParameter, Parameters.LastEventId],
            Responses =
            [
                new(
                    StatusCodes.Status200OK,
                    "Records, until the client disconnects or the server stops. The response also ends when one of the "
                        + "topics is deleted, or trimmed beyond the reader's position."
                )
                {
                    Headers = [Headers.NoStore, Headers.Unbuffered],
                    Contents =
                    [
                        new(
                            "application/x-ndjson",
                            Lines("One record a line, with topic and partition. Sometimes an empty line."),
                            new ExampleDocument(
                                "example",
                                "A record",
                                "{\"topic\":\"orders\",\"partition\":0,\"offset\":42,\"timestamp\":1795370332466,"
                                    + "\"value\":{\"id\":1}}\n"
                            )
                        ),
                        new(
                            MediaTypes.Events,
                            Lines("The same as events. Sometimes a comment."),
                            new ExampleDocument("example", "The beginning, and a record", Event)
                        ),
                    ],
                },
                ResponseDocument.UntaggedNotModified,
            ],
            Problems =
            [
                ProblemDocuments.InvalidHost,
                ProblemDocuments.InvalidTopic,
                ProblemDocuments.InvalidPlace,
                ProblemDocuments.InvalidParameter,
                ProblemDocuments.InvalidHeader,
                ProblemDocuments.UnknownTopic,
                ProblemDocuments.OffsetGone,
                ProblemDocuments.TopicReplaced,
                ProblemDocuments.UntaggedConditionFailed,
                ProblemDocuments.OffsetBeyondEnd,
                ProblemDocuments.CorruptBlock,
                ProblemDocuments.StorageError,
                ProblemDocuments.InternalError,
                ProblemDocuments.TopicDamaged,
                ProblemDocuments.Closed,
                ProblemDocuments.TooManyWaiting,
            ],
        };

    static OpenApiSchema Lines(string description) => new() { Type = JsonSchemaType.String, Description = description };
}
