namespace LogHttp.Storage;

/// <summary>What a topic may be called: it becomes a directory, and part of a URL.</summary>
public static class TopicName
{
    /// <summary>The longest name, as in Kafka.</summary>
    public const int MaxLength = 249;

    /// <summary>Says what is wrong with a name, or null when a topic may have it.</summary>
    public static string? Check(string? name)
    {
        if (string.IsNullOrEmpty(name))
            return "A topic's name is empty.";
        if (name.Length > MaxLength)
            return FormattableString.Invariant($"A topic's name has {name.Length} characters; the most is {MaxLength}.");
        if (name is "." or "..")
            return "A topic can't be called \".\" or \"..\".";
        foreach (var character in name)
        {
            if (!char.IsAsciiLetterOrDigit(character) && character is not ('.' or '_' or '-'))
                return "A topic's name is made of the letters a to z and A to Z, digits, '.', '_' and '-'.";
        }
        return null;
    }
}
