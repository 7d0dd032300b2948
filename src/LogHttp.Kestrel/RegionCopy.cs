using System.Buffers;
using System.IO.Pipelines;
using Microsoft.AspNetCore.Http;
using Microsoft.Win32.SafeHandles;

namespace LogHttp.Kestrel;

/// <summary>
/// Copies regions into responses that a raw region would corrupt: TLS, HTTP/2, wrapped bodies, servers without sockets.
/// </summary>
internal static class RegionCopy
{
    internal static async Task CopyAsync(
        HttpContext context,
        PipeWriter body,
        FileStream file,
        long position,
        long lengthBytes,
        SendFileServices services,
        CancellationToken cancellationToken
    )
    {
        var buffer = ArrayPool<byte>.Shared.Rent((int)Math.Min(lengthBytes, services.Options.CopyBufferBytes));
        var handle = FileHandles.Of(file);
        var copied = 0L;
        try
        {
            while (copied < lengthBytes)
            {
                var wanted = (int)Math.Min(buffer.Length, lengthBytes - copied);
                // A read of cold pages would block a thread of the pool. The page cache's own threads wait for the disk
                // instead.
                await services
                    .PageCache.WarmAsync(new FileRegion(file, handle, position + copied, wanted), cancellationToken)
                    .ConfigureAwait(false);
                var read = SystemCalls.CanAskPageCache
                    ? RandomAccess.Read(handle, buffer.AsSpan(0, wanted), position + copied)
                    : await RandomAccess
                        .ReadAsync(handle, buffer.AsMemory(0, wanted), position + copied, cancellationToken)
                        .ConfigureAwait(false);
                if (read == 0)
                    throw RegionErrors.AbortCutShort(context, services, file, position, lengthBytes);

                // WriteAsync and not Advance, because the server's own data rate counts the bytes given to WriteAsync.
                var flushed = await body.WriteAsync(buffer.AsMemory(0, read), cancellationToken).ConfigureAwait(false);
                copied += read;
                if (flushed.IsCompleted)
                    return; // The connection is gone.
                services.Meter.SentByCopy(read);
            }
        }
        catch (Exception exception) when (exception is OperationCanceledException or IOException)
        {
            // The client was promised the rest, and a body without a length would look complete.
            if (exception is OperationCanceledException)
                SendFileLog.RegionCancelled(services.Logger, context.Connection.Id);
            context.Abort();
            throw;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>Fills <paramref name="destination"/>. Returns false if the file ends first.</summary>
    internal static bool TryReadWhole(SafeFileHandle file, Span<byte> destination, long position)
    {
        while (!destination.IsEmpty)
        {
            var read = RandomAccess.Read(file, destination, position);
            if (read == 0)
                return false;
            destination = destination[read..];
            position += read;
        }

        return true;
    }
}
