using System.Globalization;

namespace LogHttp.Storage.Segments;

/// <summary>Names and numbers of the segment files (api/FORMAT.md §2 and §3).</summary>
internal static class SegmentLayout
{
    /// <summary>A block ends with the line that reaches this many bytes.</summary>
    public const int BlockBytes = 4096;

    /// <summary>Positions are 32 bits in the index.</summary>
    public const long MaxSegmentBytes = uint.MaxValue;

    public const string TornSuffix = ".torn";

    const string DataSuffix = ".ndjson";
    public const string IndexSuffix = ".index";
    const int Digits = 20;

    public static string DataName(long baseOffset) =>
        baseOffset.ToString("D20", CultureInfo.InvariantCulture) + DataSuffix;

    public static string IndexName(long baseOffset) =>
        baseOffset.ToString("D20", CultureInfo.InvariantCulture) + IndexSuffix;

    public static string TornName(long baseOffset, long position) =>
        string.Create(CultureInfo.InvariantCulture, $"{baseOffset:D20}-{position}{TornSuffix}");

    /// <summary>Reads the base offset from a segment's name. Returns false for any other file.</summary>
    public static bool TryParseDataName(string name, out long baseOffset) => TryParse(name, DataSuffix, out baseOffset);

    /// <summary>Reads the base offset from an index's name. Returns false for any other file.</summary>
    public static bool TryParseIndexName(string name, out long baseOffset) =>
        TryParse(name, IndexSuffix, out baseOffset);

    static bool TryParse(string name, string suffix, out long baseOffset)
    {
        baseOffset = 0;
        return name.Length == Digits + suffix.Length
            && name.EndsWith(suffix, StringComparison.Ordinal)
            && long.TryParse(name.AsSpan(0, Digits), NumberStyles.None, CultureInfo.InvariantCulture, out baseOffset);
    }
}
