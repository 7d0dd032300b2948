using System.Net.Sockets;
using System.Threading.Tasks.Sources;

namespace LogHttp.Kestrel;

/// <summary>One connection's sends, one at a time, without an allocation per send of memory.</summary>
/// <remarks>
/// Only the pump of <see cref="SocketPipeWriter"/> calls it. Completions come from the runtime's threads, and the value
/// task source orders them before the pump continues.
/// </remarks>
internal sealed class SocketSender : SocketAsyncEventArgs, IValueTaskSource<SocketError>
{
    private readonly Socket _socket;
    private readonly SendPacketsElement[] _elements = new SendPacketsElement[1];
    private ManualResetValueTaskSourceCore<SocketError> _completion;

    // The flow of the execution context would cost an allocation per send, and nothing here reads it.
    internal SocketSender(Socket socket)
        : base(true) => _socket = socket;

    internal ValueTask<SocketError> SendAsync(ReadOnlyMemory<byte> bytes)
    {
        _completion.Reset();
        if (BufferList is not null)
            BufferList = null;
        SetBuffer(System.Runtime.InteropServices.MemoryMarshal.AsMemory(bytes));
        return _socket.SendAsync(this)
            ? new ValueTask<SocketError>(this, _completion.Version)
            : new ValueTask<SocketError>(SocketError);
    }

    internal ValueTask<SocketError> SendAsync(IList<ArraySegment<byte>> buffers)
    {
        _completion.Reset();
        if (!MemoryBuffer.IsEmpty)
            SetBuffer(default);
        BufferList = buffers;
        return _socket.SendAsync(this)
            ? new ValueTask<SocketError>(this, _completion.Version)
            : new ValueTask<SocketError>(SocketError);
    }

    /// <summary>
    /// Sends by sendfile(2) on the runtime's epoll engine. If the file ends first,
    /// <see cref="SocketAsyncEventArgs.BytesTransferred"/> is smaller than the length.
    /// </summary>
    internal ValueTask<SocketError> SendFileAsync(FileStream file, long position, int lengthBytes)
    {
        _completion.Reset();
        _elements[0] = new SendPacketsElement(file, position, lengthBytes);
        SendPacketsElements = _elements;
        return _socket.SendPacketsAsync(this)
            ? new ValueTask<SocketError>(this, _completion.Version)
            : new ValueTask<SocketError>(SocketError);
    }

    /// <summary>Releases the last send's memory and file, which an idle connection must not keep alive.</summary>
    internal void ReleaseBuffers()
    {
        if (_elements[0] is not null)
        {
            _elements[0] = null!;
            SendPacketsElements = null;
        }

        if (BufferList is not null)
            BufferList = null;
        else if (!MemoryBuffer.IsEmpty)
            SetBuffer(default);
    }

    protected override void OnCompleted(SocketAsyncEventArgs e) => _completion.SetResult(SocketError);

    SocketError IValueTaskSource<SocketError>.GetResult(short token) => _completion.GetResult(token);

    ValueTaskSourceStatus IValueTaskSource<SocketError>.GetStatus(short token) => _completion.GetStatus(token);

    void IValueTaskSource<SocketError>.OnCompleted(
        Action<object?> continuation,
        object? state,
        short token,
        ValueTaskSourceOnCompletedFlags flags
    ) => _completion.OnCompleted(continuation, state, token, flags);
}
