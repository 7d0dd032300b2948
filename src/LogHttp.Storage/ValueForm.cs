namespace LogHttp.Storage;

/// <summary>Which values a topic takes (api/PROTOCOL.md §5). A null, the absence of a value, is taken by all.</summary>
public enum ValueForm
{
    /// <summary>Any: JSON, text and bytes.</summary>
    Auto,

    /// <summary>JSON alone.</summary>
    Json,

    /// <summary>Text alone, which JSON strings are too.</summary>
    Text,

    /// <summary>Bytes alone.</summary>
    Bytes,
}

/// <summary>How forms are spelled in topic.json and over HTTP.</summary>
public static class ValueForms
{
    /// <summary>All of them, as they are spelled.</summary>
    public const string Grammar = "\"auto\", \"json\", \"text\" or \"bytes\"";

    /// <summary>How a form is spelled.</summary>
    public static string NameOf(ValueForm form) =>
        form switch
        {
            ValueForm.Auto => "auto",
            ValueForm.Json => "json",
            ValueForm.Text => "text",
            ValueForm.Bytes => "bytes",
            _ => throw new ArgumentOutOfRangeException(nameof(form), form, "No form of values."),
        };

    /// <summary>Reads a form as it is spelled, case and all.</summary>
    public static bool TryParse(string? name, out ValueForm form)
    {
        foreach (var known in Enum.GetValues<ValueForm>())
        {
            if (NameOf(known) == name)
            {
                form = known;
                return true;
            }
        }
        form = default;
        return false;
    }
}
