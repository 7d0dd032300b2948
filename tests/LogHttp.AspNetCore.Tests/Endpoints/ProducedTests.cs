using System.Text;
using System.Text.Json;
using LogHttp.AspNetCore.Endpoints;
using LogHttp.Storage;

namespace LogHttp.AspNetCore.Tests.Endpoints;

public sealed class ProducedTests
{
    [Theory]
    [InlineData(1, 0, 0L, 1, 0L, 0)]
    [InlineData(TopicName.MaxLength, int.MaxValue, long.MaxValue, int.MaxValue, long.MaxValue, int.MaxValue)]
    public void Write_AnyNumbers_IsTheSerializersText(
        int nameLength,
        int partition,
        long offset,
        int count,
        long timestamp,
        int invalid
    )
    {
        var produced = new Produced(new string('t', nameLength), partition, offset, count, timestamp)
        {
            Invalid = invalid > 0 ? invalid : null,
        };

        var written = Produced.Write(new byte[512], produced.Topic, partition, offset, count, timestamp, invalid);

        Assert.Equal(
            JsonSerializer.Serialize(produced, ResponseJson.Readable.Produced) + "\n",
            Encoding.UTF8.GetString(written.Span)
        );
    }
}
