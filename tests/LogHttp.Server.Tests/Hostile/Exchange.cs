using System.Globalization;

namespace LogHttp.Server.Tests.Hostile;

/// <summary>The way in which requests are sent to the server.</summary>
enum Delivery
{
    /// <summary>All of it in one write.</summary>
    Whole,

    /// <summary>In several writes, with a pause between them.</summary>
    InPieces,

    /// <summary>All of it, and then an end of sending.</summary>
    HalfClosed,

    /// <summary>A part, and then an end of sending.</summary>
    CutOff,

    /// <summary>A part, and then a reset.</summary>
    Reset,

    /// <summary>The head and half of the body, and then nothing: the server has to time out by itself.</summary>
    Stalled,
}

/// <summary>One numbered step of the run: a request, or several pipelined ones, and their delivery.</summary>
/// <param name="Number">The step's number. The seed and the number determine the whole exchange.</param>
/// <param name="Requests">The requests, in the order of sending.</param>
/// <param name="Delivery">The way in which they are sent.</param>
/// <param name="CutAt">The position of a cut in the text, from 0 to 1.</param>
sealed record Exchange(int Number, IReadOnlyList<HostileRequest> Requests, Delivery Delivery, double CutAt)
{
    /// <summary>Whether each request must have a response, and the connection continues after it.</summary>
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
