using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace LogHttp.Storage.Records;

/// <summary>
/// What 64 bytes of a text are, a bit for each byte, the first one lowest. Bits behind the text's end are zero.
/// </summary>
/// <param name="Specials">
/// The bytes that a JSON string can't have as they are: quotes, backslashes and control characters.
/// </param>
/// <param name="BeyondAscii">The bytes of characters beyond ASCII.</param>
internal readonly record struct TextWindow(ulong Specials, ulong BeyondAscii)
{
    /// <summary>The bytes of a window.</summary>
    public const int Bytes = 64;

    /// <summary>Reads the window at a position before the text's end.</summary>
    public static TextWindow Read(ReadOnlySpan<byte> text, int position)
    {
        ref var start = ref MemoryMarshal.GetReference(text);
        var restBytes = text.Length - position;
        if (Vector256.IsHardwareAccelerated && restBytes >= Bytes)
            return ReadWide(ref Unsafe.Add(ref start, position));
        if (Vector256.IsHardwareAccelerated && text.Length >= Bytes)
        {
            // The text's last 64 bytes, without those before the position.
            var last = ReadWide(ref Unsafe.Add(ref start, text.Length - Bytes));
            var passed = Bytes - restBytes;
            return new(last.Specials >> passed, last.BeyondAscii >> passed);
        }
        return ReadNarrow(text.Slice(position, Math.Min(restBytes, Bytes)));
    }

    /// <summary>Reads a whole window.</summary>
    static TextWindow ReadWide(ref byte start)
    {
        var low = Vector256.LoadUnsafe(ref start);
        var high = Vector256.LoadUnsafe(ref start, (nuint)Vector256<byte>.Count);
        return new(
            Specials(low) | ((ulong)Specials(high) << Vector256<byte>.Count),
            low.ExtractMostSignificantBits() | ((ulong)high.ExtractMostSignificantBits() << Vector256<byte>.Count)
        );

        static uint Specials(Vector256<byte> bytes) =>
            (
                Vector256.Equals(bytes, Vector256.Create((byte)'"'))
                | Vector256.Equals(bytes, Vector256.Create((byte)'\\'))
                | Vector256.LessThan(bytes, Vector256.Create((byte)' '))
            ).ExtractMostSignificantBits();
    }

    /// <summary>
    /// Reads a window of any size. On processors without vector instructions, the framework does their work.
    /// </summary>
    internal static TextWindow ReadNarrow(ReadOnlySpan<byte> text)
    {
        ref var start = ref MemoryMarshal.GetReference(text);
        var (specials, beyondAscii, bit) = (0UL, 0UL, 0);
        for (; bit <= text.Length - Vector128<byte>.Count; bit += Vector128<byte>.Count)
        {
            var bytes = Vector128.LoadUnsafe(ref start, (nuint)bit);
            var found =
                Vector128.Equals(bytes, Vector128.Create((byte)'"'))
                | Vector128.Equals(bytes, Vector128.Create((byte)'\\'))
                | Vector128.LessThan(bytes, Vector128.Create((byte)' '));
            specials |= (ulong)found.ExtractMostSignificantBits() << bit;
            beyondAscii |= (ulong)bytes.ExtractMostSignificantBits() << bit;
        }
        for (; bit < text.Length; bit++)
        {
            var value = text[bit];
            if (value is < (byte)' ' or (byte)'"' or (byte)'\\')
                specials |= 1UL << bit;
            if (value > 0x7f)
                beyondAscii |= 1UL << bit;
        }
        return new(specials, beyondAscii);
    }
}
