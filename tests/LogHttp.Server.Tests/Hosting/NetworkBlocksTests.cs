using LogHttp.Server.Hosting;

namespace LogHttp.Server.Tests.Hosting;

public class NetworkBlocksTests
{
    [Fact]
    public void ABlockThatWasGivenBack_IsTheNextOne()
    {
        using var blocks = new NetworkBlocks().Create();
        var first = blocks.Rent();
        var second = blocks.Rent(blocks.MaxBufferSize);
        Assert.Equal((blocks.MaxBufferSize, blocks.MaxBufferSize), (first.Memory.Length, second.Memory.Length));
        first.Dispose();
        using var third = blocks.Rent(1);
        Assert.Same(first, third);
        second.Dispose();
    }

    [Fact]
    public void MoreThanABlock_IsRefused()
    {
        using var blocks = new NetworkBlocks().Create();
        Assert.Throws<ArgumentOutOfRangeException>(() => blocks.Rent(blocks.MaxBufferSize + 1));
    }

    [Fact]
    public void ABlockGivenBackTwice_ServesOne()
    {
        using var blocks = new NetworkBlocks().Create();
        var first = blocks.Rent();
        first.Dispose();
        first.Dispose();
        using var second = blocks.Rent();
        using var third = blocks.Rent();
        Assert.NotSame(second, third);
    }
}
