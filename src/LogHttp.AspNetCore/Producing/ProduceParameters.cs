using System.ComponentModel.DataAnnotations;
using Microsoft.AspNetCore.Mvc;

namespace LogHttp.AspNetCore.Producing;

/// <summary>The parameters of an append, for the API's description. <see cref="ProduceRequest"/> reads them.</summary>
internal interface IProduceParameters
{
    /// <summary>
    /// The partition to append to. Default: the key's (murmur2, as in Kafka's Java client). Records without a key go to
    /// one partition for each request, in turn.
    /// </summary>
    /// <example>0</example>
    [Range(0, 1023)]
    int Partition { get; }

    /// <summary>
    /// `lines`: each line of a text body is a record. `array`: each element of a JSON array is a record.
    /// </summary>
    /// <example>lines</example>
    [AllowedValues("lines", "array")]
    string Split { get; }

    /// <summary>
    /// What becomes of a text or JSON value that is not valid. `reject`: the request fails. `replace`: bytes that are
    /// not UTF-8 become U+FFFD. `base64`: the value is kept as bytes. Default: `reject`.
    /// </summary>
    /// <example>base64</example>
    [AllowedValues("reject", "replace", "base64")]
    string Invalid { get; }

    /// <summary>
    /// `true`: the server commits a body of lines, or an array, in batches as it comes, and reports each batch.
    /// </summary>
    /// <example>true</example>
    [AllowedValues("true")]
    string Stream { get; }

    /// <summary>
    /// With `stream=true`. `live`: each report is sent when its batch is committed. `end`: all reports are sent after
    /// the body. Default: `end` behind a proxy (`Via`, `Forwarded`, `X-Forwarded-*` or HTTP/1.0), else `live`.
    /// </summary>
    /// <example>end</example>
    [AllowedValues("live", "end")]
    string Reports { get; }

    /// <summary>The key of a single record. Not together with `Record-Key`.</summary>
    /// <example>user-7</example>
    string Key { get; }
}

/// <summary>The headers that describe a single record, for the API's description.</summary>
internal interface IRecordHeaders
{
    /// <summary>The key of a single record: UTF-8, or Latin-1 as browsers send it.</summary>
    /// <example>user-7</example>
    [FromHeader(Name = "Record-Key")]
    string Key { get; }

    /// <summary>
    /// The time of a single record: Unix milliseconds or an ISO time, at most an hour ahead. Default: the server's
    /// time.
    /// </summary>
    /// <example>2026-11-22T10:00:00Z</example>
    [FromHeader(Name = "Record-Timestamp")]
    string Timestamp { get; }

    /// <summary>
    /// A header of a single record. `trace` stands for any name: `Record-Header-&lt;name&gt;` becomes the record's
    /// header `&lt;name&gt;`. It may be repeated.
    /// </summary>
    /// <example>9f</example>
    [FromHeader(Name = "Record-Header-trace")]
    string Header { get; }
}

/// <summary>The headers of a CloudEvent in binary mode, for the API's description.</summary>
internal interface ICloudEventHeaders
{
    /// <summary>
    /// The event's id. With it, the request is a CloudEvent in binary mode, and has the three other headers too. Each
    /// header `ce-&lt;name&gt;` becomes a header of the record. Values are percent-decoded.
    /// </summary>
    /// <example>1234-1234-1234</example>
    [FromHeader(Name = "ce-id")]
    string Id { get; }

    /// <summary>The event's source.</summary>
    /// <example>/mycontext/subcontext</example>
    [FromHeader(Name = "ce-source")]
    string Source { get; }

    /// <summary>The event's type.</summary>
    /// <example>com.example.someevent</example>
    [FromHeader(Name = "ce-type")]
    string Type { get; }

    /// <summary>The version of CloudEvents.</summary>
    /// <example>1.0</example>
    [FromHeader(Name = "ce-specversion"), AllowedValues("1.0")]
    string SpecVersion { get; }
}

/// <summary>The headers of every append, for the API's description.</summary>
internal interface IAppendHeaders
{
    /// <summary>The compression of the body.</summary>
    /// <example>gzip</example>
    [FromHeader(Name = "Content-Encoding"), AllowedValues("gzip", "br", "zstd", "deflate")]
    string ContentEncoding { get; }

    /// <summary>
    /// The producer's name, 1 to 256 visible ASCII characters. With `Producer-Epoch` and `Producer-Seq` a repeated
    /// request is appended once. All its records go to one partition: the one given, the key's, or that of this id.
    /// </summary>
    /// <example>sensor-7</example>
    [FromHeader(Name = "Producer-Id")]
    string ProducerId { get; }

    /// <summary>
    /// Starts at 0. A producer that starts again sends a higher epoch. Requests with a lower epoch are rejected from
    /// then on.
    /// </summary>
    /// <example>0</example>
    [FromHeader(Name = "Producer-Epoch")]
    string ProducerEpoch { get; }

    /// <summary>
    /// The sequence of the first record: the number of records that the producer sent to that partition before, in that
    /// epoch. The next batch continues at this number plus the number of records.
    /// </summary>
    /// <example>0</example>
    [FromHeader(Name = "Producer-Seq")]
    string ProducerSequence { get; }

    /// <summary>
    /// A name for this request, as text or in quotes, 1 to 256 characters. The same request with the same key is
    /// appended once. Its records may go to any number of partitions. Not together with `Producer-Id`.
    /// </summary>
    /// <example>"order-4711"</example>
    [FromHeader(Name = "Idempotency-Key")]
    string IdempotencyKey { get; }

    /// <summary>
    /// The offset that the first record must get, in quotes. If the topic has several partitions, `partition` is
    /// required. `"0"`: append only to a log that never had a record.
    /// </summary>
    /// <example>"42"</example>
    [FromHeader(Name = "If-Match")]
    string IfMatch { get; }
}
