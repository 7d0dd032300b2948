namespace LogHttp.AspNetCore.Contract;

/// <summary>
/// Another form for problems, for the clients of another API. A room above registers one as a service. It is asked
/// about requests with a <c>Content-Type</c> only. Any thread.
/// </summary>
internal interface IProblemForm
{
    /// <summary>Returns the problem in the form that the request's client reads, or null for our own form.</summary>
    IResult? Of(Problem problem, HttpRequest request);
}
