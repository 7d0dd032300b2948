using LogHttp.AspNetCore.Contract;

namespace LogHttp.AspNetCore.Producing;

/// <summary>Takes lines, without their line feeds. For one thread.</summary>
internal sealed class LineCutter : RecordCutter
{
    public override Problem At(Problem problem, long number) => problem.AtLine(number);

    public override bool TryTake(ref ReadOnlySpan<byte> rest, out ReadOnlySpan<byte> line)
    {
        Forget();
        var end = rest.IndexOf((byte)'\n');
        if (end < 0)
        {
            Carry(rest);
            rest = line = default;
            return false;
        }
        line = Complete(rest[..end]);
        rest = rest[(end + 1)..];
        return true;
    }

    /// <summary>Returns the end of the body, if it has no line feed.</summary>
    public override bool TryTakeLast(out ReadOnlySpan<byte> line)
    {
        Forget();
        line = Complete([]);
        return !line.IsEmpty;
    }
}
