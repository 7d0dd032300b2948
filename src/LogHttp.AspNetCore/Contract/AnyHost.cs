namespace LogHttp.AspNetCore.Contract;

/// <summary>Marks an endpoint that accepts any name in <c>Host</c>.</summary>
internal sealed class AnyHost;
