namespace LogHttp.AspNetCore.Contract;

/// <summary>
/// Puts a handler into the API's description. Its texts are the XML comments of the handler.
/// </summary>
/// <param name="id">
/// The operation's name in generated clients. Not an endpoint name: those have to be unique in the app, which may have
/// a "health" of its own.
/// </param>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class OperationAttribute(string id) : Attribute
{
    public string Id => id;
}

/// <summary>
/// The parameters of an operation, as properties of interfaces. Handlers read the query and the headers themselves, so
/// their signatures do not have them.
/// </summary>
/// <param name="groups">
/// Interfaces that nobody implements. A property without <c>[FromRoute]</c> or <c>[FromHeader]</c> is in the query.
/// </param>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class ParametersAttribute(params Type[] groups) : Attribute
{
    public Type[] Groups => groups;
}

/// <summary>
/// A form of an operation's body. Not <c>Accepts</c>: it makes the framework reject other media types.
/// </summary>
/// <param name="type">The type that has the body's schema.</param>
/// <param name="mediaTypes">The media types of this form.</param>
[AttributeUsage(AttributeTargets.Method, AllowMultiple = true)]
internal sealed class RequestBodyAttribute(Type type, params string[] mediaTypes) : Attribute
{
    public Type Type => type;

    public string[] MediaTypes => mediaTypes;

    /// <summary>The description of the body in all its forms. Given once.</summary>
    public string? Description { get; init; }

    public bool IsRequired { get; init; }
}

/// <summary>Headers of an operation's responses, or of a problem.</summary>
/// <param name="names">Keys of <c>Documentation/Headers.cs</c>, separated by spaces.</param>
/// <param name="statuses">The responses that have all of these headers. None for a problem.</param>
[AttributeUsage(AttributeTargets.Method | AttributeTargets.Property, AllowMultiple = true)]
internal sealed class ResponseHeadersAttribute(string names, params int[] statuses) : Attribute
{
    /// <summary>The headers about offsets.</summary>
    public const string Offsets =
        $"{LogHeaders.TopicId} {LogHeaders.FirstOffset} {LogHeaders.NextOffset} {LogHeaders.EndOffset} "
        + LogHeaders.EarliestOffset;

    public string[] Names => names.Split(' ');

    public int[] Statuses => statuses;
}

/// <summary>
/// The problems that an operation can respond with, besides those of every operation (<c>OperationFilter</c>).
/// </summary>
/// <param name="names">Names of <c>Documentation/ProblemExamples.cs</c> in snake case, separated by spaces.</param>
[AttributeUsage(AttributeTargets.Method, AllowMultiple = true)]
internal sealed class FailsWithAttribute(string names) : Attribute
{
    /// <summary>The problems of every append.</summary>
    public const string Appends =
        "invalid_topic invalid_parameter invalid_key invalid_header invalid_producer partition_required epoch_ended "
        + "sequence_gap sequence_forgotten batch_differs invalid_idempotency_key idempotency_key_reused "
        + "offset_not_next topic_condition_failed invalid_timestamp "
        + "invalid_value invalid_record invalid_json invalid_utf8 invalid_cloudevent no_records incomplete_body "
        + "invalid_encoding "
        + "unknown_topic unknown_partition body_timeout slow_body record_too_large batch_too_large body_too_large "
        + "unsupported_media_type unsupported_transfer_coding too_many_topics storage_error internal_error overloaded "
        + "write_failed partition_stopped topic_changed topic_damaged log_closed disk_full idempotency_table_full";

    /// <summary>The problems of every change of a topic.</summary>
    public const string TopicChanges =
        "invalid_topic invalid_parameter storage_error internal_error log_closed disk_full topic_condition_failed";

    /// <summary>The problems of every body with a configuration.</summary>
    public const string Configurations =
        $"{TopicChanges} invalid_configuration incomplete_body body_timeout slow_body body_too_large "
        + "unsupported_media_type unsupported_transfer_coding overloaded topic_damaged";

    public string[] Names => names.Split(' ');
}
