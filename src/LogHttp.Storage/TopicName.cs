using System.Globalization;

namespace LogHttp.Storage;

/// <summary>What a topic may be called: it becomes a directory, and part of a URL.</summary>
public static class TopicName
{
    /// <summary>The longest name, as in Kafka.</summary>
    public const int MaxLength = 249;

    /// <summary>Begins the names that are reserved for the server's own topics.</summary>
    public const string ReservedPrefix = "__";

    /// <summary>
    /// Says why no topic can be made with a name, or null. One that was made before a name was reserved keeps it.
    /// </summary>
    public static string? CheckForCreation(string? name) =>
        Check(name)
        ?? (
            name!.StartsWith(ReservedPrefix, StringComparison.Ordinal)
                ? $"Topic names that begin with \"{ReservedPrefix}\" are reserved for the server, and "
                    + $"\"{name}\" does not exist."
                : null
        );

    /// <summary>Says what is wrong with a name, or null when a topic may have it.</summary>
    public static string? Check(string? name)
    {
        if (string.IsNullOrEmpty(name))
            return "A topic's name is empty.";
        if (name.Length > MaxLength)
            return string.Create(
                CultureInfo.InvariantCulture,
                $"A topic's name has {name.Length} characters; the most is {MaxLength}."
            );
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
