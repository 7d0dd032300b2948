namespace LogHttp.Benchmarks.Load;

/// <summary>The protocol of one connection: sends one request at a time, and finds the end of its response.</summary>
interface IConversation
{
    /// <summary>Bytes to send before the measurement. May be empty.</summary>
    ReadOnlyMemory<byte> Greeting => default;

    /// <summary>The number of responses to the greeting to wait for.</summary>
    int GreetingAnswers => 0;

    ReadOnlyMemory<byte> NextRequest();

    /// <summary>
    /// Takes received bytes and returns the number of responses that ended in them. Throws if one is not the expected
    /// response.
    /// </summary>
    int Take(ReadOnlySpan<byte> received);
}
