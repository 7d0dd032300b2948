namespace LogHttp.Kestrel;

/// <summary>
/// Sends regions of open files as part or all of the response body: by sendfile(2) if the connection allows it, else by
/// copying. The result is the same. <see cref="CopiesRegions"/> and the meter <see cref="SendFileMeter"/> tell which
/// way was taken.
/// </summary>
/// <remarks>
/// Requests have this feature once <c>app.UseSendFile()</c> is in their pipeline. Like the response body itself, it
/// takes one call at a time: await a region before you write anything else to the response.
/// </remarks>
public interface IHttpSendFileFeature
{
    /// <summary>
    /// Whether regions pass through the process's memory on this connection (TLS, HTTP/2, no socket). Each such region
    /// holds a buffer of <see cref="SendFileOptions.CopyBufferBytes"/> until the client has taken it.
    /// </summary>
    bool CopiesRegions { get; }

    /// <summary>
    /// Whether the thread that sends a region may wait for the disk, because the system can't tell which pages are
    /// cached. Elsewhere other threads read them first.
    /// </summary>
    bool MayWaitForDisk { get; }

    /// <summary>
    /// Sends chunks past the server's buffers. Null if the response has not started, is not chunked, or passes through
    /// other code on its way to the socket (TLS, HTTP/2, middleware that wraps the body).
    /// </summary>
    IChunkSender? ChunkSender => null;

    /// <summary>
    /// Sends exactly <paramref name="lengthBytes"/> bytes of <paramref name="file"/>, beginning at
    /// <paramref name="position"/>, after the bytes that the response holds already. Starts the response if it has not
    /// started. Neither reads nor moves <see cref="FileStream.Position"/>, and never disposes the stream.
    /// </summary>
    /// <param name="file">
    /// Opened for reading with <see cref="FileOptions.Asynchronous"/>, and with <c>bufferSize: 0</c> if requests share
    /// it. The handle of a buffered stream cannot be taken by two threads at once.
    /// </param>
    /// <param name="position">Where the region begins in the file, in bytes.</param>
    /// <param name="lengthBytes">How many bytes to send. 0 is allowed.</param>
    /// <param name="cancellationToken">
    /// Cancelling it within a region aborts the connection, because the client was promised the rest.
    /// </param>
    /// <returns>
    /// A task that completes when the file is no longer needed: the kernel has taken every byte, or the connection is
    /// gone. A client that disconnects is not an error, as with <c>Response.BodyWriter</c>. For HEAD the task completes
    /// at once, and no body is sent.
    /// </returns>
    /// <exception cref="ArgumentException">
    /// The file was not opened with <see cref="FileOptions.Asynchronous"/>, or not for reading.
    /// </exception>
    /// <exception cref="EndOfStreamException">
    /// The file ended before the region did. The connection was aborted, and nothing was padded.
    /// </exception>
    /// <exception cref="OperationCanceledException"><paramref name="cancellationToken"/> was cancelled.</exception>
    Task SendFileAsync(FileStream file, long position, long lengthBytes, CancellationToken cancellationToken = default);
}
