using System.Text;
using Microsoft.Net.Http.Headers;

namespace LogHttp.Server.Hosting;

/// <summary>
/// Decodes the bytes of a request's headers as UTF-8, and bytes that are not UTF-8 as Latin-1. Any thread.
/// </summary>
/// <remarks>
/// RFC 9110 §5.5 leaves bytes above 127 to the recipient. Browsers send a header's characters as Latin-1, and most
/// programs send UTF-8. Kestrel by itself rejects other bytes than UTF-8 in any header, with an empty 400 and no line
/// in the log. With this encoding every value can be decoded. LogHttp ignores headers that it does not read, and
/// validates those that it reads.
/// </remarks>
internal static class HeaderText
{
    static readonly Encoding Encoding = Encoding.GetEncoding(
        Encoding.UTF8.CodePage,
        EncoderFallback.ReplacementFallback,
        new Latin1Fallback()
    );

    static readonly ContentLengthText ContentLength = new();

    /// <summary>Returns the encoding of a header. Kestrel asks for it by name, before it decodes the value.</summary>
    public static Encoding? EncodingOf(string name) =>
        // Kestrel passes this very object, over HTTP/1 and HTTP/2.
        ReferenceEquals(name, HeaderNames.ContentLength) ? ContentLength : Encoding;

    sealed class Latin1Fallback : DecoderFallback
    {
        /// <summary>An incomplete sequence has at most three bytes.</summary>
        public override int MaxCharCount => 3;

        public override DecoderFallbackBuffer CreateFallbackBuffer() => new Latin1Buffer();
    }

    sealed class Latin1Buffer : DecoderFallbackBuffer
    {
        byte[] _bytes = [];
        int _next;

        public override int Remaining => _bytes.Length - _next;

        public override bool Fallback(byte[] bytesUnknown, int index)
        {
            (_bytes, _next) = (bytesUnknown, 0);
            return bytesUnknown.Length > 0;
        }

        public override char GetNextChar() => Remaining > 0 ? (char)_bytes[_next++] : '\0';

        public override bool MovePrevious()
        {
            if (_next == 0)
                return false;
            _next--;
            return true;
        }
    }
}
