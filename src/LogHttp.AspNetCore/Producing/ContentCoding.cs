using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using LogHttp.AspNetCore.Contract;
using LogHttp.Storage.Text;
using Microsoft.Net.Http.Headers;

namespace LogHttp.AspNetCore.Producing;

/// <summary>How a body is packed, by its <c>Content-Encoding</c> (api/PROTOCOL.md §2).</summary>
/// <param name="Name">The name in the header.</param>
/// <param name="MaxWindowBytes">The most unpacked bytes that a decoder may hold.</param>
/// <param name="CreateDecoder">Creates a decoder.</param>
internal sealed record ContentCoding(string Name, int MaxWindowBytes, Func<BodyDecoder> CreateDecoder)
{
    /// <summary>
    /// The supported codings, for <c>Accept-Encoding</c> in the response to another coding (RFC 9110 §12.5.3).
    /// </summary>
    public const string Names = "gzip, br, zstd, deflate";

    static readonly ContentCoding Gzip = new("gzip", 32 << 10, static () => new GzipDecoder());
    static readonly ContentCoding Brotli = new("br", 16 << 20, static () => new BrotliBodyDecoder());
    static readonly ContentCoding Deflate = new("deflate", 32 << 10, static () => new DeflateBodyDecoder());
    static readonly ContentCoding Zstd = new(
        "zstd",
        ZstdBodyDecoder.MaxWindowBytes,
        static () => new ZstdBodyDecoder()
    );

    /// <summary>
    /// Reads <c>Content-Encoding</c>, and rejects a <c>Transfer-Encoding</c> other than chunked. The coding is null for
    /// a body that is not encoded. A list may have empty elements (RFC 9110 §5.6.1.2), and may be empty altogether.
    /// </summary>
    public static bool TryRead(
        HttpRequest request,
        out ContentCoding? coding,
        [NotNullWhen(false)] out Problem? problem
    )
    {
        (coding, problem) = (null, null);
        if (
            request.Headers.TransferEncoding is { Count: > 0 } transfer
            && !transfer.ToString().AsSpan().Trim(", \t").Equals("chunked", StringComparison.OrdinalIgnoreCase)
        )
        {
            problem = Problems.UnsupportedTransferCoding(transfer.ToString());
            return false;
        }
        var given = request.Headers.ContentEncoding;
        if (given.Count == 0)
            return true;
        foreach (
            var element in given
                .ToString()
                .Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
        )
        {
            if (element.Equals("identity", StringComparison.OrdinalIgnoreCase))
                continue;
            // Only one, because each further coding could multiply the size that a few bytes unpack to.
            if (coding is not null || (coding = Find(element)) is null)
            {
                request.HttpContext.Response.Headers[HeaderNames.AcceptEncoding] = Names;
                coding = null;
                problem = Problems.UnsupportedMediaType(
                    $"The Content-Encoding is \"{Excerpt.Of(given.ToString())}\". Supported: one of {Names}, or none."
                );
                return false;
            }
        }
        return true;
    }

    static ContentCoding? Find(string name) =>
        name.ToLowerInvariant() switch
        {
            "gzip" or "x-gzip" => Gzip,
            "br" => Brotli,
            "zstd" => Zstd,
            "deflate" => Deflate,
            _ => null,
        };
}

/// <summary>A body that came packed, unpacked piece by piece in one buffer.</summary>
/// <param name="packed">The packed body.</param>
/// <param name="coding">Its coding.</param>
/// <param name="budget">
/// Counts the bytes that the decoder holds, since thirty bytes of brotli can make it hold 16 MiB.
/// </param>
/// <param name="client">The request, or null without a client.</param>
/// <param name="maxBytes">
/// The most bytes to unpack for a number of packed bytes. Without a bound, a few bytes could cost gigabytes.
/// </param>
internal sealed class UnpackedBody(
    BodyPieces packed,
    ContentCoding coding,
    BodyBudget budget,
    HttpContext? client,
    Func<long, long> maxBytes
) : BodyPieces
{
    const int BufferBytes = 32 << 10;

    /// <summary>
    /// The bytes unpacked before others get the thread. 60 MB of blank lines, 58 KB packed, held it for 0.4 s, whether
    /// the client was still connected or not.
    /// </summary>
    public const int TurnBytes = 256 << 10;

    readonly BodyDecoder _decoder = coding.CreateDecoder();
    readonly byte[] _buffer = ArrayPool<byte>.Shared.Rent(BufferBytes);
    ReadOnlySequence<byte> _source;
    bool _isLast;
    bool _mayHoldMore;
    long _packedBytes;
    long _unpackedBytes;
    long _heldBytes;
    int _turnBytes;

    public override async ValueTask<BodyPiece> ReadAsync(TimeSpan timeout)
    {
        while (true)
        {
            // The decoder may still hold bytes that did not fit before.
            if (_source.IsEmpty && !_mayHoldMore)
            {
                if (_isLast)
                {
                    Unpack(static decoder => decoder.Finish());
                    return new(ReadOnlySequence<byte>.Empty, IsLast: true);
                }
                (_source, _isLast) = await packed.ReadAsync(timeout);
                _packedBytes += _source.Length;
            }
            var written = 0;
            Unpack(decoder =>
            {
                decoder.Decode(_source.FirstSpan, _buffer, out var consumed, out written);
                _source = _source.Slice(consumed);
                if (consumed == 0 && written == 0 && !_source.IsEmpty)
                    throw new InvalidDataException("it can't be read on");
            });
            _mayHoldMore = written == _buffer.Length;
            if (written == 0)
                continue;
            _unpackedBytes += written;
            await EndTurnAsync(written);
            if (_unpackedBytes > maxBytes(_packedBytes))
                throw new BadHttpRequestException(
                    "The body unpacks to too much.",
                    StatusCodes.Status413PayloadTooLarge
                );
            Hold(Math.Min(_unpackedBytes, coding.MaxWindowBytes));
            return new(new(_buffer, 0, written), IsLast: false);
        }
    }

    public override void Dispose()
    {
        packed.Dispose();
        _decoder.Dispose();
        budget.Release(client, ref _heldBytes);
        ArrayPool<byte>.Shared.Return(_buffer);
    }

    void Hold(long sizeBytes)
    {
        if (!budget.TryHold(client, ref _heldBytes, sizeBytes))
            throw new BodyBudgetException();
    }

    async ValueTask EndTurnAsync(int unpackedBytes)
    {
        _turnBytes += unpackedBytes;
        if (_turnBytes < TurnBytes)
            return;
        _turnBytes = 0;
        client?.RequestAborted.ThrowIfCancellationRequested();
        await Task.Yield();
    }

    void Unpack(Action<BodyDecoder> step)
    {
        try
        {
            step(_decoder);
        }
        catch (InvalidDataException exception)
        {
            throw new BodyEncodingException(
                $"The body can't be unpacked as {coding.Name}: {exception.Message}.",
                exception
            );
        }
    }
}

/// <summary>A body that its named coding can't unpack.</summary>
internal sealed class BodyEncodingException(string message, Exception inner) : Exception(message, inner), IProblemSource
{
    public Problem Problem => Problems.InvalidRequest("invalid_encoding", Message);
}

/// <summary>A body for which the budget has no room.</summary>
internal sealed class BodyBudgetException : Exception;
