using System.IO.Pipelines;
using LogHttp.Kestrel;
using Microsoft.AspNetCore.Http.Features;

namespace LogHttp.Server.Tests;

/// <summary>A response body that remembers the most bytes that were written and not flushed at any time.</summary>
internal sealed class MeasuringWriter : PipeWriter, IHttpResponseBodyFeature, IHttpSendFileFeature
{
    byte[] _memory = new byte[64];
    long _unflushedBytes;

    public MemoryStream Written { get; } = new();

    public long MostUnflushedBytes { get; private set; }

    /// <summary>Called with the bytes that a flush sends.</summary>
    public Action<long>? Flushing { get; init; }

    /// <summary>Whether the client is slow.</summary>
    public bool IsSlow { get; init; }

    /// <summary>Whether the client has closed the connection.</summary>
    public bool IsGone { get; init; }

    public Stream Stream => Written;

    public PipeWriter Writer => this;

    public override Memory<byte> GetMemory(int sizeHint = 0) =>
        _memory.Length >= sizeHint ? _memory : _memory = new byte[sizeHint];

    public override Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;

    public override void Advance(int bytes)
    {
        Written.Write(_memory, 0, bytes);
        _unflushedBytes += bytes;
        MostUnflushedBytes = Math.Max(MostUnflushedBytes, _unflushedBytes);
    }

    public override async ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
    {
        Flushing?.Invoke(_unflushedBytes);
        if (IsSlow)
            await Task.Yield();
        _unflushedBytes = 0;
        return new FlushResult(isCanceled: false, isCompleted: IsGone);
    }

    public async Task SendFileAsync(
        FileStream file,
        long position,
        long lengthBytes,
        CancellationToken cancellationToken = default
    )
    {
        var bytes = new byte[lengthBytes];
        Assert.Equal(lengthBytes, RandomAccess.Read(file.SafeFileHandle, bytes, position));
        // A copy holds the piece twice, and leaves nothing unflushed.
        _unflushedBytes += lengthBytes;
        MostUnflushedBytes = Math.Max(MostUnflushedBytes, _unflushedBytes + lengthBytes);
        Written.Write(bytes);
        await FlushAsync(cancellationToken);
    }

    public bool CopiesRegions => true;

    public bool MayWaitForDisk => false;

    public Task SendFileAsync(string path, long offset, long? count, CancellationToken cancellationToken = default) =>
        throw new NotSupportedException();

    public Task StartAsync(CancellationToken cancellationToken = default) => Task.CompletedTask;

    public Task CompleteAsync() => Task.CompletedTask;

    public void DisableBuffering() { }

    public override void Complete(Exception? exception = null) { }

    public override void CancelPendingFlush() { }
}
