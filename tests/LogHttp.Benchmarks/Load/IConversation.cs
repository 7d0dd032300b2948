namespace LogHttp.Benchmarks.Load;

/// <summary>What one connection says and hears: a request at a time, and where its answer ends.</summary>
interface IConversation
{
    /// <summary>What is sent before anything is measured; empty where nothing is.</summary>
    ReadOnlyMemory<byte> Greeting => default;

    /// <summary>Answers to the greeting that are waited for.</summary>
    int GreetingAnswers => 0;

    ReadOnlyMemory<byte> NextRequest();

    /// <summary>
    /// Takes what came, and says how many answers ended in it. Throws when one is not what was asked for.
    /// </summary>
    int Take(ReadOnlySpan<byte> received);
}
