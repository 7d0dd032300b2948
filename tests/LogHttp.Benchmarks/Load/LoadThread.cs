using System.Diagnostics;
using System.Net.Sockets;
using HdrHistogram;

namespace LogHttp.Benchmarks.Load;

/// <summary>
/// One thread with its connections on one epoll, so that the client costs little. On two processors the client's cost
/// is the server's loss.
/// </summary>
sealed class LoadThread(Workload load, int number, Barrier start)
{
    const int EventsAtOnce = 64;
    const long HighestNanoseconds = 60_000_000_000;
    static readonly double NanosecondsPerTick = 1e9 / Stopwatch.Frequency;
    static readonly TimeSpan DrainTime = TimeSpan.FromSeconds(20);

    readonly byte[] _buffer = new byte[256 << 10];
    readonly Queue<Peer> _idle = [];
    readonly List<Peer> _peers = [];
    int _sent;
    int _answered;
    long _endTimestamp;

    public HistogramBase Latencies { get; } = new LongHistogram(HighestNanoseconds, 3);

    public long Answers { get; private set; }

    public long ReceivedBytes { get; private set; }

    public Exception? Error { get; private set; }

    sealed class Peer(Socket socket, IConversation conversation)
    {
        public Socket Socket => socket;
        public IConversation Conversation => conversation;
        public ReadOnlyMemory<byte> Unsent;
        public bool IsWaitingToSend;
        public long DueTimestamp;
    }

    int Share(int all) => all / load.Threads + (number < all % load.Threads ? 1 : 0);

    public void Run()
    {
        var isStarted = false;
        try
        {
            using var poll = SystemCalls.NewPoll();
            Connect(poll);
            start.SignalAndWait();
            isStarted = true;
            Drive(poll);
        }
        catch (Exception exception)
            when (exception
                    is SocketException
                        or IOException
                        or System.ComponentModel.Win32Exception
                        or ArgumentException
            )
        {
            Error = exception;
            if (!isStarted)
                start.SignalAndWait();
        }
        finally
        {
            foreach (var peer in _peers)
                peer.Socket.Dispose();
        }
    }

    void Connect(Microsoft.Win32.SafeHandles.SafeFileHandle poll)
    {
        for (var i = 0; i < Share(load.Connections); i++)
        {
            var socket = new Socket(load.Server.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            var peer = new Peer(socket, load.Conversation(number + i * load.Threads));
            _peers.Add(peer);
            socket.Connect(load.Server);
            if (!peer.Conversation.Greeting.IsEmpty)
                socket.Send(peer.Conversation.Greeting.Span);
            for (var answers = 0; answers < peer.Conversation.GreetingAnswers; )
                answers += socket.Receive(_buffer) is > 0 and var size
                    ? peer.Conversation.Take(_buffer.AsSpan(0, size))
                    : throw new IOException("The server closed the connection at once.");
            socket.Blocking = false;
            SystemCalls.Watch(poll, socket.SafeHandle, i, SystemCalls.Readable, isKnown: false);
            _idle.Enqueue(peer);
        }
    }

    void Drive(Microsoft.Win32.SafeHandles.SafeFileHandle poll)
    {
        var events = new byte[EventsAtOnce * SystemCalls.EventBytes];
        var started = Stopwatch.GetTimestamp();
        _endTimestamp = load.Requests is null
            ? started + (long)(load.Duration.TotalSeconds * Stopwatch.Frequency)
            : long.MaxValue;
        var most = load.Requests is { } requests ? Share(requests) : int.MaxValue;
        var ticksBetween = load.RatePerSecond is { } rate ? Stopwatch.Frequency * load.Threads / rate : 0;
        var firstDue = started + ticksBetween * number / load.Threads;
        while (true)
        {
            var now = Stopwatch.GetTimestamp();
            if (_answered == _sent && (now >= _endTimestamp || _sent == most))
                return;
            if (now > _endTimestamp && Stopwatch.GetElapsedTime(_endTimestamp, now) > DrainTime)
                throw new IOException($"{_sent - _answered} answers did not come.");
            var due = now;
            while (
                _idle.Count > 0
                && _sent < most
                && (due = ticksBetween == 0 ? now : (long)(firstDue + _sent * ticksBetween)) <= now
                && due < _endTimestamp
            )
                Send(poll, _idle.Dequeue(), due);
            var wait =
                ticksBetween > 0 && _idle.Count > 0 && due > now
                    ? Stopwatch.GetElapsedTime(now, Math.Min(due, _endTimestamp))
                    : TimeSpan.FromMilliseconds(100);
            var count = SystemCalls.Wait(poll, events, wait);
            for (var i = 0; i < count; i++)
                Serve(poll, _peers[SystemCalls.NumberOf(events, i)]);
        }
    }

    void Send(Microsoft.Win32.SafeHandles.SafeFileHandle poll, Peer peer, long due)
    {
        (peer.DueTimestamp, peer.Unsent) = (due, peer.Conversation.NextRequest());
        _sent++;
        SendOn(poll, peer);
    }

    void SendOn(Microsoft.Win32.SafeHandles.SafeFileHandle poll, Peer peer)
    {
        while (!peer.Unsent.IsEmpty)
        {
            var sent = peer.Socket.Send(peer.Unsent.Span, SocketFlags.None, out var error);
            if (error == SocketError.WouldBlock)
            {
                Wants(poll, peer, toSend: true);
                return;
            }
            if (error != SocketError.Success)
                throw new SocketException((int)error);
            peer.Unsent = peer.Unsent[sent..];
        }
        Wants(poll, peer, toSend: false);
    }

    void Wants(Microsoft.Win32.SafeHandles.SafeFileHandle poll, Peer peer, bool toSend)
    {
        if (peer.IsWaitingToSend == toSend)
            return;
        peer.IsWaitingToSend = toSend;
        SystemCalls.Watch(
            poll,
            peer.Socket.SafeHandle,
            _peers.IndexOf(peer),
            toSend ? SystemCalls.Readable | SystemCalls.Writable : SystemCalls.Readable,
            isKnown: true
        );
    }

    void Serve(Microsoft.Win32.SafeHandles.SafeFileHandle poll, Peer peer)
    {
        if (peer.IsWaitingToSend)
            SendOn(poll, peer);
        var size = peer.Socket.Receive(_buffer, SocketFlags.None, out var error);
        if (error == SocketError.WouldBlock)
            return;
        if (error != SocketError.Success)
            throw new SocketException((int)error);
        if (size == 0)
            throw new IOException("The server closed the connection.");
        var now = Stopwatch.GetTimestamp();
        var isInTime = now < _endTimestamp;
        if (isInTime)
            ReceivedBytes += size;
        for (var answers = peer.Conversation.Take(_buffer.AsSpan(0, size)); answers > 0; answers--)
        {
            _answered++;
            _idle.Enqueue(peer);
            if (!isInTime)
                continue;
            Answers++;
            Latencies.RecordValue(
                Math.Clamp((long)((now - peer.DueTimestamp) * NanosecondsPerTick), 1, HighestNanoseconds)
            );
        }
    }
}
