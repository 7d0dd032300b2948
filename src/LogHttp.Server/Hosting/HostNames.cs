using System.Net;
using System.Net.NetworkInformation;
using Microsoft.Extensions.Primitives;

namespace LogHttp.Server.Hosting;

/// <summary>
/// The names in <c>Host</c> that this server accepts: names that no web page can point here, and names in
/// <c>AllowedHosts</c> (api/PROTOCOL.md §8). Any thread.
/// </summary>
/// <remarks>
/// DNS rebinding: a page of evil.test lets its own name point at 127.0.0.1, and its requests then count as same-origin.
/// Their Host still says evil.test. An IP literal cannot be rebound, because nobody looks it up. RFC 6761 §6.3 keeps
/// <c>localhost</c> and the names below it out of the DNS.
/// </remarks>
internal sealed class HostNames(IReadOnlyCollection<string> allowed, IReadOnlyCollection<string> machine)
{
    const string Loopback = "localhost";
    const string Any = "*";

    readonly bool _acceptsAny = allowed.Contains(Any);
    readonly IList<StringSegment> _patterns =
    [
        .. allowed.Concat(machine).Select(static name => new StringSegment(name)),
    ];

    // The last accepted value. Most requests name the same one, and searching the list costs them more.
    volatile string? _lastAccepted;

    /// <summary>This machine's own names: short, with its domain, and in multicast DNS.</summary>
    public static IReadOnlyCollection<string> OfThisMachine()
    {
        var properties = IPGlobalProperties.GetIPGlobalProperties();
        HashSet<string> names = new(StringComparer.OrdinalIgnoreCase)
        {
            properties.HostName,
            Dns.GetHostName(),
            $"{properties.HostName}.local",
        };
        if (properties.DomainName.Length > 0)
            names.Add($"{properties.HostName}.{properties.DomainName}");
        names.RemoveWhere(static name => name.Length == 0 || name[0] is '.' or '*');
        return names;
    }

    public bool Accepts(HostString host)
    {
        if (_acceptsAny || (host.Value is { } value && value == _lastAccepted))
            return true;
        // The final dot of an absolute name belongs to the DNS and not to the name.
        if (host.Host is not { Length: > 0 } name || (name[^1] == '.' ? name[..^1] : name) is not { Length: > 0 } plain)
            return false;
        if (!IsIPLiteral(plain) && !IsLoopback(plain) && !HostString.MatchesAny(plain, _patterns))
            return false;
        _lastAccepted = host.Value;
        return true;
    }

    /// <summary>
    /// The accepted names, for a message. The machine's own names are left out, because strangers read it.
    /// </summary>
    public override string ToString() =>
        string.Join(", ", allowed.Prepend("IP addresses, localhost, this machine's own names"));

    static bool IsLoopback(string name) =>
        name.Equals(Loopback, StringComparison.OrdinalIgnoreCase)
        || name.EndsWith($".{Loopback}", StringComparison.OrdinalIgnoreCase);

    /// <summary>
    /// Whether a name is an address in a browser's spelling. Other spellings of IPv4, such as <c>127.1</c>, are
    /// refused, because programs disagree about them.
    /// </summary>
    static bool IsIPLiteral(string name) =>
        IPAddress.TryParse(name, out var address) && (name[0] == '[' || (name[0] != ':' && address.ToString() == name));
}
