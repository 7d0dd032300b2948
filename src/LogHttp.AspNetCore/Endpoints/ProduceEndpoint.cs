using System.Globalization;
using LogHttp.AspNetCore.Confluent;
using LogHttp.AspNetCore.Contract;
using LogHttp.AspNetCore.Producing;
using LogHttp.AspNetCore.Settings;
using LogHttp.AspNetCore.Threads;
using LogHttp.Storage;
using LogHttp.Storage.Appending;
using LogHttp.Storage.Logs;
using LogHttp.Storage.Topics;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Extensions.Options;

namespace LogHttp.AspNetCore.Endpoints;

/// <summary>
/// <c>POST /topics/{topic}</c>: appends the records of the body, in one batch for each partition. Each batch is
/// appended whole or not at all (api/PROTOCOL.md §2).
/// </summary>
internal static class ProduceEndpoint
{
    /// <summary>The largest body of one record that is checked on the thread that receives it.</summary>
    const int MaxInlineBytes = 64 << 10;

    /// <summary>
    /// The largest body of lines. A body of 64 KiB can have 65,536 records, which take 9 ms.
    /// </summary>
    const int MaxInlineLinesBytes = 4 << 10;

    /// <summary>Whether a request is short work, if its topic exists.</summary>
    public static bool MayRunInline(HttpRequest request) =>
        request.ContentLength <= MaxInlineBytes
        && (request.ContentLength <= MaxInlineLinesBytes || !HoldsManyRecords(request))
        && request.Headers.ContentEncoding.Count == 0
        && !(request.QueryString.HasValue && request.Query.ContainsKey("stream"))
        && !ConfluentType.IsOf(request);

    /// <summary>Append records</summary>
    /// <remarks>
    /// Appends the records of the body. One request is one batch in each partition it goes to: all of its records there
    /// are appended, next to each other, or none.
    ///
    /// The server responds when the topic's flush policy is satisfied. With `always` that is when the records are
    /// durable. It creates a missing topic, unless `AutoCreateTopics` is off.
    ///
    /// The `Content-Type` decides how the body is read:
    ///
    /// - `application/json`, any `…+json`: one record, a JSON value, kept as it came. With `?split=array` the elements of
    ///   an array, each kept as it came
    /// - `application/x-ndjson`, `application/ndjson`, `application/jsonl`, `application/x-jsonlines`: one JSON value a
    ///   line. Blank lines are skipped
    /// - `text/plain`, any `text/…`: one record, the text. With `?split=lines` one a line
    /// - `application/vnd.loghttp.records+ndjson`: one record a line, as an object. The response of a fetch is such a
    ///   body
    /// - `application/x-www-form-urlencoded` (from `curl -d`): one record, JSON if it is an object or an array, else
    ///   the body as text
    /// - `application/cloudevents+json`: one record, a CloudEvent. `application/cloudevents-batch+json`: an array of them.
    ///   Their attributes become headers of the records, such as `ce-type`. `partitionkey` is the key
    /// - any type with `ce-…` headers: one record, the data of a CloudEvent
    /// - `application/vnd.kafka.json.v2+json`, `application/vnd.kafka.binary.v2+json`: the records of a request to
    ///   Confluent's REST Proxy. Responses and problems have its form too
    /// - anything else, or none: one record, bytes, kept as Base64
    ///
    /// Other types are kept in the record's header `content-type`. Text and JSON are UTF-8.
    ///
    /// Send a body of lines, or an array, that is larger than a batch, or has no end, with `?stream=true`. The server commits it in
    /// batches as it comes, and reports the lines of each batch. If a producer numbers the records, send a broken
    /// stream again: each record is appended once.
    ///
    /// Bodies may be compressed: `Content-Encoding: gzip`, `br`, `zstd` or `deflate`.
    ///
    /// No response? Send the same request again, with the same `Producer-Id`, `Producer-Epoch` and `Producer-Seq`. The
    /// batch is appended once, and the retry returns 200 with its offset.
    /// </remarks>
    /// <response code="200">
    /// A repeat: the batch was appended before, at this offset. Nothing was appended now. With `stream=true`: a report
    /// for each committed batch, one a line, and a summary. For a body of the REST Proxy's types: the position of each
    /// record.
    /// </response>
    /// <response code="201">
    /// All records were appended. `Produced` if they went to one partition, `ProducedToMany` if they went to several.
    /// </response>
    /// <response code="207">
    /// Some partitions accepted their records and some did not, as in `results`. Send the records of the others again.
    /// </response>
    /// <response code="422">
    /// Only for a body of the REST Proxy's types. The JSON has no `records`, or a record has an unknown field or
    /// invalid Base64.
    /// </response>
    [Operation("produce"), Tags("Records")]
    [Parameters(
        typeof(ITopicPath),
        typeof(IProduceParameters),
        typeof(IRecordHeaders),
        typeof(ICloudEventHeaders),
        typeof(IAppendHeaders)
    )]
    [RequestBody(typeof(object), "application/json", IsRequired = true, Description = "The records.")]
    [RequestBody(typeof(object), MediaTypes.CloudEvent)]
    [RequestBody(typeof(object[]), MediaTypes.CloudEventBatch)]
    [RequestBody(typeof(string), "application/x-ndjson", "text/plain", MediaTypes.Records)]
    [RequestBody(typeof(string), "application/x-www-form-urlencoded")]
    [RequestBody(typeof(ConfluentJsonRequest), ConfluentType.Json)]
    [RequestBody(typeof(ConfluentBinaryRequest), ConfluentType.Binary)]
    [RequestBody(typeof(Stream), "application/octet-stream")]
    [ProducesResponseType<string>(200, "application/x-ndjson")]
    [ProducesResponseType<Produced>(200)]
    [ProducesResponseType<Produced>(201)]
    [ProducesResponseType<ProducedToMany>(201)]
    [ProducesResponseType<ProducedToMany>(207)]
    [ProducesResponseType<ConfluentOffsets>(200, ConfluentType.Response)]
    [ProducesResponseType<ConfluentError>(422, ConfluentType.Response)]
    [ResponseHeaders("Location", 200, 201)]
    [ResponseHeaders("No-Store", 200, 422)]
    [ResponseHeaders("X-Accel-Buffering", 200)]
    [FailsWith(FailsWithAttribute.Appends)]
    public static async Task<IResult> HandleAsync(
        HttpContext context,
        string topic,
        TopicCatalog catalog,
        StorageOptions options,
        BodyBudget budget,
        TimeProvider time,
        IOptions<LogHttpSettings> settings,
        IHostApplicationLifetime lifetime
    )
    {
        if (ConfluentType.IsOf(context.Request))
            return await ConfluentEndpoint.HandleAsync(
                context,
                topic,
                partition: null,
                catalog,
                options,
                budget,
                time,
                settings.Value
            );
        if (TopicName.Check(topic) is { } fault)
            return Problems.InvalidRequest("invalid_topic", fault);
        if (!ProduceRequest.TryRead(context.Request, time, out var request, out var problem))
            return problem;
        var found = catalog.Find(topic);
        if (found is null && TopicAppend.CheckCreation(topic, settings.Value) is { } creationProblem)
            return creationProblem;

        if (found is not null && Preconditions.RequiresAbsence(context.Request))
            return Problems.TopicConditionFailed(topic, exists: true);

        if (request.IsStream)
        {
            await using var stream = new ProduceStream(
                context,
                topic,
                request,
                found,
                catalog,
                options,
                budget,
                settings.Value,
                time,
                lifetime.ApplicationStopping
            );
            return await stream.RunAsync() is { } streamProblem
                ? TopicAppend.Refused(context, streamProblem)
                : Results.Empty;
        }

        // The body of a request that will be rejected is not read. Kestrel discards it.
        if (found is not null && CheckRoom(found, request) is { } overloaded)
            return Problems.Of(overloaded);

        // The body is read first, so that a rejected request creates no topic.
        var configuration = found?.Configuration ?? options.TopicDefaults;
        using var batch = new PartitionedBatch(
            configuration,
            options.Records,
            request.Partition,
            request.Producer,
            // Not a lambda: what it captures is allocated at the start of the method, by every request.
            found is null
                ? FirstPartition
                : found.ChoosePartition,
            ExpectedBytes(request, options)
        );
        using (
            var body = new BodyReader(request.OpenBody(budget, settings.Value.MaxBodyBytes), budget, context)
            {
                Batch = batch,
            }
        )
        {
            if (await request.ReadIntoAsync(batch, body) is { } bodyProblem)
                return bodyProblem;
        }
        // From here on the batch counts as being appended (MaxAppendingBytes), and not as being read.
        if (TopicAppend.CheckConditions(request, request.Partition, batch) is { } conditionProblem)
            return conditionProblem;
        if (found is null)
        {
            await ReceivingThread.LeaveAsync();
            found = (await catalog.GetOrCreateAsync(topic)).Topic;
        }
        if (!batch.IsFor(found.Configuration))
            return Problems.TopicChanged();
        var results = await TopicAppend.AppendAsync(found, batch.Take(), request.ExpectedNextOffset);
        var invalidCount = batch.InvalidCount;
        if (results[0].Append.Status == AppendStatus.Appended)
            InvalidValues.Count(request.Invalid, invalidCount);
        return ToResponse(context, topic, results, invalidCount);
    }

    static bool HoldsManyRecords(HttpRequest request) =>
        !BodyType.TryRead(request, out var bodyType, out _) || bodyType.HoldsManyRecords;

    static int FirstPartition() => 0;

    /// <summary>Checks whether the partition, if it is known, has room for the announced bytes.</summary>
    static AppendResult? CheckRoom(Topic topic, ProduceRequest request) =>
        (topic.Partitions.Length == 1 ? 0 : request.Partition) is { } partition && partition < topic.Partitions.Length
            ? topic.Partitions[partition].CheckRoom(request.AnnouncedBytes)
            : null;

    /// <summary>
    /// A batch takes a quarter more than it expects, in powers of two. So at most four fifths of the allowed size are
    /// expected.
    /// </summary>
    static long ExpectedBytes(ProduceRequest request, StorageOptions options) =>
        Math.Min(request.AnnouncedBytes, options.Records.MaxBatchBytes / 5L * 4);

    static IResult ToResponse(HttpContext context, string topic, PartitionResult[] results, int invalidCount)
    {
        if (Array.TrueForAll(results, result => !result.IsIn))
            return TopicAppend.Refused(context, Problems.Of(results[0].Append));
        if (results is [var only])
        {
            context.Response.Headers.Location = string.Create(
                CultureInfo.InvariantCulture,
                $"{RelativeReference.PrefixOf(context.Request)}{topic}/{only.Append.FirstOffset}"
                    + $"?partition={only.Partition}"
            );
            var isRepeat = only.Append.Status == AppendStatus.Repeated;
            var produced = new Produced(
                topic,
                only.Partition,
                only.Append.FirstOffset,
                only.Count,
                only.Append.TimestampMs
            )
            {
                Invalid = invalidCount > 0 ? invalidCount : null,
            };
            return new JsonResponse<Produced>(
                isRepeat ? StatusCodes.Status200OK : StatusCodes.Status201Created,
                produced,
                ResponseJson.Readable.Produced
            );
        }
        var isWhole = Array.TrueForAll(results, result => result.Append.Status == AppendStatus.Appended);
        return new JsonResponse<ProducedToMany>(
            isWhole ? StatusCodes.Status201Created : StatusCodes.Status207MultiStatus,
            new ProducedToMany(
                topic,
                results.Sum(result => result.Append.Status == AppendStatus.Appended ? result.Count : 0),
                [.. results.Select(PartOf)]
            ),
            ResponseJson.Readable.ProducedToMany
        );
    }

    static ProducedPart PartOf(PartitionResult result)
    {
        var append = result.Append;
        if (append.Status == AppendStatus.Appended)
            return new ProducedPart(result.Partition, StatusCodes.Status201Created)
            {
                Offset = append.FirstOffset,
                Count = result.Count,
                Timestamp = append.TimestampMs,
            };
        var problem = Problems.Of(append);
        return new ProducedPart(result.Partition, problem.Status)
        {
            Code = problem.Code,
            Retryable = problem.IsRetryable,
            Detail = problem.Detail,
        };
    }
}

/// <summary>The position of records that were appended to one partition.</summary>
/// <param name="Topic">The topic.</param>
/// <param name="Partition">The partition.</param>
/// <param name="Offset">The first record's offset.</param>
/// <param name="Count">The number of records.</param>
/// <param name="Timestamp">The server's timestamp, in Unix milliseconds.</param>
internal sealed record Produced(string Topic, int Partition, long Offset, int Count, long Timestamp)
{
    /// <summary>The number of records whose values were not valid, and that `invalid` kept.</summary>
    public int? Invalid { get; init; }
}

/// <summary>The position of records that were appended to several partitions.</summary>
/// <param name="Topic">The topic.</param>
/// <param name="Count">The number of appended records.</param>
/// <param name="Results">The result of each partition, by its number.</param>
internal sealed record ProducedToMany(string Topic, int Count, ProducedPart[] Results);

/// <summary>The result of one partition's records.</summary>
/// <param name="Partition">The partition.</param>
/// <param name="Status">201, or the status of the problem.</param>
internal sealed record ProducedPart(int Partition, int Status)
{
    /// <summary>The first record's offset. Only with 201.</summary>
    public long? Offset { get; init; }

    /// <summary>The number of records. Only with 201.</summary>
    public int? Count { get; init; }

    /// <summary>The server's timestamp, in Unix milliseconds. Only with 201.</summary>
    public long? Timestamp { get; init; }

    /// <summary>The problem, for programs. Not with 201.</summary>
    public string? Code { get; init; }

    /// <summary>Whether the same records may be accepted later. Not with 201.</summary>
    public bool? Retryable { get; init; }

    /// <summary>The problem, for people. Not with 201.</summary>
    public string? Detail { get; init; }
}
