using System.IO.Pipelines;
using System.Text;
using System.Text.Json;
using LogHttp.AspNetCore.Producing;
using Microsoft.AspNetCore.Http.Features;

namespace LogHttp.AspNetCore.Tests.Producing;

public class StreamReportsTests
{
    const int Batches = 5_000;

    [Fact]
    public async Task Add_SlowReader_MergesReportsWithoutBlocking()
    {
        // Its reader takes nothing until all reports are written.
        var answer = new Pipe(new PipeOptions(pauseWriterThreshold: 100, resumeWriterThreshold: 50));
        var context = new DefaultHttpContext();
        context.Features.Set<IHttpResponseBodyFeature>(new AnswerBody(answer.Writer));
        var reports = new StreamReports(context.Response, sendAtEnd: false);
        for (var batch = 0; batch < Batches; batch++)
        {
            for (var partition = 0; partition < 2; partition++)
                reports.Add(new StreamReport(batch * 10 + 1, batch * 10 + 10, partition, batch * 5, 5), mayMerge: true);
        }
        var ending = reports.EndAsync(new StreamSummary(true, Batches * 10, Batches * 10));
        Assert.False(ending.IsCompleted);
        var reading = new StreamReader(answer.Reader.AsStream(), Encoding.UTF8).ReadToEndAsync();
        await ending;
        await answer.Writer.CompleteAsync();
        var lines = (await reading)
            .Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => JsonDocument.Parse(line).RootElement)
            .ToList();
        Assert.InRange(lines.Count, 1_000, 1_010);
        foreach (var partition in new[] { 0, 1 })
        {
            var ofPartition = lines
                .SkipLast(1)
                .Where(line => line.GetProperty("partition").GetInt32() == partition)
                .ToList();
            Assert.Equal(Batches * 5, ofPartition.Sum(line => line.GetProperty("count").GetInt32()));
            Assert.Equal(
                Batches,
                ofPartition.Sum(line => line.TryGetProperty("batches", out var batches) ? batches.GetInt32() : 1)
            );
            Assert.Equal(
                ofPartition.Skip(1).Select(line => line.GetProperty("firstLine").GetInt32() - 1),
                ofPartition.SkipLast(1).Select(line => line.GetProperty("lastLine").GetInt32())
            );
        }
        Assert.True(lines[^1].GetProperty("done").GetBoolean());
    }

    [Fact]
    public async Task Add_SendAtEnd_SendsNothingBeforeEnd()
    {
        var answer = new Pipe(new PipeOptions(pauseWriterThreshold: 0));
        var context = new DefaultHttpContext();
        context.Features.Set<IHttpResponseBodyFeature>(new AnswerBody(answer.Writer));
        var reports = new StreamReports(context.Response, sendAtEnd: true);
        for (var batch = 0; batch < Batches; batch++)
            reports.Add(new StreamReport(batch + 1, batch + 1, 0, batch, 1), mayMerge: true);
        Assert.False(answer.Reader.TryRead(out _));
        await reports.EndAsync(new StreamSummary(true, Batches, Batches));
        await answer.Writer.CompleteAsync();
        var lines = (await new StreamReader(answer.Reader.AsStream()).ReadToEndAsync())
            .Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => JsonDocument.Parse(line).RootElement)
            .ToList();
        Assert.Equal(
            (1_001, Batches),
            (lines.Count, lines.SkipLast(1).Sum(line => line.GetProperty("count").GetInt32()))
        );
    }

    sealed class AnswerBody(PipeWriter writer) : IHttpResponseBodyFeature
    {
        public Stream Stream => writer.AsStream();

        public PipeWriter Writer => writer;

        public void DisableBuffering() { }

        public Task StartAsync(CancellationToken cancellationToken = default) => Task.CompletedTask;

        public Task SendFileAsync(
            string path,
            long offset,
            long? count,
            CancellationToken cancellationToken = default
        ) => throw new NotSupportedException();

        public Task CompleteAsync() => Task.CompletedTask;
    }
}
