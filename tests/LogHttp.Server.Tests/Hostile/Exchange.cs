using System.Globalization;

namespace LogHttp.Server.Tests.Hostile;

/// <summary>How requests are brought to the server.</summary>
enum Delivery
{
    /// <summary>All of it in one write.</summary>
    Whole,

    /// <summary>In several writes, with a pause between them.</summary>
    InPieces,

    /// <summary>All of it, and then the end of the connection's one half.</summary>
    HalfClosed,

    /// <summary>A part, and then the end of the connection's one half.</summary>
    CutOff,

    /// <summary>A part, and then a reset.</summary>
    Reset,

    /// <summary>The head and half of the body, and then nothing: the server has to lose patience by itself.</summary>
    Stalled,
}

/// <summary>One numbered step of the run: a request, or several pipelined ones, and how they are sent.</summary>
/// <param name="Number">Which it is; seed and number give the whole exchange.</param>
/// <param name="Requests">In the order in which they are sent.</param>
/// <param name="Delivery">How.</param>
/// <param name="CutAt">From 0 to 1: where in the text a part ends.</param>
sealed record Exchange(int Number, IReadOnlyList<HostileRequest> Requests, Delivery Delivery, double CutAt)
{
    /// <summary>Whether each request must have its answer, and the connection goes on after it.</summary>
    public bool IsFramed =>
        Delivery is Delivery.Whole or Delivery.InPieces && Requests.All(request => request.IsFramed);

    public string Text => string.Concat(Requests.Select(request => request.Text));

    public override string ToString() =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"exchange {Number}, {Delivery}, cut at {(int)(CutAt * Text.Length)}:\n"
                + $"{string.Join("\n--- and behind it ---\n", Requests)}"
        );
}
