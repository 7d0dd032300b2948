using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using Microsoft.AspNetCore.Mvc;

namespace LogHttp.AspNetCore.Fetching;

/// <summary>The parameters of a fetch, for the API's description. <see cref="FetchQuery"/> reads them.</summary>
internal interface IFetchParameters
{
    const string PlacePattern = "^([0-9]+|-[0-9]+|earliest|latest|@.+)$";

    /// <summary>
    /// The place to start at: an offset (that record, or the first one after it), `earliest`, `latest` (the end of the
    /// log), `-10` (ten offsets before the end), `@` and a time (the first record at that time or later), or `@-1h`
    /// (the same for a time before now).
    /// </summary>
    /// <example name="earliest" title="The first record">earliest</example>
    /// <example name="offset" title="An offset">42</example>
    /// <example name="latest" title="The end of the log">latest</example>
    /// <example name="last" title="The last ten">-10</example>
    /// <example name="time" title="A time">@2026-11-22T10:00:00Z</example>
    /// <example name="milliseconds" title="A time in Unix milliseconds">@1795341600000</example>
    /// <example name="ago" title="A time before now">@-1h</example>
    [FromRoute, RegularExpression(PlacePattern)]
    string Place { get; }

    /// <summary>
    /// The partition to read. Optional if the topic has one partition. With `key`: the only one to search. Without it,
    /// all of them are searched.
    /// </summary>
    /// <example>0</example>
    [Range(0, 1023)]
    int Partition { get; }

    /// <summary>
    /// The largest page in bytes, rounded down to a power of two from 4096 to 67108864. A larger record comes alone.
    /// With `key`: how many bytes of the log one request searches, 16777216 by default.
    /// </summary>
    /// <example>65536</example>
    [Range(typeof(long), "1", "9223372036854775807"), DefaultValue(1 << 20)]
    long MaxBytes { get; }

    /// <summary>
    /// The most records. With `key`: the most of those that have it. With `follow`: the response ends after so many.
    /// </summary>
    /// <example>10</example>
    [Range(typeof(long), "1", "9223372036854775807")]
    long Limit { get; }

    /// <summary>
    /// The place before which the read ends, in the form of `place`. A `Link` leads no further. `latest` is the end
    /// when the request arrives.
    /// </summary>
    /// <example>latest</example>
    [RegularExpression(PlacePattern)]
    string Until { get; }

    /// <summary>`values`: only the records' values, one a line.</summary>
    /// <example>values</example>
    [AllowedValues("values")]
    string View { get; }

    /// <summary>
    /// Only the records with this key. One request searches `maxBytes` of the log. An empty response may still have a
    /// `Link` to continue with.
    /// </summary>
    /// <example>user-7</example>
    string Key { get; }

    /// <summary>The same for a key of any bytes, as Base64. Not together with `key`.</summary>
    /// <example>AAEC/w==</example>
    string KeyBase64 { get; }

    /// <summary>
    /// With `key` and `partition`, as in `Link`: the offset at which the search continues in each partition. Leave it
    /// out when you begin.
    /// </summary>
    /// <example>43.7.0</example>
    [RegularExpression("^[0-9]+(\\.[0-9]+)*$")]
    string Search { get; }

    /// <summary>
    /// How long to wait if there are no records yet, or fewer than `minBytes`: `500ms`, `30s`, `2m`, at most
    /// `MaxWait`. After that time the response has the available records, or is 204.
    /// </summary>
    /// <example>30s</example>
    [RegularExpression("^([0-9]+(ms|s|m|h|d)|0)$")]
    string Wait { get; }

    /// <summary>With `wait`: the number of bytes to wait for.</summary>
    /// <example>1000</example>
    [Range(1, 64 << 20), DefaultValue(1)]
    int MinBytes { get; }

    /// <summary>
    /// With `wait`: distinguishes a long poll from the one before it, as in the `Link` of a 204. So caches do not
    /// return the same response twice.
    /// </summary>
    /// <example>1795370332</example>
    [Range(typeof(long), "0", "9007199254740992")]
    long Cursor { get; }

    /// <summary>
    /// `true`: the response does not end. It has each record as soon as it is visible, and sometimes an empty line. Do
    /// not try it on this page, which would wait for the end.
    /// </summary>
    /// <example>true</example>
    [AllowedValues("true")]
    string Follow { get; }
}

/// <summary>The parameters of one record, for the API's description.</summary>
internal interface IRecordParameters
{
    /// <summary>
    /// The record: its offset, `earliest`, `-1` (the last one), `@` and a time (the first record at that time or
    /// later), or `@-1h` (the same for a time before now).
    /// </summary>
    /// <example name="earliest" title="The first record">earliest</example>
    /// <example name="offset" title="An offset">42</example>
    /// <example name="last" title="The last one">-1</example>
    /// <example name="time" title="A time">@2026-11-22T10:00:00Z</example>
    /// <example name="milliseconds" title="A time in Unix milliseconds">@1795341600000</example>
    [FromRoute, RegularExpression(IFetchParameters.PlacePattern)]
    string Place { get; }

    /// <summary>The partition to read. Optional if the topic has one partition.</summary>
    /// <example>0</example>
    [Range(0, 1023)]
    int Partition { get; }
}

/// <summary>The parameter that pins a URL to one topic, for the API's description.</summary>
internal interface ITopicIdParameter
{
    /// <summary>
    /// The topic's id (`Log-Topic-Id`), as in `Link`. If the topic was deleted and created again, the response is 410
    /// instead of other records.
    /// </summary>
    /// <example>8f1d4c0a52b7e693</example>
    string V { get; }
}

/// <summary>
/// The headers about a response that the client has already, or wants a part of, for the API's description.
/// </summary>
internal interface IConditionHeaders
{
    /// <summary>
    /// One or more earlier `ETag`s. If the response has not changed, it is 304 without a body. Takes effect at an
    /// offset.
    /// </summary>
    /// <example>"8f1d4c0a52b7e693.42.45"</example>
    [FromHeader(Name = "If-None-Match")]
    string IfNoneMatch { get; }

    /// <summary>The bytes to send of a response that can never change. One range. Otherwise ignored.</summary>
    /// <example>bytes=0-1023</example>
    [FromHeader(Name = "Range")]
    string Range { get; }

    /// <summary>With `Range`: the `ETag` of the response. If it differs, the whole response is sent.</summary>
    /// <example>"8f1d4c0a52b7e693.42.45"</example>
    [FromHeader(Name = "If-Range")]
    string IfRange { get; }
}
