using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using System.Threading.Tasks.Sources;
using LogHttp.AspNetCore.Threads;

namespace LogHttp.Server.Hosting;

/// <summary>
/// The bytes that HTTP reads from a connection. Tells <see cref="ConnectionMemory"/> which of them are consumed, and
/// hands out one HTTP/2 head at a time. One reader, as with any pipe.
/// </summary>
/// <remarks>
/// Kestrel decodes every head that it is given before one request begins: 100 for each connection. Heads that are
/// decoded and whose request has not begun are counted nowhere. So the read behind a head goes to the end of the thread
/// pool's queue, where the head's request is already.
/// A server that schedules inline completes reads on the threads that receive. Only plain HTTP/1 goes on there.
/// </remarks>
internal sealed class CountedInput : PipeReader, IValueTaskSource<ReadResult>, IThreadPoolWorkItem
{
    /// <summary>
    /// How many reads in a row need no wait. A client that sends many requests at once would keep a receiving thread
    /// from its other connections, and a thread that completes appends from other responses.
    /// </summary>
    internal const int MaxReadsAtOnce = 32;

    /// <summary>The first byte of a TLS handshake (RFC 8446 §5.1).</summary>
    const byte TlsHandshake = 0x16;

    static ReadOnlySpan<byte> Http2Preface => "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8;

    readonly ConnectionMemory _memory;

    /// <summary>Created once. A waiting read still allocates 32 bytes, because the pipe wraps the action.</summary>
    readonly Action _onRead;

    ManualResetValueTaskSourceCore<ReadResult> _source;
    ConfiguredValueTaskAwaitable<ReadResult>.ConfiguredValueTaskAwaiter _read;
    CancellationToken _cancellationToken;
    ReadOnlySequence<byte> _buffer;
    Protocol _protocol;
    int _prefaceBytes;
    Http2Frames _frames;
    bool _isAfterHead;
    bool _isTls;
    int _readsAtOnce;

    public CountedInput(PipeReader inner, ConnectionMemory memory)
    {
        (Inner, _memory) = (inner, memory);
        _onRead = EndRead;
    }

    enum Protocol
    {
        Unknown,
        Http1,
        Http2,
        Uncounted,
    }

    public PipeReader Inner { get; }

    /// <summary>Passes the bytes on unchanged. Called before HTTP reads.</summary>
    public void StopCounting() => _protocol = Protocol.Uncounted;

    public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
    {
        if (_isAfterHead || _readsAtOnce >= MaxReadsAtOnce)
        {
            (_isAfterHead, _readsAtOnce) = (false, 0);
            _cancellationToken = cancellationToken;
            _source.Reset();
            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
            return new ValueTask<ReadResult>(this, _source.Version);
        }
        var read = Inner.ReadAsync(cancellationToken);
        if (read.IsCompletedSuccessfully)
        {
            _readsAtOnce++;
            return new ValueTask<ReadResult>(HandOut(read.Result));
        }
        _readsAtOnce = 0;
        _source.Reset();
        Await(read);
        return new ValueTask<ReadResult>(this, _source.Version);
    }

    public override bool TryRead(out ReadResult result)
    {
        if (!Inner.TryRead(out result))
            return false;
        result = HandOut(result);
        return true;
    }

    public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
    {
        if (_protocol != Protocol.Uncounted && !_buffer.IsEmpty)
            Consume(_buffer.Slice(_buffer.Start, consumed));
        _buffer = default;
        Inner.AdvanceTo(consumed, examined);
    }

    public override void CancelPendingRead() => Inner.CancelPendingRead();

    public override void Complete(Exception? exception = null) => Inner.Complete(exception);

    public override ValueTask CompleteAsync(Exception? exception = null) => Inner.CompleteAsync(exception);

    ReadResult IValueTaskSource<ReadResult>.GetResult(short token) => _source.GetResult(token);

    ValueTaskSourceStatus IValueTaskSource<ReadResult>.GetStatus(short token) => _source.GetStatus(token);

    void IValueTaskSource<ReadResult>.OnCompleted(
        Action<object?> continuation,
        object? state,
        short token,
        ValueTaskSourceOnCompletedFlags flags
    ) => _source.OnCompleted(continuation, state, token, flags);

    void IThreadPoolWorkItem.Execute()
    {
        try
        {
            Await(Inner.ReadAsync(_cancellationToken));
        }
        catch (Exception exception)
        {
            _source.SetException(exception);
        }
    }

    void Await(ValueTask<ReadResult> read)
    {
        _read = read.ConfigureAwait(false).GetAwaiter();
        if (_read.IsCompleted)
            EndRead();
        else
            _read.UnsafeOnCompleted(_onRead);
    }

    void EndRead()
    {
        ReadResult result;
        try
        {
            result = HandOut(_read.GetResult());
        }
        catch (Exception exception)
        {
            _source.RunContinuationsAsynchronously = true;
            _source.SetException(exception);
            return;
        }
        var isReceiving = ReceivingThread.MayBeCurrent;
        _source.RunContinuationsAsynchronously = isReceiving && !RunsInline;
        if (isReceiving && RunsInline)
        {
            using (ReceivingThreadWatch.Begin())
                _source.SetResult(result);
        }
        else
        {
            _source.SetResult(result);
        }
    }

    /// <summary>
    /// Whether the bytes are handled on the thread that received them. Those of TLS are decrypted first, and HTTP/2 may
    /// bring many frames at once.
    /// </summary>
    bool RunsInline => _protocol == Protocol.Http1 && !_isTls;

    /// <summary>
    /// Leaves out the bytes behind the preface, or behind an HTTP/2 head. They come with the next read.
    /// </summary>
    ReadResult HandOut(ReadResult result)
    {
        _buffer = result.Buffer;
        if (_protocol is Protocol.Http1 or Protocol.Uncounted || _buffer.IsEmpty)
            return result;
        var bytes = _buffer.Length;
        if (_protocol == Protocol.Unknown)
        {
            if (IsPreface(_buffer))
                bytes = Math.Min(bytes, Http2Preface.Length - _prefaceBytes);
            else
                (_protocol, _isTls) = (Protocol.Http1, _buffer.FirstSpan[0] == TlsHandshake);
        }
        else
        {
            var frames = _frames;
            bytes = frames.Follow(_buffer, stopsAfterHead: true);
        }
        if (bytes == _buffer.Length)
            return result;
        _buffer = _buffer.Slice(0, bytes);
        return new ReadResult(_buffer, result.IsCanceled, isCompleted: false);
    }

    /// <summary>Whether the bytes continue as the preface of HTTP/2 does.</summary>
    bool IsPreface(in ReadOnlySequence<byte> bytes)
    {
        var rest = Http2Preface[_prefaceBytes..];
        var reader = new SequenceReader<byte>(bytes);
        return reader.IsNext(rest[..(int)Math.Min(rest.Length, bytes.Length)]);
    }

    void Consume(in ReadOnlySequence<byte> bytes)
    {
        if (_protocol == Protocol.Http2)
        {
            var heads = _frames.Heads;
            _frames.Follow(bytes, stopsAfterHead: false);
            _isAfterHead = _frames.Heads != heads;
            _memory.SetHttp2Heads(_frames.IsInHead, _frames.Trailers);
        }
        else if (_protocol == Protocol.Http1)
        {
            // The first bytes of a method may be those of the preface.
            if (_prefaceBytes > 0)
                _memory.AddHeadBytes(_prefaceBytes);
            _prefaceBytes = 0;
            _memory.FollowHttp1(bytes);
        }
        else
        {
            _prefaceBytes += (int)bytes.Length;
            if (_prefaceBytes == Http2Preface.Length)
            {
                _protocol = Protocol.Http2;
                _memory.BeginHttp2();
            }
        }
    }
}
