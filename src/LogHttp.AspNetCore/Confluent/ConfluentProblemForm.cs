using LogHttp.AspNetCore.Contract;

namespace LogHttp.AspNetCore.Confluent;

/// <summary>Gives problems the REST Proxy's form in responses to its clients (api/PROTOCOL.md §13).</summary>
internal sealed class ConfluentProblemForm : IProblemForm
{
    public IResult? Of(Problem problem, HttpRequest request) =>
        ConfluentType.IsOf(request)
            ? new JsonResponse<ConfluentError>(
                problem.Status,
                ConfluentError.Of(problem),
                ConfluentJson.Readable.ConfluentError,
                ConfluentType.Response
            )
            : null;
}
