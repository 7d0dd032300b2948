using System.Reflection;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using System.Xml.XPath;
using Swashbuckle.AspNetCore.SwaggerGen;

namespace LogHttp.AspNetCore.Documentation;

/// <summary>
/// The XML comments of this assembly, which are the texts of the API's description. The compiler writes them into a
/// file beside the assembly. Without that file the description has no texts.
/// </summary>
internal static partial class XmlComments
{
    static readonly Lazy<XDocument> Document = new(Load);

    static readonly Lazy<Dictionary<string, XElement>> Members = new(static () =>
        Document.Value.Descendants("member").ToDictionary(static member => member.Attribute("name")!.Value)
    );

    /// <summary>Lets the generator take the texts of operations and schemas.</summary>
    public static void AddTo(SwaggerGenOptions options) =>
        options.IncludeXmlComments(static () =>
        {
            using var reader = Document.Value.CreateReader();
            return new XPathDocument(reader);
        });

    public static string SummaryOf(MemberInfo member) =>
        Find(member)?.Element("summary") is { } summary
            ? XmlCommentsTextHelper.Humanize(string.Concat(summary.Nodes())).Trim()
            : "";

    /// <summary>Returns the examples of a property or a constant, which can be several.</summary>
    public static IEnumerable<XElement> ExamplesOf(MemberInfo member) => Find(member)?.Elements("example") ?? [];

    static XElement? Find(MemberInfo member) =>
        Members.Value.GetValueOrDefault(XmlCommentsNodeNameHelper.GetMemberNameForFieldOrProperty(member));

    static XDocument Load()
    {
        var path = Path.Combine(AppContext.BaseDirectory, $"{typeof(XmlComments).Assembly.GetName().Name}.xml");
        if (!File.Exists(path))
            return new XDocument(new XElement("doc", new XElement("members")));
        var xml = WrappedLine().Replace(Indentation().Replace(File.ReadAllText(path), "\n"), " ");
        return XDocument.Parse(xml, LoadOptions.PreserveWhitespace);
    }

    [GeneratedRegex(@"[ \t]*\r?\n[ \t]*")]
    private static partial Regex Indentation();

    /// <summary>
    /// A line break within a paragraph or an item, and not after a tag. Comments end at 120 columns, and Swagger UI
    /// shows each line break.
    /// </summary>
    [GeneratedRegex(@"(?<![\n>])\n(?=[^\n-])")]
    private static partial Regex WrappedLine();
}
