namespace LogHttp.Kestrel;

/// <summary>
/// Sends whole chunks of a chunked response straight to its socket, past the server's buffers. For responses that send
/// the same bytes to many clients.
/// </summary>
/// <remarks>
/// Any thread, but like the response body itself it takes one call at a time. Everything that was written to the body
/// must have been flushed before.
/// </remarks>
public interface IChunkSender
{
    /// <summary>
    /// Sends as many bytes as the socket takes without waiting, and returns their number. 0 if it takes none, or if the
    /// connection is gone. After a part, nothing but <see cref="SendRestAsync"/> may send on this response.
    /// </summary>
    /// <param name="chunks">Whole chunks, each with its size and its line breaks.</param>
    int TrySend(ReadOnlySpan<byte> chunks);

    /// <summary>Copies the bytes that <see cref="TrySend"/> has left, and sends them.</summary>
    /// <returns>A task that ends once the kernel has the bytes. False if the connection is gone.</returns>
    ValueTask<bool> SendRestAsync(ReadOnlyMemory<byte> rest, CancellationToken cancellationToken);
}
