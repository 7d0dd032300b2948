namespace LogHttp.AspNetCore.Contract;

/// <summary>An exception that carries the problem to respond with.</summary>
internal interface IProblemSource
{
    /// <summary>The problem.</summary>
    Problem Problem { get; }
}
