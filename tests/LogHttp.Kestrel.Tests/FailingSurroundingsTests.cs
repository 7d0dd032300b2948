using System.Diagnostics.Metrics;
using System.Runtime.InteropServices;
using LogHttp.Kestrel.Tests.Support;
using LogHttp.Testing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace LogHttp.Kestrel.Tests;

/// <summary>
/// Listeners and loggers that throw, and files that sendfile(2) refuses. None of them ends a connection.
/// </summary>
public sealed partial class FailingSurroundingsTests
{
    private const int LengthBytes = 3_000_000;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Region_MeterListenerThrows_ArrivesWhole(bool readsAtOnce)
    {
        using var file = new TempFile(LengthBytes);
        var time = new SimulatedTime(DateTimeOffset.UnixEpoch);
        var options = new SendFileOptions { TimeProvider = time };
        await using var host = await KestrelHost.StartAsync(
            Handlers.Region(file, 0, LengthBytes),
            options,
            Handlers.SmallBuffers(options)
        );
        using var listener = ThrowingListener(host);
        using var client = await RawClient.ConnectAsync(host, receiveBufferBytes: 32 * 1024);
        for (var times = 0; times < 2; times++)
        {
            await client.GetAsync("/");
            if (!readsAtOnce)
                await time.SendWaitsAsync();
            Assert.Equal(file.Bytes, (await client.ReadResponseAsync()).Body);
        }
        Assert.Single(host.Logs.Ours, entry => entry.EventId == 7);
    }

    [Fact]
    public async Task StalledReader_MeterListenerThrows_IsDropped()
    {
        using var file = new TempFile(LengthBytes);
        var options = new SendFileOptions { StalledReaderTimeout = TimeSpan.FromMilliseconds(200) };
        await using var host = await KestrelHost.StartAsync(
            Handlers.Region(file, 0, LengthBytes),
            options,
            Handlers.SmallBuffers(options)
        );
        using var listener = ThrowingListener(host);
        using var client = await RawClient.ConnectAsync(host, receiveBufferBytes: 32 * 1024);
        await client.GetAsync("/");
        await client.ReadHeadersAsync();
        await host.Logs.WaitForAsync(2);
        Assert.True((await client.DrainAsync()).ReceivedBytes < LengthBytes);
    }

    [Fact]
    public void Logger_Throws_IsIgnored()
    {
        var logger = new GuardedLogger(new ThrowingLogger());
        SendFileLog.StalledReaderDropped(logger, "connection", TimeSpan.FromSeconds(1));
        Assert.False(logger.IsEnabled(LogLevel.Information));
    }

    [Theory]
    [InlineData(LengthBytes, true)]
    [InlineData(LengthBytes, false)]
    [InlineData(10_000, false)]
    public async Task Region_SendfileNotSupported_IsCopied(int lengthBytes, bool isLow)
    {
        if (!OperatingSystem.IsLinux() || RuntimeInformation.ProcessArchitecture != Architecture.X64)
            return;
        // The process's own memory is a file that can be read at any mapped address and that sendfile(2) refuses. The
        // error is EINVAL below 2 GiB and EOVERFLOW beyond.
        var bytes = new byte[lengthBytes];
        new Random(3).NextBytes(bytes);
        const int readWrite = 3;
        const int privateAnonymous = 0x22;
        var address = Map(isLow ? 0x2000_0000 : 0, lengthBytes, readWrite, privateAnonymous, -1, 0);
        Assert.Equal(isLow, address < int.MaxValue);
        Marshal.Copy(bytes, 0, address, lengthBytes);
        await using var memory = new FileStream(
            "/proc/self/mem",
            FileMode.Open,
            FileAccess.Read,
            FileShare.ReadWrite,
            bufferSize: 0,
            FileOptions.Asynchronous
        );
        await using var host = await KestrelHost.StartAsync(
            async context =>
            {
                context.Response.ContentLength = lengthBytes;
                await context.SendRegionAsync(memory, address, lengthBytes);
            },
            listen: Handlers.SmallBuffers()
        );
        using var client = await RawClient.ConnectAsync(host, receiveBufferBytes: 32 * 1024);
        for (var times = 0; times < 2; times++)
        {
            await client.GetAsync("/");
            Assert.Equal(bytes, (await client.ReadResponseAsync()).Body);
        }
        Assert.Equal(0, (await host.SettledAsync()).SendFile);
        Assert.Equal(2 * lengthBytes, (await host.SettledAsync()).Copy + (await host.SettledAsync()).Buffer);
        Assert.DoesNotContain(host.Logs.Ours, entry => entry.Level >= LogLevel.Warning);
        Assert.Equal(0, Unmap(address, lengthBytes));
    }

    [LibraryImport("libc", EntryPoint = "mmap")]
    private static partial nint Map(nint address, nint lengthBytes, int protection, int flags, int file, long position);

    [LibraryImport("libc", EntryPoint = "munmap")]
    private static partial int Unmap(nint address, nint lengthBytes);

    private static MeterListener ThrowingListener(KestrelHost host)
    {
        var factory = host.App.Services.GetRequiredService<IMeterFactory>();
        var listener = new MeterListener
        {
            InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Meter.Name == SendFileMeter.Name && ReferenceEquals(instrument.Meter.Scope, factory))
                    listener.EnableMeasurementEvents(instrument);
            },
        };
        listener.SetMeasurementEventCallback<long>(
            (_, _, _, _) => throw new InvalidOperationException("Meant by the test.")
        );
        listener.Start();
        return listener;
    }

    private sealed class ThrowingLogger : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => throw new InvalidOperationException("Meant by the test.");

        public void Log<TState>(
            LogLevel logLevel,
            EventId eventId,
            TState state,
            Exception? exception,
            Func<TState, Exception?, string> formatter
        ) => throw new InvalidOperationException("Meant by the test.");
    }
}
