namespace LogHttp.Kestrel;

/// <summary>
/// Sends regions of open files as (part of) the response body: by sendfile(2) where the connection
/// allows it, by copying everywhere else. The result is the same; <see cref="CopiesRegions"/> and the meter
/// <see cref="SendFileMeter"/> tell which.
/// </summary>
/// <remarks>
/// Found on the features of a request once <c>app.UseSendFile()</c> is in its pipeline. Like the response
/// body itself, one at a time: await a region before writing anything else to the response.
/// </remarks>
public interface IHttpSendFileFeature
{
    /// <summary>
    /// Whether regions pass through the process's memory on this connection (TLS, HTTP/2, no socket), in buffers of
    /// <see cref="SendFileOptions.CopyBufferBytes"/>, for as long as the client takes its time.
    /// </summary>
    bool CopiesRegions { get; }

    /// <summary>
    /// Sends exactly <paramref name="lengthBytes"/> bytes of <paramref name="file"/>, beginning at
    /// <paramref name="position"/>, after whatever the response holds already, and starts the response
    /// if nobody has. Neither reads nor moves <see cref="FileStream.Position"/>, and never disposes the stream.
    /// </summary>
    /// <param name="file">
    /// Opened for reading with <see cref="FileOptions.Asynchronous"/>, and with <c>bufferSize: 0</c> where
    /// requests share it: the handle of a buffered stream cannot be taken by two threads at once.
    /// </param>
    /// <param name="position">Where the region begins in the file, in bytes.</param>
    /// <param name="lengthBytes">How many bytes to send; none is allowed.</param>
    /// <param name="cancellationToken">
    /// Cancelling in mid-region aborts the connection, because the client was promised the rest.
    /// </param>
    /// <returns>
    /// A task that completes when the file is no longer needed: the kernel has taken every byte, or the
    /// connection is gone. A client that went away is not an error here, as it is none for
    /// <c>Response.BodyWriter</c>. For HEAD it completes at once, and no body is sent.
    /// </returns>
    /// <exception cref="ArgumentException">
    /// The file was not opened with <see cref="FileOptions.Asynchronous"/>, or not for reading.
    /// </exception>
    /// <exception cref="EndOfStreamException">
    /// The file ended before the region did. The connection was aborted, nothing was padded.
    /// </exception>
    /// <exception cref="OperationCanceledException"><paramref name="cancellationToken"/> was cancelled.</exception>
    Task SendFileAsync(FileStream file, long position, long lengthBytes, CancellationToken cancellationToken = default);
}
