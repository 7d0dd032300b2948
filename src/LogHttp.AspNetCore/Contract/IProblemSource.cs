namespace LogHttp.AspNetCore.Contract;

/// <summary>An exception that says which problem its request is answered with.</summary>
internal interface IProblemSource
{
    /// <summary>The problem.</summary>
    Problem Problem { get; }
}
