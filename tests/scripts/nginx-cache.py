"""What nginx-cache.sh runs: the consumers, what they must get, and how often LogHttp may be asked for it."""
import asyncio
import bisect
import collections
import json
import os
import random
import re
import signal
import sys
import time
import urllib.parse

PROXY, LOGHTTP, ACCESS_LOG, SERVER_PID = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
CONSUMERS, LEAVERS, PARTITIONS = 100, 10, 2
RECORDS, BATCH, PADDING = 32_000, 2_000, "x" * 920  # in each partition: 64 MiB of log
PAGE = "maxBytes=65536"
WAIT_SECONDS = 2
BURSTS, BURST_RECORDS, RECORDS_PER_SECOND = 3, 15, 5
LIMIT_SECONDS = 300  # nothing here takes as long unless it hangs
AT_ONCE_SECONDS = 20  # a hundred answers; one after the other, every half second, they would take 50
NEXT = re.compile(r'<([^>]*)>; rel="next"')
chance = random.Random(7)
sent = 0  # requests through nginx: each has a line in its log


class Answer(collections.namedtuple("Answer", "path status headers body")):
    @property
    def next(self):
        return urllib.parse.urljoin(self.path, NEXT.match(self.headers["link"]).group(1))

    @property
    def is_permanent(self):
        return "immutable" in self.headers.get("cache-control", "")


class Client:
    """One connection that stays open."""

    def __init__(self, address=PROXY):
        self.address, self.streams = address, None

    async def send(self, method, path, body=b"", content_type=None, accept=None):
        global sent
        if self.streams is None:
            self.streams = await asyncio.open_connection(*self.address.split(":"), limit=1 << 20)
        sent += self.address == PROXY
        head = f"{method} {path} HTTP/1.1\r\nHost: {self.address}\r\nContent-Length: {len(body)}\r\n"
        head += f"Content-Type: {content_type}\r\n" if content_type else ""
        head += f"Accept: {accept}\r\n" if accept else ""
        self.streams[1].write(head.encode() + b"\r\n" + body)
        await self.streams[1].drain()

    async def read_head(self):
        head = (await self.streams[0].readuntil(b"\r\n\r\n")).decode().split("\r\n")
        return int(head[0].split(" ")[1]), {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:-2])}

    async def ask(self, method, path, body=b"", content_type=None, accept=None):
        await self.send(method, path, body, content_type, accept)
        status, headers = await self.read_head()
        if headers.get("transfer-encoding") == "chunked":
            answer = b""
            while size := int(await self.streams[0].readuntil(b"\r\n"), 16):
                answer += (await self.streams[0].readexactly(size + 2))[:-2]
            await self.streams[0].readuntil(b"\r\n")
        else:
            answer = await self.streams[0].readexactly(int(headers.get("content-length", 0)))
        if headers.get("connection") == "close":
            self.close()
        return Answer(path, status, headers, answer)

    async def get(self, path, accept=None):
        return await self.ask("GET", path, accept=accept)

    def close(self):
        self.streams[1].close()
        self.streams = None


class Failure(Exception):
    pass


def check(condition, what):
    if not condition:
        raise Failure(what)


def value(partition, number):
    return {"partition": partition, "number": number, "padding": PADDING}


class Log:
    """A partition as LogHttp itself gives it, with what was appended compared to what was sent."""

    def __init__(self, partition, data):
        self.data, self.starts = data, [0]
        records = [json.loads(line) for line in data.splitlines()]
        check([record["value"] for record in records] == [value(partition, number) for number in range(len(records))], "LogHttp has not what was appended")
        check([record["offset"] for record in records] == list(range(len(records))), "offsets are not one after the other")
        self.timestamps = [record["timestamp"] for record in records]
        for line in data.splitlines(keepends=True):
            self.starts.append(self.starts[-1] + len(line))

    @property
    def end(self):
        return len(self.timestamps)

    @staticmethod
    async def read(topic, partition):
        client, data, path = Client(LOGHTTP), [], f"/topics/{topic}/earliest?partition={partition}&maxBytes=67108864"
        while (answer := await client.get(path)).status == 200:
            data.append(answer.body)
            path = answer.next
        check(answer.status == 204, f"{path} answered {answer.status}")
        return Log(partition, b"".join(data))


class Consumer:
    def __init__(self, number, logs, parameters=""):
        self.client, self.partition = Client(), number % PARTITIONS
        self.log = logs[self.partition]
        self.offset = chance.randrange(self.log.end)
        place = str(self.offset)
        if number % 10 in (0, 1):
            self.offset, place = 0, "earliest"
        elif number % 10 in (2, 3):
            place = f"@{self.log.timestamps[self.offset]}"
            self.offset = bisect.bisect_left(self.log.timestamps, self.log.timestamps[self.offset])
        self.path = f"/topics/log/{place}?partition={self.partition}&{PAGE}{parameters}"
        self.answers, self.arrivals = [], {}

    async def step(self):
        """Asks once; a page must be exactly the log's next bytes."""
        answer = await self.client.get(self.path)
        check(answer.status in (200, 204), f"{self.path} answered {answer.status}: {answer.body[:300]}")
        next_offset = int(answer.headers["log-next-offset"])
        if self.offset < self.log.end:
            start = self.log.starts[self.offset]
            check(answer.status == 200 and answer.body == self.log.data[start:self.log.starts[next_offset]], f"{self.path} has other records than LogHttp")
        else:
            self.take(answer.body)
        check(next_offset == self.offset or answer.status == 200, f"{self.path} leads on without records")
        self.offset, self.path = next_offset, answer.next
        self.answers.append(answer._replace(body=None))
        return answer

    def take(self, page):
        """Live records have no bytes to be compared with yet: each must be the one after the last."""
        for line in page.splitlines():
            record = json.loads(line)
            expected = self.log.end + len(self.arrivals)
            check((record["offset"], record["value"]) == (expected, value(self.partition, expected)), f"{self.path} has {line[:100]}, expected was offset {expected}")
            self.arrivals[expected] = time.monotonic()

    async def until(self, offset):
        while self.offset < offset:
            await self.step()


Line = collections.namedtuple("Line", "status cached asked bytes received path")


class Traffic:
    """What nginx's log says of the requests since this was made: which reached LogHttp, and what they brought."""

    seen = None

    @staticmethod
    async def lines():
        pattern = re.compile(r'(\d+) (\S+) (.+) (\d+) (\d+|-|[\d, ]+) [\d.]+ "\S+ (\S+) .*"')
        while True:
            with open(ACCESS_LOG, encoding="utf-8") as log:
                found = log.read().splitlines()
            if len(found) >= sent + 1:  # and one that asked whether nginx was up
                break
            await asyncio.sleep(0.05)
        lines = []
        for line in found:
            status, cached, address, size, received, path = pattern.fullmatch(line).groups()
            asked = 0 if address == "-" else address.count(":")
            lines.append(Line(int(status), cached, asked, int(size), sum(int(part) for part in re.findall(r"\d+", received)), path))
        before, Traffic.seen = Traffic.seen or 0, len(lines)
        return lines[before:]

    @staticmethod
    async def report(title, started):
        lines = await Traffic.lines()
        asked = sum(line.asked for line in lines)
        print(f"{title}: {len(lines)} requests of consumers, {asked} at LogHttp; {sum(line.bytes for line in lines) / 1e6:.1f} MB from nginx, "
              f"{sum(line.received for line in lines) / 1e6:.1f} MB from LogHttp; {time.monotonic() - started:.1f} s", flush=True)
        return lines, asked


def check_pages(lines, consumers):
    """Each page that can't change was sent by LogHttp about once, whoever asked."""
    pages = {answer.path for consumer in consumers for answer in consumer.answers if answer.is_permanent}
    counts = collections.Counter()
    for line in lines:
        if line.path in pages:
            counts[line.path] += line.asked
    total = sum(counts.values())
    print(f"  {len(pages)} different pages, sent {total} times by LogHttp, the most often sent one {max(counts.values())} times")
    check(len(pages) > 500 and len(pages) <= total <= 1.05 * len(pages), "LogHttp sent pages more than about once")
    return len(pages)


async def fill():
    client = Client(LOGHTTP)
    configuration = json.dumps({"partitions": PARTITIONS, "segmentBytes": 8 << 20}).encode()
    check((await client.ask("PUT", "/topics/log", configuration)).status == 201, "the topic was not made")
    for partition in range(PARTITIONS):
        for first in range(0, RECORDS, BATCH):
            await append(client, partition, range(first, first + BATCH))
    return [await Log.read("log", partition) for partition in range(PARTITIONS)]


async def append(client, partition, numbers, topic="log"):
    body = b"".join(json.dumps(value(partition, number)).encode() + b"\n" for number in numbers)
    answer = await client.ask("POST", f"/topics/{topic}?partition={partition}", body, "application/x-ndjson")
    check(answer.status == 201, f"an append was answered {answer.status}: {answer.body}")


async def catch_up(logs):
    """A hundred consumers that begin anywhere, to the end."""
    consumers, started = [Consumer(number, logs) for number in range(CONSUMERS)], time.monotonic()

    async def consume(consumer):
        while (await consumer.step()).status == 200:
            pass
        check(consumer.offset == consumer.log.end, "a consumer ended before the log")

    await asyncio.gather(*map(consume, consumers))
    lines, asked = await Traffic.report("catching up", started)
    # In addition: each consumer's first page, the page that may still grow, and the 204 behind it.
    check(asked <= 1.05 * check_pages(lines, consumers) + 3 * CONSUMERS, "more than the pages reached LogHttp")
    return consumers


async def live(logs):
    """The same with wait from the start, on into what is appended meanwhile."""
    consumers, started = [Consumer(number, logs, f"&wait={WAIT_SECONDS}s") for number in range(CONSUMERS)], time.monotonic()
    await asyncio.gather(*(consumer.until(consumer.log.end) for consumer in consumers))
    lines, asked = await Traffic.report("catching up with wait", started)
    check(asked <= 1.05 * check_pages(lines, consumers) + 2 * CONSUMERS, "more than the pages reached LogHttp")

    for consumer in consumers:
        consumer.answers.clear()
    started, appended, producer = time.monotonic(), collections.defaultdict(dict), Client()

    async def leave(consumer):
        """Asks for what a consumer waits for, and goes without reading it."""
        client = Client()
        await client.send("GET", consumer.path)
        client.close()

    async def produce():
        for burst in range(BURSTS):
            for number in range(BURST_RECORDS):
                for partition, log in enumerate(logs):
                    offset = log.end + burst * BURST_RECORDS + number
                    await append(producer, partition, [offset])
                    appended[partition][offset] = time.monotonic()
                await asyncio.sleep(1 / RECORDS_PER_SECOND)
            await asyncio.gather(*(leave(consumer) for consumer in consumers[:LEAVERS]))
            # Long enough that polls end without a record, twice.
            await asyncio.sleep(2.5 * WAIT_SECONDS)

    ends = BURSTS * BURST_RECORDS
    await asyncio.gather(produce(), *(consumer.until(consumer.log.end + ends) for consumer in consumers))
    lines, asked = await Traffic.report("live", started)
    for consumer in consumers:
        check(len(consumer.arrivals) == ends, "a consumer missed records")
    empty = sum(answer.status == 204 for consumer in consumers for answer in consumer.answers)
    delays = sorted(arrival - appended[consumer.partition][offset] for consumer in consumers for offset, arrival in consumer.arrivals.items())
    polls = [line for line in lines if line.path.startswith("/topics/log/")]
    asked = sum(line.asked for line in polls)
    print(f"  {PARTITIONS * ends} records appended, {CONSUMERS} consumers got {len(delays)} of {len(delays)}; {len(polls)} long polls, {empty} of them without records; {asked} reached LogHttp, for {len({line.path for line in polls})} different URLs; "
          f"from the append's answer to a consumer p50 {delays[len(delays) // 2]:.2f} s, p99 {delays[len(delays) * 99 // 100]:.2f} s")
    check(empty >= CONSUMERS, "no poll ran into its time limit, which was to be shown")
    check(asked <= len(polls) / 10, "LogHttp got more than a tenth of the consumers' polls")
    # An early page, which could still change then and is final by now.
    return next(answer.path for answer in consumers[0].answers if answer.status == 200 and not answer.is_permanent)


async def at_once(path):
    """A hundred who ask for the same at the same moment."""
    started = time.monotonic()
    answers = await asyncio.gather(*(Client().get(path) for _ in range(CONSUMERS)))
    took = time.monotonic() - started
    print(f"  {CONSUMERS} at once for {path}: all answered {', '.join(map(str, {answer.status for answer in answers}))} after {took:.1f} s")
    check(took < AT_ONCE_SECONDS, "they stood in a queue")
    return answers


async def look_at_the_end(consumers):
    """What is kept by nobody must not be waited for either."""
    started = time.monotonic()
    for answer, status in ((consumers[0].answers[-2], 200), (consumers[0].answers[-1], 204)):
        check(all(again.status == status for again in await at_once(answer.path)), f"{answer.path} was not answered {status}")
    await Traffic.report("without wait, at the end", started)


async def ask_for_forms(consumers):
    """A page in one form is not given to who asked for another."""
    started, client, path = time.monotonic(), Client(), consumers[0].answers[1].path
    lines = await client.get(path, "application/x-ndjson")
    for _ in range(2):
        array = await client.get(path, "application/json")
        check(json.loads(array.body) == [json.loads(line) for line in lines.body.splitlines()], "an array is not the page")
    check(array.headers["x-cache-status"] == "HIT", "an array was not kept")
    check((await client.get(path, "application/x-ndjson")).body == lines.body, "lines became an array")
    await Traffic.report("in two forms", started)


async def follow():
    """What does not end passes piece by piece, also at a place that others could be waiting for; so does a POST."""
    started, client = time.monotonic(), Client()
    await client.ask("POST", "/topics/followed", b"zero", "text/plain")
    first = await client.get("/topics/followed/earliest")
    for path, headers in ((f"{first.next}&follow=true", ""), (first.next, "Accept: text/event-stream\r\n")):
        followers = []
        for _ in range(3):
            global sent
            sent += 1
            reader, writer = await asyncio.open_connection(*PROXY.split(":"))
            writer.write(f"GET {path} HTTP/1.1\r\nHost: {PROXY}\r\n{headers}\r\n".encode())
            check(b" 200 OK" in await reader.readline(), "a follower was refused")
            followers.append((reader, writer))
        text = f"now-{len(headers)}".encode()
        await client.ask("POST", "/topics/followed", text, "text/plain")
        for reader, writer in followers:
            await reader.readuntil(text)
            writer.close()
    lines, _ = await Traffic.report("following", started)
    check(all(line.cached == "BYPASS" for line in lines if line.path.startswith(first.next)), "followers were held back for a copy")


async def replace():
    """A topic that was deleted and made again: nobody who begins there gets what it was."""
    started, client = time.monotonic(), Client()
    old = [f"old {number}" for number in range(2_000)]
    new = [f"new {number}" for number in range(2_000)]

    async def fill(values):
        answer = await client.ask("POST", "/topics/again?split=lines", "\n".join(values).encode(), "text/plain")
        check(answer.status == 201, "an append was refused")

    async def read(path):
        own, found = Client(), []
        while (answer := await own.get(path)).status == 200:
            found.append(answer)
            path = answer.next
        check(answer.status == 204, f"{path} answered {answer.status}")
        return found

    def values(answers):
        return [json.loads(line)["value"] for answer in answers for line in answer.body.splitlines()]

    await fill(old)
    pages = await read("/topics/again/0?maxBytes=16384")
    check(values(pages) == old, "the old records are not there")
    check((await client.ask("DELETE", "/topics/again")).status == 204, "the topic was not deleted")
    await fill(new)
    places = ["0", "earliest", "@0", "0?partition=0"]
    for answers in await asyncio.gather(*(read(f"/topics/again/{places[number % 4]}{'&' if '?' in places[number % 4] else '?'}maxBytes=16384") for number in range(CONSUMERS))):
        check(values(answers) == new, "a consumer of the new topic got the old one's records")
    # Pages that nothing requested before the deletion.
    for refused in (await at_once(pages[0].next + "&view=values"), await at_once(pages[0].next + "&wait=2s")):
        check(all(answer.status == 410 and json.loads(answer.body)["code"] == "topic_replaced" for answer in refused), "an old link was not refused")
    kept = await client.get(pages[0].next)
    check((kept.status, kept.headers.get("x-cache-status"), kept.body) == (200, "HIT", pages[1].body), "an old page was not in the cache any more")
    await Traffic.report("deleted and made again", started)


async def outlive(consumers, polled):
    """LogHttp goes down: what can't change is served on, what could have changed is not."""
    started = time.monotonic()
    os.kill(SERVER_PID, signal.SIGTERM)
    while True:
        try:
            (await asyncio.open_connection(*LOGHTTP.split(":")))[1].close()
            await asyncio.sleep(0.05)
        except OSError:
            break
    served = 0
    for consumer in consumers:
        consumer.client = Client()
        for answer in consumer.answers[1:-2]:
            again = await consumer.client.get(answer.path)
            check((again.status, again.next) == (200, answer.next), f"{answer.path} answered {again.status} while LogHttp was down")
            served += 1
    for path in (consumers[0].answers[-2].path, polled, f"{consumers[0].answers[-1].path}&wait=2s"):
        check(all(answer.status == 502 for answer in await at_once(path)), "what may have changed was served while LogHttp was down")
    lines, _ = await Traffic.report("LogHttp is down", started)
    check(served > 1_000 and sum(line.status == 200 for line in lines) == served, "the cache did not answer")


async def main():
    logs = await fill()
    print(f"{sum(len(log.data) for log in logs) / 1e6:.1f} MB of log, {sum(log.end for log in logs)} records")
    await Traffic.lines()
    consumers = await catch_up(logs)
    await look_at_the_end(consumers)
    await ask_for_forms(consumers)
    polled = await live(logs)
    await follow()
    await replace()
    await outlive(consumers[:20], polled)


try:
    asyncio.run(asyncio.wait_for(main(), LIMIT_SECONDS))
except Failure as failure:
    sys.exit(f"FAILED: {failure}")
except asyncio.TimeoutError:
    sys.exit(f"FAILED: not done after {LIMIT_SECONDS} s")
