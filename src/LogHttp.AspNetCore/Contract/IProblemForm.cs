namespace LogHttp.AspNetCore.Contract;

/// <summary>
/// Another form of problems, for the clients of another API. A namespace above registers one as a service. Only
/// requests with a <c>Content-Type</c> reach it. Any thread.
/// </summary>
internal interface IProblemForm
{
    /// <summary>Returns the problem in the form that the request's client reads, or null for our own form.</summary>
    IResult? Of(Problem problem, HttpRequest request);
}
