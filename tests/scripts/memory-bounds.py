"""The clients of memory-bounds.sh: memory-bounds.py URL SERVER_PID SCENARIO COUNT SECONDS"""
import asyncio, gzip, sys, time
from urllib.parse import urlsplit

url, server_pid, scenario, count, seconds = urlsplit(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4]), float(sys.argv[5])
HEAD = f"Host: {url.netloc}\r\n".encode()


def check(condition, what):
    if not condition:
        sys.exit(f"FAILED: {scenario}: {what}")


def resident_mb(field="VmRSS"):
    with open(f"/proc/{server_pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(field)) / 1000


async def watch(peak):
    while True:
        peak[0] = max(peak[0], resident_mb())
        await asyncio.sleep(0.05)


async def connect(receive_bytes=None):
    reader, writer = await asyncio.open_connection(url.hostname, url.port, limit=receive_bytes or 65536)
    return reader, writer


async def request(method, path, body=b"", *headers):
    """One request on a connection of its own: status and body; (0, reason) where the connection broke."""
    reader, writer = await connect()
    lines = b"".join(header.encode() + b"\r\n" for header in headers)
    try:
        writer.write(f"{method} {path} HTTP/1.1\r\n".encode() + HEAD + lines + f"Content-Length: {len(body)}\r\n\r\n".encode())
        for start in range(0, len(body), 1 << 16):
            writer.write(body[start:start + (1 << 16)])
            await writer.drain()
    except ConnectionError:
        pass  # refused early; the response says more
    try:
        head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 120)).decode("latin1")
        received = 0
        first = b""
        length = next((int(line.split(":")[1]) for line in head.split("\r\n") if line.lower().startswith("content-length:")), None)
        while length is None or received < length:
            piece = await asyncio.wait_for(reader.read(1 << 20), 120)
            if not piece:
                break
            received += len(piece)
            first = first or piece
            if length is None and piece.endswith(b"0\r\n\r\n"):
                break
        return int(head.split()[1]), first[:200], received
    except (asyncio.IncompleteReadError, ConnectionError, asyncio.TimeoutError) as error:
        return 0, repr(error).encode()[:60], 0
    finally:
        writer.close()


async def slow_events():
    """COUNT connections take 1 KB/s of events from 64 partitions of a topic with the longest name."""
    topic = "n" * 249
    await request("PUT", f"/topics/{topic}", b'{"partitions":64,"flush":"os"}')
    for partition in range(64):
        await request("POST", f"/topics/{topic}?partition={partition}&split=lines", b"x" * 100 + b"\n" + b"\n".join(b"y" * 100 for _ in range(3000)), "Content-Type: text/plain")
    before = resident_mb()
    received, begun = 0, 0

    async def follow():
        nonlocal received, begun
        reader, writer = await connect(receive_bytes=1024)
        writer.get_extra_info("socket").setsockopt(1, 8, 4096)
        writer.write(f"GET /stream?topics={topic}:earliest HTTP/1.1\r\n".encode() + HEAD + b"Accept: text/event-stream\r\n\r\n")
        try:
            received += len(await reader.readexactly(1024))
            begun += 1
            while piece := await reader.read(1024):
                received += len(piece)
                await asyncio.sleep(1)
        finally:
            writer.transport.abort()

    followers = [asyncio.create_task(follow()) for _ in range(count)]
    peak = [0]
    watching = asyncio.create_task(watch(peak))
    started = time.monotonic()
    while begun < count and time.monotonic() - started < 120:
        await asyncio.sleep(0.1)
    check(begun == count, f"{count - begun} followers got no records")
    await asyncio.sleep(seconds)
    alive = sum(not follower.done() for follower in followers)
    print(f"{count} followers at 1 KB/s, 64 partitions, a name of 249 characters, {seconds:.0f} s: {before:.0f} MB resident before, {peak[0]:.0f} MB at the peak, "
          f"{(peak[0] - before) * 1e6 / count / 1024:.0f} KiB each; {alive} still follow, {received} bytes received")
    for task in followers + [watching]:
        task.cancel()
    check(alive == count, f"{count - alive} followers were dropped")
    # Fewer clients have larger shares, and the server's own growth counts for more. Up to 8 KiB are garbage that waits
    # for the collector.
    most_kib = 56 if count >= 10_000 else 160 if count >= 1000 else 1024
    check((peak[0] - before) * 1e6 / count / 1024 < most_kib, f"a follower may take {most_kib} KiB")
    # All of them leave at once, in the middle of the log.
    await asyncio.sleep(0)
    left = time.monotonic()
    await idle()
    print(f"idle {time.monotonic() - left:.1f} s after all left")


async def idle(limit_seconds=60):
    """Waits until the server takes less than a tenth of a core."""
    def processor_seconds():
        with open(f"/proc/{server_pid}/stat") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / 100

    for _ in range(limit_seconds):
        before = processor_seconds()
        await asyncio.sleep(1)
        if processor_seconds() - before < 0.1:
            return
    check(False, f"the server is busy {limit_seconds} s after its clients left")


async def slow_values():
    """COUNT connections take 1 KB/s of a page of values."""
    for _ in range(4):
        await request("POST", "/topics/t?split=lines", b"\n".join(b"y" * 100 for _ in range(10_000)), "Content-Type: text/plain")
    before = resident_mb()

    async def fetch():
        reader, writer = await connect(receive_bytes=1024)
        writer.get_extra_info("socket").setsockopt(1, 8, 4096)
        writer.write(b"GET /topics/t/0?view=values&maxBytes=4194304 HTTP/1.1\r\n" + HEAD + b"\r\n")
        while await reader.read(1024):
            await asyncio.sleep(1)

    readers = [asyncio.create_task(fetch()) for _ in range(count)]
    peak = [0]
    watching = asyncio.create_task(watch(peak))
    await asyncio.sleep(seconds)
    print(f"{count} readers of values at 1 KB/s, {seconds:.0f} s: {before:.0f} MB resident before, {peak[0]:.0f} MB at the peak, "
          f"{(peak[0] - before) * 1e6 / count / 1024:.0f} KiB each; {sum(not reader.done() for reader in readers)} still read")
    for task in readers + [watching]:
        task.cancel()
    check((peak[0] - before) * 1e6 / count / 1024 < 160, "a reader may take 160 KiB")


async def dripping_bodies():
    """COUNT clients send 60 MB fast and then a byte a second; then somebody sends 8 MB."""
    before = resident_mb()
    line = b'{"value":"' + b"x" * 990 + b'"}\n'
    states = {}

    async def drip(number):
        reader, writer = await connect()
        states[number] = "sending"
        writer.write(f"POST /topics/t HTTP/1.1\r\n".encode() + HEAD + b"Content-Type: application/x-ndjson\r\nContent-Length: 67000000\r\n\r\n")
        for _ in range(60_000):
            writer.write(line)
            await writer.drain()
        states[number] = "dripping"
        response = asyncio.create_task(reader.readline())
        while not response.done():
            writer.write(b"x")
            await asyncio.sleep(1)
        states[number] = response.result().decode().strip() or "closed"
        writer.close()

    peak = [0]
    watching = asyncio.create_task(watch(peak))
    dripping = [asyncio.create_task(drip(number)) for number in range(count)]
    started = time.monotonic()
    refused = 0
    while time.monotonic() - started < seconds:
        await asyncio.sleep(2)
        status, *_ = await request("POST", "/topics/t", line * 8000, "Content-Type: application/x-ndjson")
        refused += status != 201
    summary = {state: list(states.values()).count(state) for state in set(states.values())}
    print(f"{count} bodies of 60 MB that then drip, {seconds:.0f} s: {before:.0f} MB resident before, {peak[0]:.0f} MB at the peak, {resident_mb():.0f} MB at the end; "
          f"8 MB beside them was refused {refused} times; the dripping: {summary}")
    for task in dripping + [watching]:
        task.cancel()
    check(refused == 0, "an ordinary body was refused beside them")
    check(not any(state in ("sending", "dripping") for state in summary), "a body that drips is still being read")
    check(peak[0] - before < 600, "they may take 600 MB")


async def pipelined_polls():
    """COUNT connections wait for records, and send 2 MB meanwhile."""
    await request("PUT", "/topics/t")
    before = resident_mb()
    sent = 0

    async def poll():
        nonlocal sent
        reader, writer = await connect()
        writer.write(b"GET /topics/t/latest?wait=300s HTTP/1.1\r\n" + HEAD + b"\r\n")
        writer.transport.set_write_buffer_limits(high=0)
        try:
            for _ in range(32):
                writer.write(b"GET / HTTP/1.1\r\nX: " + b"x" * 65_536)
                await writer.drain()
                sent += 65_536
            await reader.read()
        except ConnectionError:
            pass

    peak = [0]
    watching = asyncio.create_task(watch(peak))
    polls = [asyncio.create_task(poll()) for _ in range(count)]
    await asyncio.sleep(seconds)
    alive = sum(not task.done() for task in polls)
    print(f"{count} long polls that send 2 MB each: {before:.0f} MB resident before, {peak[0]:.0f} MB at the peak, {(peak[0] - before) * 1e6 / count / 1024:.0f} KiB each; {alive} still wait")
    for task in polls + [watching]:
        task.cancel()
    check((peak[0] - before) * 1e6 / count / 1024 < 128, "a long poll may take 128 KiB")


async def many_failing_records():
    """COUNT clients post 60 MB of Confluent records without a partition of theirs."""
    await request("PUT", "/topics/t")
    await request("POST", "/topics/t", b'{"records":[{"value":1}]}', "Content-Type: application/vnd.kafka.json.v2+json")
    body = b'{"records":[' + b",".join([b'{"partition":9}'] * 3_900_000) + b"]}"
    before = resident_mb()
    peak = [0]
    watching = asyncio.create_task(watch(peak))
    started = time.monotonic()
    responses = await asyncio.gather(*(request("POST", "/topics/t", body, "Content-Type: application/vnd.kafka.json.v2+json") for _ in range(count)))
    print(f"{count} Confluent bodies of {len(body) / 1e6:.0f} MB with {3_900_000} records of no partition, {time.monotonic() - started:.1f} s: {before:.0f} MB resident before, {peak[0]:.0f} MB at the peak; "
          f"responses: {[(status, received) for status, _, received in responses]}; {responses[0][1][:160]!r}")
    watching.cancel()
    check(all(status in (413, 503) and received < 1000 for status, _, received in responses), "such a body is to be refused, in few words")
    check(peak[0] - before < 800, "they may take 800 MB")


async def large_bodies():
    """COUNT clients post 60 MB at once."""
    line = b'{"value":"' + b"x" * 990 + b'"}\n'
    body = line * 60_000
    before = resident_mb()
    peak = [0]
    watching = asyncio.create_task(watch(peak))
    for _ in range(3):
        responses = await asyncio.gather(*(request("POST", "/topics/t", body, "Content-Type: application/x-ndjson") for _ in range(count)))
        statuses = [status for status, *_ in responses]
        print(f"{count} bodies of {len(body) / 1e6:.0f} MB at once: {before:.0f} MB resident before, {peak[0]:.0f} MB at the peak; "
              f"{ {status: statuses.count(status) for status in sorted(set(statuses))} }; {next((text for status, text, _ in responses if status != 201), b'')!r}")
        check(all(status in (201, 413, 503) for status in statuses), "a body gets 201, 413 or 503")
    watching.cancel()
    # Alone, a body of any size is accepted, or permanently refused.
    sizes = {}
    for lines in range(2_000, 60_001, 2_000):
        for media_type, alone in (("application/x-ndjson", line * lines),
                                  ("application/vnd.kafka.json.v2+json", b'{"records":[' + b",".join([line[:-1]] * lines) + b"]}")):
            status, text, _ = await request("POST", "/topics/t", alone, f"Content-Type: {media_type}")
            sizes.setdefault((media_type, status), []).append(len(alone))
            check(status in (200, 201, 413), f"a body of {len(alone)} bytes alone gets {status}, {text!r}")
    print("alone: " + "; ".join(f"{media_type} {status}: {min(lengths) / 1e6:.0f} to {max(lengths) / 1e6:.0f} MB" for (media_type, status), lengths in sizes.items()))


async def blank_lines():
    """COUNT clients post 60 MB of blank lines, packed."""
    body = gzip.compress(b"\n" * 60_000_000)
    started = time.monotonic()
    responses = await asyncio.gather(*(request("POST", "/topics/t", body, "Content-Type: application/x-ndjson", "Content-Encoding: gzip") for _ in range(count)))
    print(f"{count} bodies of 60 MB of blank lines, {len(body)} bytes packed: {[(status, text[:120]) for status, text, _ in responses][:2]}, {time.monotonic() - started:.1f} s")
    check(all(status == 400 for status, *_ in responses), "they hold no records")


async def unfinished_heads():
    """COUNT connections send 120 KB of a head that does not end."""
    head = b"GET /" + b"x" * 60_000 + b" HTTP/1.1\r\n" + HEAD + b"".join(b"X-%d: %s\r\n" % (number, b"x" * 4000) for number in range(15))
    before, peak = resident_mb(), [0]
    watching = asyncio.create_task(watch(peak))

    async def send():
        reader, writer = await connect()
        try:
            writer.write(head)
            await writer.drain()
        except ConnectionError:
            pass
        return reader, writer

    connections = []
    for _ in range(0, count, 100):
        connections += await asyncio.gather(*(send() for _ in range(100)))
    await asyncio.sleep(2)
    closed = sum(reader.at_eof() or reader.exception() is not None for reader, _ in connections)
    print(f"{count} heads without an end: {before:.0f} MB resident before, {peak[0]:.0f} MB at the peak; {closed} connections closed")
    watching.cancel()
    status, *_ = await request("GET", "/healthz")
    check(status == 200, f"a small request beside them gets {status}")
    check(peak[0] - before < 300, "they may take 300 MB")


def frame(frame_type, flags, stream, payload=b""):
    return len(payload).to_bytes(3, "big") + bytes([frame_type, flags]) + stream.to_bytes(4, "big") + payload


def text(value):
    """RFC 7541 §5.2, without Huffman."""
    if len(value) < 127:
        return bytes([len(value)]) + value
    rest, length = len(value) - 127, b"\x7f"
    while rest >= 128:
        length += bytes([rest % 128 + 128])
        rest //= 128
    return length + bytes([rest]) + value


def http2_head(method, path):
    fields = (b":method", method), (b":scheme", b"http"), (b":authority", b"localhost"), (b":path", path)
    return b"".join(b"\0" + text(name) + text(value) for name, value in fields)


async def http2_burst(what, frames):
    """COUNT connections send the frames at once, with a window that lets no response body through. The server lives."""
    before, peak, closed, responses, writers = resident_mb(), [0], 0, 0, []
    watching = asyncio.create_task(watch(peak))
    out = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0, b"\0\4\0\0\0\0") + frames

    async def follow():
        nonlocal closed, responses
        try:
            reader, writer = await connect()
            writers.append(writer)
            writer.write(out)
            while head := await reader.readexactly(9):
                await reader.readexactly(int.from_bytes(head[:3], "big"))
                responses += head[3] == 1
        except (ConnectionError, asyncio.IncompleteReadError):
            closed += 1

    tasks = [asyncio.create_task(follow()) for _ in range(count)]
    await asyncio.sleep(5)
    print(f"{count} HTTP/2 connections with {what}: {before:.0f} MB resident before, {peak[0]:.0f} MB at the peak; {responses} responses, {closed} connections closed")
    for task in tasks + [watching]:
        task.cancel()
    for writer in writers:
        writer.transport.abort()
    await asyncio.sleep(2)
    reader, writer = await connect()
    writer.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0) + frame(1, 5, 1, http2_head(b"GET", b"/healthz")))
    received = b""
    while frame(1, 4, 1)[3:9] not in received:
        piece = await asyncio.wait_for(reader.read(4096), 10)
        check(piece, "a request after them gets no response")
        received += piece
    check(peak[0] - before < 300, "they may take 300 MB")


async def http2_streams():
    """100 requests with a byte of body that nobody reads and a response that nobody takes."""
    await http2_burst("100 unread bodies and unsent responses", b"".join(
        frame(1, 4, stream, http2_head(b"GET", b"/healthz")) + frame(0, 0, stream, b"x") for stream in range(1, 200, 2)))


async def http2_packed_heads():
    """100 requests whose few bytes stand for 120 KB of headers each."""
    table = http2_head(b"GET", b"/healthz") + b"\x40" + text(b"x") + text(b"y" * 4000)
    await http2_burst("100 packed heads", frame(1, 5, 1, table) + b"".join(
        frame(1, 5, stream, http2_head(b"GET", b"/healthz") + b"\xbe" * 30) for stream in range(3, 200, 2)))


asyncio.run({
    "slow-events": slow_events,
    "slow-values": slow_values,
    "dripping-bodies": dripping_bodies,
    "pipelined-polls": pipelined_polls,
    "failing-records": many_failing_records,
    "large-bodies": large_bodies,
    "blank-lines": blank_lines,
    "unfinished-heads": unfinished_heads,
    "http2-streams": http2_streams,
    "http2-packed-heads": http2_packed_heads,
}[scenario]())
