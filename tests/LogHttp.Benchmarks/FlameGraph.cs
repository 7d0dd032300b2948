using System.Globalization;
using System.Net;
using System.Text;
using System.Text.RegularExpressions;

namespace LogHttp.Benchmarks;

/// <summary>
/// Draws the stacks of <c>perf script -F ip,sym</c>: a box for each call, above its caller, as wide as the share of
/// samples in which it was on the stack. Boxes narrower than half a percent are left out. Functions of libc keep no
/// frame pointer, so that the calls from them stand on the ground.
/// </summary>
static partial class FlameGraph
{
    const double LeastShare = 0.005;
    const int WidthPixels = 1200;
    const int RowPixels = 15;
    const double CharacterPixels = 5.6;

    sealed class Frame(string name, string kind)
    {
        public string Name => name;
        public string Kind => kind;
        public int Samples { get; set; }
        public SortedDictionary<string, Frame> Calls { get; } = new(StringComparer.Ordinal);
    }

    public static void Draw(string stacksPath, string picturePath, string title)
    {
        var root = Read(File.ReadLines(stacksPath));
        if (root.Samples == 0)
            throw new IOException($"{stacksPath} has no samples.");
        var (boxes, rows) = (new StringBuilder(), 0);
        Add(boxes, root, root.Samples, 0, 0, ref rows);
        var height = (rows + 3) * RowPixels;
        File.WriteAllText(
            picturePath,
            string.Create(
                CultureInfo.InvariantCulture,
                $$"""
                <svg xmlns="http://www.w3.org/2000/svg" width="{{WidthPixels}}" height="{{height}}" viewBox="0 0 {{WidthPixels}} {{height}}">
                <style>text{font:10px monospace;pointer-events:none}rect{stroke:#fff;stroke-width:.5}.k{fill:#f4a582}.m{fill:#a6dba0}.n{fill:#92c5de}</style>
                <rect width="100%" height="100%" fill="#fff"/><text x="4" y="12">{{WebUtility.HtmlEncode(
                    title
                )}}, {{root.Samples}} samples; orange: kernel, green: .NET, blue: the runtime and libc</text>
                <g transform="translate(0,{{height - RowPixels}})">
                {{boxes}}</g></svg>
                """
            )
        );
    }

    static Frame Read(IEnumerable<string> lines)
    {
        var root = new Frame("all", "n");
        var stack = new List<(string Name, string Kind)>();
        foreach (var line in lines.Append(""))
        {
            var words = line.TrimStart().Split(' ', 2);
            if (words.Length == 2 && char.IsWhiteSpace(line[0]))
            {
                // The innermost frame comes first. A frame without a name is part of its caller.
                if (words[1] != "[unknown]")
                    stack.Add((Shorten(words[1]), KindOf(words[0], words[1])));
                continue;
            }
            if (line.Length > 0 || stack.Count == 0)
                continue;
            var frame = root;
            root.Samples++;
            for (var i = stack.Count - 1; i >= 0; i--)
            {
                var (name, kind) = stack[i];
                if (!frame.Calls.TryGetValue(name, out var call))
                    frame.Calls.Add(name, call = new(name, kind));
                call.Samples++;
                frame = call;
            }
            stack.Clear();
        }
        return root;
    }

    static void Add(StringBuilder boxes, Frame frame, int all, int before, int row, ref int rows)
    {
        rows = Math.Max(rows, row + 1);
        var (x, width, y) = (
            (double)before / all * WidthPixels,
            (double)frame.Samples / all * WidthPixels,
            -row * RowPixels
        );
        var letters = (int)(width / CharacterPixels) - 1;
        var text =
            letters < 3 ? ""
            : frame.Name.Length <= letters ? frame.Name
            : frame.Name[..(letters - 1)] + "…";
        boxes.Append(
            CultureInfo.InvariantCulture,
            $"<g><title>{WebUtility.HtmlEncode(frame.Name)} {100.0 * frame.Samples / all:0.0} %</title><rect "
                + $"class=\"{frame.Kind}\" x=\"{x:0.#}\" y=\"{y - RowPixels + 3}\" width=\"{width:0.#}\" "
                + $"height=\"{RowPixels}\"/>"
        );
        if (text.Length > 0)
            boxes.Append(
                CultureInfo.InvariantCulture,
                $"<text x=\"{x + 2:0.#}\" y=\"{y - 1}\">{WebUtility.HtmlEncode(text)}</text>"
            );
        boxes.Append("</g>\n");
        foreach (var call in frame.Calls.Values)
        {
            if (call.Samples >= all * LeastShare)
                Add(boxes, call, all, before, row + 1, ref rows);
            before += call.Samples;
        }
    }

    /// <summary>
    /// Kernel addresses are the upper half. The runtime's map names managed code with a type and "::".
    /// </summary>
    static string KindOf(string address, string name) =>
        address.Length == 16 && address[0] == 'f' ? "k"
        : name.Contains("::", StringComparison.Ordinal) && name.Contains('[') ? "m"
        : "n";

    /// <summary>Removes the assembly, the framework's namespaces, the parameters and the tier of compilation.</summary>
    static string Shorten(string name)
    {
        name = Compiled().Replace(name, "");
        if (!name.Contains("::", StringComparison.Ordinal))
            return name;
        var parameters = name.IndexOf('(', StringComparison.Ordinal);
        return Namespace().Replace(Before().Replace(parameters > 0 ? name[..parameters] : name, ""), "$1");
    }

    [GeneratedRegex(@"\[(Optimized|Tier|PreJIT|Instr|QuickJit|MinOpt)[^\]]*\]$")]
    private static partial Regex Compiled();

    [GeneratedRegex(@"^.*\[[^\]]+\] |^(instance |void |class |valuetype |bool |int32 |int64 |native )+")]
    private static partial Regex Before();

    [GeneratedRegex(@"^(?:[A-Za-z_]\w*\.)+([A-Za-z_<])")]
    private static partial Regex Namespace();
}
