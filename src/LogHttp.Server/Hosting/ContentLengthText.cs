using System.Text;

namespace LogHttp.Server.Hosting;

/// <summary>
/// Makes Kestrel reject a <c>Content-Length</c> that is not 1 to 19 digits (RFC 9110 §8.6), with 400. Any thread.
/// </summary>
/// <remarks>
/// Kestrel parses the length as a signed number, so it takes <c>+5</c> for 5. It keeps only the number, so no later
/// step sees the sign. A proxy that reads the length in another way would see another request behind this one.
/// </remarks>
internal sealed class ContentLengthText : Encoding
{
    const int MaxDigits = 19;

    /// <summary>Kestrel rejects a length of this many characters without reading them.</summary>
    const int RefusedCount = MaxDigits + 1;

    /// <summary>Kestrel's call for the value. Its buffer has 20 characters.</summary>
    public override int GetChars(ReadOnlySpan<byte> bytes, Span<char> chars)
    {
        if (bytes.Length is 0 or > MaxDigits || bytes.ContainsAnyExceptInRange((byte)'0', (byte)'9'))
            return RefusedCount;
        return Latin1.GetChars(bytes, chars);
    }

    // The other overrides serve the text of the rejection.
    public override int GetChars(byte[] bytes, int byteIndex, int byteCount, char[] chars, int charIndex) =>
        Latin1.GetChars(bytes, byteIndex, byteCount, chars, charIndex);

    public override int GetCharCount(byte[] bytes, int index, int count) => Latin1.GetCharCount(bytes, index, count);

    public override int GetMaxCharCount(int byteCount) => Latin1.GetMaxCharCount(byteCount);

    public override int GetByteCount(char[] chars, int index, int count) => Latin1.GetByteCount(chars, index, count);

    public override int GetBytes(char[] chars, int charIndex, int charCount, byte[] bytes, int byteIndex) =>
        Latin1.GetBytes(chars, charIndex, charCount, bytes, byteIndex);

    public override int GetMaxByteCount(int charCount) => Latin1.GetMaxByteCount(charCount);
}
