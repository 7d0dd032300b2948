namespace LogHttp.Storage;

/// <summary>The form of the values that a topic takes (api/PROTOCOL.md §5). Every topic takes null, no value.</summary>
public enum ValueForm
{
    /// <summary>Any: JSON, text and bytes.</summary>
    Auto,

    /// <summary>JSON alone.</summary>
    Json,

    /// <summary>Text alone. JSON strings are text too.</summary>
    Text,

    /// <summary>Bytes alone.</summary>
    Bytes,
}

/// <summary>The names of the forms in topic.json and over HTTP.</summary>
public static class ValueForms
{
    /// <summary>All names, as text for people.</summary>
    public const string Grammar = "\"auto\", \"json\", \"text\" or \"bytes\"";

    /// <summary>Returns the name of a form.</summary>
    public static string NameOf(ValueForm form) =>
        form switch
        {
            ValueForm.Auto => "auto",
            ValueForm.Json => "json",
            ValueForm.Text => "text",
            ValueForm.Bytes => "bytes",
            _ => throw new ArgumentOutOfRangeException(nameof(form), form, "No form of values."),
        };

    /// <summary>Reads the name of a form. Case matters.</summary>
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
