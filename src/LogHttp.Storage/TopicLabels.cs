using System.Collections.Immutable;
using System.Globalization;
using LogHttp.Storage.Text;

namespace LogHttp.Storage;

/// <summary>
/// The labels that users and programs give a topic: names, each with a text. Immutable, compared by content.
/// </summary>
public sealed class TopicLabels : IEquatable<TopicLabels>
{
    /// <summary>The most labels of a topic.</summary>
    public const int MaxCount = 32;

    /// <summary>The longest name, in characters.</summary>
    public const int MaxNameLength = 63;

    /// <summary>The longest value, in characters.</summary>
    public const int MaxValueLength = 256;

    readonly ImmutableSortedDictionary<string, string> _labels;

    TopicLabels(ImmutableSortedDictionary<string, string> labels) => _labels = labels;

    /// <summary>No labels.</summary>
    public static TopicLabels None { get; } =
        new(ImmutableSortedDictionary.Create<string, string>(StringComparer.Ordinal));

    /// <summary>Names and values, in the order of the names.</summary>
    public IReadOnlyDictionary<string, string> Entries => _labels;

    int Count => _labels.Count;

    /// <summary>Creates labels with these names and values. A name occurs once.</summary>
    /// <exception cref="ArgumentException">A name occurs twice.</exception>
    public static TopicLabels Of(IEnumerable<KeyValuePair<string, string>> labels)
    {
        var all = None._labels.AddRange(labels);
        return all.IsEmpty ? None : new(all);
    }

    /// <summary>Returns a message about the first label that is out of its bounds, or null.</summary>
    public string? Check()
    {
        if (Count > MaxCount)
            return string.Create(CultureInfo.InvariantCulture, $"Labels has {Count} entries; the most is {MaxCount}");
        foreach (var (name, value) in _labels)
        {
            if (
                name.Length is 0 or > MaxNameLength
                || !name.All(static letter => char.IsAsciiLetterOrDigit(letter) || letter is '.' or '_' or '-' or '/')
            )
                return string.Create(
                    CultureInfo.InvariantCulture,
                    $"Labels has the name \"{Excerpt.Of(name)}\"; a name has 1 to {MaxNameLength} of the letters "
                        + $"a to z and A to Z, digits, '.', '_', '-' and '/'"
                );
            // A file can contain a null.
            if (value is null || value.Length > MaxValueLength || value.Any(char.IsControl))
                return string.Create(
                    CultureInfo.InvariantCulture,
                    $"Labels has a value of {value?.Length ?? 0} characters for \"{Excerpt.Of(name)}\"; a value "
                        + $"is a text of at most {MaxValueLength} characters, without control characters"
                );
        }
        return null;
    }

    /// <inheritdoc/>
    public bool Equals(TopicLabels? other) => other is not null && _labels.SequenceEqual(other._labels);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as TopicLabels);

    /// <inheritdoc/>
    public override int GetHashCode() =>
        _labels.Aggregate(Count, static (hash, label) => HashCode.Combine(hash, label.Key, label.Value));
}
