namespace LogHttp.AspNetCore.Documentation;

/// <summary>The groups that operations are shown in, in this order.</summary>
internal static class Tags
{
    public const string Records = "Records";
    public const string Topics = "Topics";
    public const string Server = "Server";

    public static (string Name, string Description)[] All { get; } =
    [(Records, "Append and read"), (Topics, "Create, describe, change, delete, list"), (Server, "The process itself")];
}
