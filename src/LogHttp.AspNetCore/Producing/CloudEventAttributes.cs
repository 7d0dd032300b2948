using System.Buffers;
using System.Text;
using LogHttp.AspNetCore.Contract;
using LogHttp.Storage.Records;
using LogHttp.Storage.Text;

namespace LogHttp.AspNetCore.Producing;

/// <summary>
/// The attributes of one CloudEvent. Each becomes a record header, <c>ce-id</c> for <c>id</c>, whatever mode the event
/// came in (api/PROTOCOL.md §15). For one thread.
/// </summary>
/// <param name="maxBytes">The most bytes of all names and values.</param>
internal sealed class CloudEventAttributes(int maxBytes)
{
    public const string HeaderPrefix = "ce-";

    const string SpecVersion = "1.0";

    static readonly SearchValues<char> NameCharacters = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789");
    static readonly string[] Required = ["id", "source", "specversion", "type"];

    readonly OrderedDictionary<string, string> _values = new(StringComparer.Ordinal);
    long _sizeBytes;

    public int MaxBytes => maxBytes;

    /// <summary>Whether every event has an attribute, which is then a string.</summary>
    public static bool IsRequired(string name) => Required.Contains(name);

    /// <summary>Adds an attribute. Returns its problem, or null.</summary>
    public Problem? Add(string name, string value)
    {
        if (name.Length == 0 || name.AsSpan().ContainsAnyExcept(NameCharacters))
            return Invalid(
                $"\"{Excerpt.Of(name)}\" is no name of an attribute. "
                    + "It has letters from a to z, lower-case, and digits."
            );
        _sizeBytes += HeaderPrefix.Length + name.Length + Encoding.UTF8.GetByteCount(value);
        if (_sizeBytes > maxBytes)
            return TooLarge();
        return _values.TryAdd(name, value) ? null : Invalid($"{Excerpt.Of(name)} is given twice.");
    }

    /// <summary>Checks the attributes that every event has.</summary>
    public Problem? Check()
    {
        foreach (var name in Required)
        {
            if (string.IsNullOrEmpty(_values.GetValueOrDefault(name)))
                return Invalid($"It has no {name}. An event has id, source, specversion and type, and none is empty.");
        }
        return _values["specversion"] == SpecVersion
            ? null
            : Invalid($"specversion is \"{Excerpt.Of(_values["specversion"])}\". Supported: {SpecVersion}.");
    }

    /// <summary>Adds the attributes to a record. Its own headers and its own key come first.</summary>
    public RecordMetadata AddTo(RecordMetadata metadata)
    {
        List<KeyValuePair<string, string>> headers = [.. metadata.Headers ?? []];
        var own = headers.Count;
        foreach (var (name, value) in _values)
        {
            var header = HeaderPrefix + name;
            if (!headers.Take(own).Any(given => given.Key.Equals(header, StringComparison.OrdinalIgnoreCase)))
                headers.Add(new(header, value));
        }
        var key = _values.GetValueOrDefault("partitionkey");
        return metadata with { Headers = headers, Key = metadata.Key ?? (key is { Length: > 0 } ? key : null) };
    }

    public Problem TooLarge() => Problems.HeadersTooLarge(maxBytes);

    public static Problem Invalid(string detail) =>
        Problems.InvalidRequest("invalid_cloudevent", $"This is not a CloudEvent. {detail}");
}
