using System.IO.Pipelines;
using Microsoft.AspNetCore.Http;
using Microsoft.Win32.SafeHandles;

namespace LogHttp.Kestrel;

/// <summary>Sends one region over a connection's <see cref="SocketPipeWriter"/>, slice by slice.</summary>
internal readonly struct RegionTransfer(
    HttpContext context,
    SendFileConnection connection,
    PipeWriter body,
    FileStream file
)
{
    private readonly SafeFileHandle _handle = FileHandles.Of(file);
    private readonly SocketPipeWriter _writer = connection.Writer;
    private readonly SendFileServices _services = connection.Services;

    /// <returns>
    /// How many bytes need no copying any more: 0 if the response does not write straight to the connection, else all.
    /// </returns>
    internal async ValueTask<long> SendAsync(long position, long lengthBytes, CancellationToken cancellationToken)
    {
        if (!_writer.IsWritingInto(body.GetMemory()))
            return 0;
        if (!connection.HasSentRegions)
        {
            // For the requests that follow, SendFileFeature turns the server's rate off as they begin.
            connection.HasSentRegions = true;
            ServerRate.TurnOff(context);
        }

        // Cancelling closes the connection rather than abandon a flush. Closing ends the send, and with it the use of
        // the file.
        using var cancellation = cancellationToken.UnsafeRegister(
            static state => ((HttpContext)state!).Abort(),
            context
        );
        try
        {
            for (long sent = 0; sent < lengthBytes; )
            {
                var slice = new FileRegion(
                    file,
                    _handle,
                    position + sent,
                    (int)Math.Min(lengthBytes - sent, _services.Options.SliceBytes)
                );
                var outcome =
                    lengthBytes <= _services.Options.SmallRegionBytes
                        ? await SendAfterHeadersAsync(slice, cancellationToken).ConfigureAwait(false)
                        : await SendSliceAsync(slice, cancellationToken).ConfigureAwait(false);
                switch (outcome)
                {
                    case RegionOutcome.Sent:
                        sent += slice.LengthBytes;
                        break;
                    case RegionOutcome.Discarded when sent == 0:
                        return 0;
                    case RegionOutcome.Discarded or RegionOutcome.ConnectionGone:
                        cancellationToken.ThrowIfCancellationRequested();
                        return lengthBytes;
                    case RegionOutcome.CutShort:
                        throw RegionErrors.AbortCutShort(context, _services, file, position, lengthBytes);
                    default:
                        throw new IOException($"Sending {file.Name} failed.", _writer.RegionError);
                }
            }

            return lengthBytes;
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            SendFileLog.RegionCancelled(_services.Logger, context.Connection.Id);
            context.Abort();
            throw;
        }
        catch (IOException)
        {
            // As in RegionCopy, the client must not take a part for the whole.
            context.Abort();
            throw;
        }
    }

    private async ValueTask<RegionOutcome> SendSliceAsync(FileRegion slice, CancellationToken cancellationToken)
    {
        await _services.PageCache.WarmAsync(slice, cancellationToken).ConfigureAwait(false);
        var outcome = RegionOutcome.Discarded;
        _writer.BeginRegion(slice);
        try
        {
            // If this is not the scratch memory, the server is tearing the response down and handed out memory of its
            // own.
            if (_writer.IsScratch(body.GetMemory(slice.LengthBytes)))
            {
                // Throws before anything is queued if the slice exceeds the response's Content-Length.
                body.Advance(slice.LengthBytes);
                await body.FlushAsync(CancellationToken.None).ConfigureAwait(false);
            }
        }
        finally
        {
            outcome = await _writer.EndRegionAsync().ConfigureAwait(false);
        }

        return outcome;
    }

    private async ValueTask<RegionOutcome> SendAfterHeadersAsync(FileRegion region, CancellationToken cancellationToken)
    {
        var memory = body.GetMemory(region.LengthBytes)[..region.LengthBytes];

        // The region is mostly in the page cache. Then the read that does not wait for the disk fills the block.
        if (!SystemCalls.TryReadCached(_handle, memory.Span, region.Position))
        {
            await _services.PageCache.WarmAsync(region, cancellationToken).ConfigureAwait(false);
            if (!RegionCopy.TryReadWhole(_handle, memory.Span, region.Position))
                return RegionOutcome.CutShort;
        }

        body.Advance(region.LengthBytes);
        var flushed = await body.FlushAsync(CancellationToken.None).ConfigureAwait(false);
        if (flushed.IsCompleted)
            return RegionOutcome.ConnectionGone;
        _services.Meter.SentByBuffer(region.LengthBytes);
        return RegionOutcome.Sent;
    }
}
