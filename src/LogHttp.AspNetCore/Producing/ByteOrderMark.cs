namespace LogHttp.AspNetCore.Producing;

/// <summary>The mark that some programs write before UTF-8. One is dropped before JSON.</summary>
internal static class ByteOrderMark
{
    public static ReadOnlySpan<byte> Bytes => [0xEF, 0xBB, 0xBF];

    public static ReadOnlySpan<byte> Skip(ReadOnlySpan<byte> text) =>
        text.StartsWith(Bytes) ? text[Bytes.Length..] : text;
}
