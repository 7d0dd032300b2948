using System.ComponentModel.DataAnnotations;
using LogHttp.AspNetCore.Fetching;
using Microsoft.AspNetCore.Mvc;

namespace LogHttp.AspNetCore.Following;

/// <summary>The topics of a stream, for the API's description.</summary>
internal interface IStreamParameters
{
    /// <summary>
    /// The topics or partitions to follow, separated by commas. Each may have a place. Default: the end. The id of an
    /// event is such a value: send it to continue after that event.
    /// </summary>
    /// <example>orders,clicks/0:earliest,audit:@2026-11-22T00:00:00Z</example>
    [Required]
    string Topics { get; }

    /// <summary>The number of records after which the response ends.</summary>
    /// <example>10</example>
    [Range(typeof(long), "1", "9223372036854775807")]
    long Limit { get; }

    /// <summary>
    /// The place before which the response ends, in every partition. `latest` is the end when the request arrives. An
    /// offset goes with one partition.
    /// </summary>
    /// <example>latest</example>
    [RegularExpression(IFetchParameters.PlacePattern)]
    string Until { get; }
}

/// <summary>
/// The position to resume at, for the API's description. <see cref="StreamPositions"/> reads it.
/// </summary>
internal interface IResumeParameters
{
    /// <summary>The same as the header `Last-Event-ID`. If both are sent, the header counts.</summary>
    /// <example>orders/0/8f1d4c0a52b7e693:43</example>
    string LastEventId { get; }

    /// <summary>
    /// The id of the last event received. The response continues after it and ignores the place. Browsers send this
    /// header by themselves.
    /// </summary>
    /// <example>orders/0/8f1d4c0a52b7e693:43</example>
    [FromHeader(Name = "Last-Event-ID")]
    string LastEventIdHeader { get; }
}
