using System.Globalization;
using System.Text.Unicode;
using LogHttp.AspNetCore.Confluent;
using LogHttp.AspNetCore.Contract;
using LogHttp.AspNetCore.Producing;
using LogHttp.AspNetCore.Threads;
using LogHttp.Storage;
using LogHttp.Storage.Appending;
using LogHttp.Storage.Logs;
using Microsoft.AspNetCore.Mvc;

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

    /// <summary>The longest query that is read there. It is read once for each known parameter.</summary>
    const int MaxInlineQueryChars = 1 << 10;

    /// <summary>Whether a request is short work, if its topic exists.</summary>
    public static bool MayRunInline(HttpRequest request) =>
        request.ContentLength <= MaxInlineBytes
        && (request.ContentLength <= MaxInlineLinesBytes || !HoldsManyRecords(request))
        && request.Headers.ContentEncoding.Count == 0
        && request.QueryString.Value?.Length is not > MaxInlineQueryChars
        && !request.Parameters().Contains("stream")
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
    /// - `application/json`, any `…+json`: one record, a JSON value, kept as it came. With `?split=array` the elements
    ///   of an array, each kept as it came
    /// - `application/x-ndjson`, `application/ndjson`, `application/jsonl`, `application/x-jsonlines`: one JSON value a
    ///   line. Blank lines are skipped
    /// - `text/plain`, any `text/…`: one record, the text. With `?split=lines` one a line
    /// - `application/vnd.loghttp.records+ndjson`: one record a line, as an object. The response of a fetch is such a
    ///   body
    /// - `application/x-www-form-urlencoded` (from `curl -d`): one record, JSON if it is an object or an array, else
    ///   the body as text
    /// - `application/cloudevents+json`: one record, a CloudEvent. `application/cloudevents-batch+json`: an array of
    ///   them. Their attributes become headers of the records, such as `ce-type`. `partitionkey` is the key
    /// - any type with `ce-…` headers: one record, the data of a CloudEvent
    /// - `application/vnd.kafka.json.v2+json`, `application/vnd.kafka.binary.v2+json`: the records of a request to
    ///   Confluent's REST Proxy. Responses and problems have its form too
    /// - anything else, or none: one record, bytes, kept as Base64
    ///
    /// Other types are kept in the record's header `content-type`. Text and JSON are UTF-8.
    ///
    /// Send a body of lines, or an array, that is larger than a batch, or has no end, with `?stream=true`. The server
    /// commits it in batches as it comes, and reports the lines of each batch. If a producer numbers the records, send
    /// a broken stream again: each record is appended once.
    ///
    /// Bodies may be compressed: `Content-Encoding: gzip`, `br`, `zstd` or `deflate`.
    ///
    /// No response? Send the same request again, with the same `Idempotency-Key`, or the same `Producer-Id`,
    /// `Producer-Epoch` and `Producer-Seq`. The records are appended once, and the retry returns 200 with their offset.
    /// </remarks>
    /// <response code="200">
    /// A repeat: the records were appended before, at this offset. Nothing was appended now. `ProducedToMany` if they
    /// went to several partitions. With `stream=true`: a report for each committed batch, one a line, and a summary.
    /// For a body of the REST Proxy's types: the position of each record.
    /// </response>
    /// <response code="201">
    /// All records were appended. `Produced` if they went to one partition, `ProducedToMany` if they went to several.
    /// </response>
    /// <response code="207">
    /// Some partitions accepted their records and some did not, as in `results`. Send the records of the others again,
    /// or the whole request if it has an `Idempotency-Key`.
    /// </response>
    /// <response code="422">
    /// For a body of the REST Proxy's types: the JSON has no `records`, or a record has an unknown field or invalid
    /// Base64.
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
    [ProducesResponseType<ProducedToMany>(200)]
    [ProducesResponseType<Produced>(201)]
    [ProducesResponseType<ProducedToMany>(201)]
    [ProducesResponseType<ProducedToMany>(207)]
    [ProducesResponseType<ConfluentOffsets>(200, ConfluentType.Response)]
    [ProducesResponseType<ConfluentError>(422, ConfluentType.Response)]
    [ResponseHeaders("Location", 200, 201)]
    [ResponseHeaders("No-Store", 200, 422)]
    [ResponseHeaders("X-Accel-Buffering", 200)]
    [FailsWith(FailsWithAttribute.Appends)]
    // Not async itself, because the state of the rarer ways would be allocated with that of the common one.
    public static Task HandleAsync(HttpContext context, string topic, ProduceServices services)
    {
        if (ConfluentType.IsOf(context.Request))
            return HandleConfluentAsync(context, topic, services);
        if (TopicName.Check(topic) is { } fault)
            return Problems.InvalidRequest("invalid_topic", fault).ExecuteAsync(context);
        var state = services.States.Get();
        if (Begin(context, topic, state, services) is { } problem)
        {
            services.States.Return(state);
            return problem.ExecuteAsync(context);
        }
        return state.Request.IsStream ? StreamAsync(context, state, services) : AppendAsync(context, state, services);
    }

    static async Task HandleConfluentAsync(HttpContext context, string topic, ProduceServices services)
    {
        var response = await ConfluentEndpoint.HandleAsync(
            context,
            topic,
            partition: null,
            services.Catalog,
            services.Options,
            services.Budget,
            services.Time,
            services.Settings
        );
        await response.ExecuteAsync(context);
    }

    /// <summary>Reads all but the body. Returns why the request is rejected, or null.</summary>
    static Problem? Begin(HttpContext context, string topic, ProduceState state, ProduceServices services)
    {
        var request = state.Request;
        state.TopicName = topic;
        if (!request.TryRead(context.Request, out var problem))
            return problem;
        var found = state.Topic = services.Catalog.Find(topic);
        if (found is null)
            return TopicAppend.CheckCreation(topic, services.Settings);
        if (Preconditions.RequiresAbsence(context.Request))
            return Problems.TopicConditionFailed(topic, exists: true);
        // The body of a request that will be rejected is not read. Kestrel discards it.
        return !request.IsStream && CheckRoom(found, request) is { } overloaded ? Problems.Of(overloaded) : null;
    }

    static async Task StreamAsync(HttpContext context, ProduceState state, ProduceServices services)
    {
        await using var stream = new ProduceStream(context, state.TopicName, state.Request, state.Topic, services);
        if (await stream.RunAsync() is { } problem)
            await TopicAppend.Refused(context, problem).ExecuteAsync(context);
    }

    /// <summary>
    /// Reads the body and appends its records. The state of this method is the largest object of most requests, so
    /// rarer ways have methods of their own.
    /// </summary>
    static async Task AppendAsync(HttpContext context, ProduceState state, ProduceServices services)
    {
        try
        {
            if (await ReadAsync(context, state, services) is { } problem)
            {
                await problem.ExecuteAsync(context);
                return;
            }
            var wasFound = state.Topic is not null;
            if (!wasFound)
                await CreateTopicAsync(state, services);
            if (!state.Batch.IsFor(state.Topic!.Configuration, isOfTopic: wasFound))
                await Problems.TopicChanged().ExecuteAsync(context);
            else if (state.Request.IdempotencyKey is { } key)
                await AppendKeyedAsync(context, state, key, services);
            else if (state.Batch.Route is { } route)
                await AppendRoutedAsync(context, state, route, services);
            else if (state.Batch.TryTakeOnly(out var partition, out var batch))
            {
                // The log owns the batch, and commits it even if the client goes away. The code behind the await must
                // not block.
                var appended = await state.AppendAsync(partition, batch);
                await RespondAsync(context, state, state.Partition, state.Count, appended);
            }
            else
                await AppendToManyAsync(context, state);
        }
        finally
        {
            services.States.Return(state);
        }
    }

    static async Task CreateTopicAsync(ProduceState state, ProduceServices services)
    {
        await ReceivingThread.LeaveAsync();
        state.Topic = (await services.Catalog.GetOrCreateAsync(state.TopicName)).Topic;
    }

    static async Task AppendToManyAsync(HttpContext context, ProduceState state)
    {
        var results = await TopicAppend.AppendAsync(state.Topic!, state.Batch.Take(), state.Request.ExpectedNextOffset);
        await RespondAsync(context, state, results);
    }

    static async Task AppendKeyedAsync(HttpContext context, ProduceState state, string key, ProduceServices services)
    {
        using var keyed = await KeyedRequest.EnterAsync(context, state.Topic!, key, state.Batch, services.Budget);
        if (keyed.Problem is { } problem)
            await problem.ExecuteAsync(context);
        else
            await AppendToManyAsync(context, state);
    }

    static async Task AppendRoutedAsync(
        HttpContext context,
        ProduceState state,
        ProducerRoute route,
        ProduceServices services
    )
    {
        var (results, problem) = await TopicAppend.AppendRoutedAsync(
            context,
            services.Budget,
            state.Topic!,
            state.Batch,
            route,
            state.Request.ExpectedNextOffset
        );
        if (results is null)
            await problem!.ExecuteAsync(context);
        else
            await RespondAsync(context, state, results);
    }

    static Task RespondAsync(HttpContext context, ProduceState state, PartitionResult[] results) =>
        results is [var only]
            ? RespondAsync(context, state, only.Partition, only.Count, only.Append)
            : ToResponse(context, state.TopicName, results).ExecuteAsync(context);

    /// <summary>
    /// Reads the body into the batch. Returns its problem, or null. No topic is created before, so that a rejected
    /// request creates none.
    /// </summary>
    static async ValueTask<Problem?> ReadAsync(HttpContext context, ProduceState state, ProduceServices services)
    {
        var (request, batch, body) = (state.Request, state.Batch, state.Body);
        batch.Begin(
            state.Topic?.Configuration ?? services.Options.TopicDefaults,
            services.Options.Records,
            request.Partition,
            request.Producer,
            ExpectedBytes(request, services.Options),
            request.IdempotencyKey,
            TopicAppend.RoutedPartitions(state.Topic, request)
        );
        body.Begin(request.OpenBody(services.Budget, services.Settings.MaxBodyBytes), context);
        var problem = await request.ReadIntoAsync(batch, body);
        // From here on the batch counts as being appended (MaxAppendingBytes), and not as being read.
        body.Dispose();
        return problem ?? TopicAppend.CheckConditions(request, request.Partition, batch, state.Topic);
    }

    static bool HoldsManyRecords(HttpRequest request) =>
        !BodyType.TryRead(request, out var bodyType, out _) || bodyType.HoldsManyRecords;

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

    /// <summary>Responds with the position of records that all went to one partition.</summary>
    static Task RespondAsync(HttpContext context, ProduceState state, int partition, int count, in AppendResult append)
    {
        var response = context.Response;
        if (append.Status == AppendStatus.Appended)
        {
            response.StatusCode = StatusCodes.Status201Created;
            // Values are kept only in requests of one partition. Those always come here.
            InvalidValues.Count(state.Request.Invalid, state.Batch.InvalidCount);
        }
        else if (append.Status == AppendStatus.Repeated)
            response.StatusCode = StatusCodes.Status200OK;
        else
            return TopicAppend.Refused(context, Problems.Of(append)).ExecuteAsync(context);
        response.Headers.Location = string.Create(
            CultureInfo.InvariantCulture,
            $"{RelativeReference.PrefixOf(context.Request)}{state.TopicName}/{append.FirstOffset}"
                + $"?partition={partition}"
        );
        var body = Produced.Write(
            state.Response,
            state.TopicName,
            partition,
            append.FirstOffset,
            count,
            append.TimestampMs,
            state.Batch.InvalidCount
        );
        return JsonBody.WriteAsync(response, body, JsonBody.ContentType);
    }

    static IResult ToResponse(HttpContext context, string topic, PartitionResult[] results)
    {
        if (Array.TrueForAll(results, result => !result.IsIn))
            return TopicAppend.Refused(context, Problems.Of(results[0].Append));
        var status =
            !Array.TrueForAll(results, static result => result.IsIn) ? StatusCodes.Status207MultiStatus
            : Array.TrueForAll(results, static result => result.IsRepeat) ? StatusCodes.Status200OK
            : StatusCodes.Status201Created;
        return new JsonResponse<ProducedToMany>(
            status,
            new ProducedToMany(
                topic,
                results.Sum(static result => result.IsIn ? result.Count : 0),
                [.. results.Select(PartOf)]
            ),
            ResponseJson.Readable.ProducedToMany
        );
    }

    static ProducedPart PartOf(PartitionResult result)
    {
        var append = result.Append;
        if (result.IsIn)
            return new ProducedPart(
                result.Partition,
                result.IsRepeat ? StatusCodes.Status200OK : StatusCodes.Status201Created
            )
            {
                Offset = append.FirstOffset,
                Count = result.Count,
                Timestamp = append.TimestampMs,
                Repeat = result.IsRepeat ? true : null,
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

    /// <summary>Writes the JSON of one. The serializer would need an object, and a third more time.</summary>
    /// <returns>The written bytes.</returns>
    public static ReadOnlyMemory<byte> Write(
        byte[] destination,
        string topic,
        int partition,
        long offset,
        int count,
        long timestamp,
        int invalid
    )
    {
        var end = invalid > 0 ? string.Create(CultureInfo.InvariantCulture, $",\"invalid\":{invalid}}}\n") : "}\n";
        // A topic's name has no character that JSON escapes.
        if (
            !Utf8.TryWrite(
                destination,
                CultureInfo.InvariantCulture,
                $"{{\"topic\":\"{topic}\",\"partition\":{partition},\"offset\":{offset},"
                    + $"\"count\":{count},\"timestamp\":{timestamp}{end}",
                out var writtenBytes
            )
        )
            throw new ArgumentException("The destination is too short.", nameof(destination));
        return destination.AsMemory(0, writtenBytes);
    }
}

/// <summary>The position of records that were appended to several partitions.</summary>
/// <param name="Topic">The topic.</param>
/// <param name="Count">The number of records that are in, appended now or before.</param>
/// <param name="Results">The result of each partition, by its number.</param>
internal sealed record ProducedToMany(string Topic, int Count, ProducedPart[] Results);

/// <summary>The result of one partition's records.</summary>
/// <param name="Partition">The partition.</param>
/// <param name="Status">201, 200 for a repeat, or the status of the problem.</param>
internal sealed record ProducedPart(int Partition, int Status)
{
    /// <summary>The first record's offset. Only with 201 and 200.</summary>
    public long? Offset { get; init; }

    /// <summary>The number of records. Only with 201 and 200.</summary>
    public int? Count { get; init; }

    /// <summary>The server's timestamp, in Unix milliseconds. Only with 201 and 200.</summary>
    public long? Timestamp { get; init; }

    /// <summary>`true` if the records were appended before. Only with 200.</summary>
    public bool? Repeat { get; init; }

    /// <summary>The problem, for programs. Not with 201 and 200.</summary>
    public string? Code { get; init; }

    /// <summary>Whether the same records may be accepted later. Not with 201 and 200.</summary>
    public bool? Retryable { get; init; }

    /// <summary>The problem, for people. Not with 201 and 200.</summary>
    public string? Detail { get; init; }
}
