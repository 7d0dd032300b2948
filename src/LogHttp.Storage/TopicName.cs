using System.Globalization;

namespace LogHttp.Storage;

/// <summary>The rules for a topic's name, which becomes a directory and part of a URL.</summary>
public static class TopicName
{
    /// <summary>The longest name, as in Kafka.</summary>
    public const int MaxLength = 249;

    /// <summary>The prefix of names that are reserved for the server's own topics.</summary>
    public const string ReservedPrefix = "__";

    /// <summary>
    /// Returns the reason why a topic can't be created with a name, or null. A topic that is older than the reservation
    /// keeps its name.
    /// </summary>
    public static string? CheckForCreation(string? name) =>
        Check(name)
        ?? (
            name!.StartsWith(ReservedPrefix, StringComparison.Ordinal)
                ? $"Topic names that begin with \"{ReservedPrefix}\" are reserved for the server, and "
                    + $"\"{name}\" does not exist."
                : null
        );

    /// <summary>Returns the reason why a name is invalid, or null.</summary>
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
