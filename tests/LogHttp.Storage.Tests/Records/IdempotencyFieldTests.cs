using System.Text;
using CsCheck;
using LogHttp.Storage.Records;

namespace LogHttp.Storage.Tests.Records;

public class IdempotencyFieldTests
{
    static readonly Gen<string> Keys = Gen.Char[' ', '~']
        .Array[1, IdempotencyStamp.MaxKeyLength]
        .Select(static letters => new string(letters));

    [Fact]
    public void Write_AnyStamp_IsReadBack() =>
        Gen.Select(Keys, Gen.Int[1, int.MaxValue], Gen.ULong, Gen.ULong, Gen.Long[0, RecordFormat.MaxTimestampMs])
            .Sample(
                (key, partitions, upper, lower, timestampMs) =>
                {
                    var stamp = new IdempotencyStamp(key, partitions, new UInt128(upper, lower));
                    foreach (var own in new long?[] { null, timestampMs })
                    {
                        var field = new byte[IdempotencyField.MaxBytes(key)];
                        var length = IdempotencyField.Write(field, stamp, own);
                        byte[] line =
                        [
                            .. "{\"offset\":1,\"timestamp\":2"u8,
                            .. field.AsSpan(0, length),
                            .. ",\"value\":1}\n"u8,
                        ];
                        Assert.Null(RecordFormat.Check(line, out _, out var batch));
                        Assert.Equal((stamp, own), (batch.Stamp!.Idempotency, batch.Stamp.TimestampMs));
                        Assert.True(RecordFormat.TryRead(line, out var view));
                        Assert.Equal("1"u8, view.Value);
                    }
                }
            );

    [Theory]
    [InlineData("")]
    [InlineData("1f")]
    [InlineData("0:00000000000000000000000000000001")]
    [InlineData("-1:00000000000000000000000000000001")]
    [InlineData("+1:00000000000000000000000000000001")]
    [InlineData("1:0000000000000000000000000000000A")]
    [InlineData("1:0000000000000000000000000000001")]
    [InlineData("1:00000000000000000000000000000001:")]
    [InlineData("1:00000000000000000000000000000001:-1")]
    [InlineData("1:00000000000000000000000000000001:9007199254740992")]
    [InlineData("1:00000000000000000000000000000001:1:1")]
    public void Check_OtherHash_IsValidWithoutKey(string hash)
    {
        var line = Encoding.ASCII.GetBytes(
            $"{{\"offset\":1,\"timestamp\":2,\"idempotency\":[\"k\",\"{hash}\"],\"value\":1}}\n"
        );
        Assert.Null(RecordFormat.Check(line, out _, out var batch));
        Assert.Equal((null, true), (batch.Stamp, batch.Any));
    }

    [Theory]
    [InlineData("[\"k\"]")]
    [InlineData("[\"k\",1]")]
    [InlineData("[\"k\",\"1f\",1]")]
    [InlineData("{\"k\":\"1f\"}")]
    public void Check_OtherForm_IsFault(string value) =>
        Assert.NotNull(
            RecordFormat.Check(
                Encoding.ASCII.GetBytes($"{{\"offset\":1,\"timestamp\":2,\"idempotency\":{value},\"value\":1}}\n"),
                out _,
                out _
            )
        );
}
