namespace LogHttp.AspNetCore.Contract;

/// <summary>Marks an endpoint that answers under any name in <c>Host</c>.</summary>
internal sealed class AnyHost;
