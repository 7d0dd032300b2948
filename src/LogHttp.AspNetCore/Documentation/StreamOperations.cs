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
            An answer that does not end: the records of several topics and partitions as they come, each with its topic and partition in front.
            With `Accept: text/event-stream` they are events, whose id is the position in every partition followed, so that a browser that lost the connection goes on exactly where it was.

            Not to be tried on this page: it would wait for the end. `curl -N 'http://127.0.0.1:8080/stream?topics=orders'` shows it.
            """
        )
        {
            Parameters = [Parameters.Topics, Parameters.LastEventIdParameter, Parameters.LastEventId],
            Responses =
            [
                new(
                    StatusCodes.Status200OK,
                    "Records, until the client goes, one of the topics is deleted or trimmed below where it was "
                        + "read, or the server stops."
                )
                {
                    Headers = [Headers.NoStore, Headers.Unbuffered],
                    Contents =
                    [
                        new(
                            "application/x-ndjson",
                            Lines("Records, a line each, with their topic and partition; an empty line now and then."),
                            new ExampleDocument(
                                "example",
                                "A record",
                                "{\"topic\":\"orders\",\"partition\":0,\"offset\":42,\"timestamp\":1795370332466,"
                                    + "\"value\":{\"id\":1}}\n"
                            )
                        ),
                        new(
                            MediaTypes.Events,
                            Lines("The same as events; a comment now and then."),
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
