"""The clients of hostile-clients.sh: hostile-clients.py URL SERVER_PID CLIENTS"""
import asyncio, json, os, sys, time
from urllib.parse import urljoin, urlsplit

url, server_pid, clients = urlsplit(sys.argv[1]), sys.argv[2], int(sys.argv[3])
names = 100_000
# Several times the server's timeouts here: a client that waits longer got no error and was not dropped.
patience_s = 30
HOST = b"Host: localhost\r\n"


def server_state():
    with open(f"/proc/{server_pid}/status") as status:
        resident_kb = next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))
    return len(os.listdir(f"/proc/{server_pid}/fd")), resident_kb // 1000


async def connect():
    return await asyncio.open_connection(url.hostname, url.port)


async def answer(reader):
    """Status, headers and body of an answer; None where the connection ends instead."""
    try:
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), patience_s)
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    lines = head.decode("latin1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:] if line)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return int(lines[0].split()[1]), headers, body


async def ended(reader):
    """Waits until the server has hung up, and gives what came before."""
    came = b""
    try:
        while piece := await asyncio.wait_for(reader.read(65536), patience_s):
            came += piece
    except ConnectionError:
        pass
    return came


async def dribble(writer, piece, interval_s):
    try:
        while True:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(interval_s)
    except ConnectionError:
        pass


async def slow(start, piece, interval_s=0.5):
    """Sends a little now and then, for ever; gives the first line of what it is told."""
    reader, writer = await connect()
    writer.write(start)
    dribbling = asyncio.create_task(dribble(writer, piece, interval_s)) if piece else None
    came = await ended(reader)
    if dribbling:
        dribbling.cancel()
    writer.close()
    return came[:12].decode("latin1")


async def told(request, half_close=False):
    """One request on a connection of its own: the statuses of all answers there are to it."""
    reader, writer = await connect()
    try:
        writer.write(request)
        if half_close:
            writer.write_eof()
        await writer.drain()
    except ConnectionError:
        pass  # refused before it had all; the answer says more
    came = await ended(reader)
    writer.close()
    return [line[9:12].decode() for line in came.split(b"\r\n") if line.startswith(b"HTTP/1.1 ")]


latencies_ms, written = [], 0


async def work(stop):
    """The client that only wants to work: appends, and reads what it appended."""
    global written
    reader, writer = await connect()
    while not stop.is_set():
        started = time.monotonic()
        value = b"%d" % written
        writer.write(b"POST /topics/steady HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(value) + value)
        status, headers, _ = await answer(reader)
        assert status == 201, status
        written_at = urljoin("/topics/steady", headers["location"])
        writer.write(b"GET " + written_at.encode() + b"&maxBytes=4096 HTTP/1.1\r\n" + HOST + b"\r\n")
        status, _, body = await answer(reader)
        assert status == 200 and json.loads(body)["value"] == written, (status, body)
        written += 1
        latencies_ms.append((time.monotonic() - started) * 1000)
        await asyncio.sleep(0.02)
    writer.close()


async def many(name, expected, coroutines):
    results = await asyncio.gather(*coroutines)
    counts = {}
    for result in results:
        counts[str(result)] = counts.get(str(result), 0) + 1
    assert set(counts) <= set(map(str, expected)), (name, counts)
    print(f"{name}: " + ", ".join(f"{count} {'hung up on' if result in ('', '[]') else result}" for result, count in counts.items()), flush=True)


async def flood(requests, expected):
    """Requests one after the other on one connection; how many times each status came."""
    reader, writer = await connect()
    counts = {}
    for request in requests:
        writer.write(request)
        status, headers, _ = await answer(reader)
        counts[status] = counts.get(status, 0) + 1
        if headers.get("connection") == "close":
            writer.close()
            reader, writer = await connect()
    writer.close()
    assert set(counts) <= expected, counts
    return counts


def share(count, of):
    return range(count * of // 8, count * (of + 1) // 8)


async def main():
    stop = asyncio.Event()
    working = asyncio.create_task(work(stop))
    try:
        await attack(stop, working)
    finally:
        stop.set()


async def attack(stop, working):
    await asyncio.sleep(1)
    alone_ms = sorted(latencies_ms)
    handles, resident_mb = server_state()
    latencies_ms.clear()

    await many("heads that come a byte at a time", ["HTTP/1.1 408", ""], [slow(b"GET /topics HTTP/1.1\r\n" + HOST + b"X-Slow: ", b"x") for _ in range(clients)])
    post = b"POST /topics/slow HTTP/1.1\r\n" + HOST + b"Content-Type: text/plain\r\n"
    await many("bodies that come a byte at a time", ["HTTP/1.1 408"], [slow(post + b"Content-Length: 100000\r\n\r\n", b"x") for _ in range(clients)])
    await many("chunks that come a byte at a time", ["HTTP/1.1 408"], [slow(post + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n") for _ in range(clients)])
    await many("bodies that stop", ["HTTP/1.1 408"], [slow(post + b"Content-Length: 10\r\n\r\nhello", b"") for _ in range(clients)])
    await many("connections that say nothing", ["", "HTTP/1.1 408"], [slow(b"G", b"") for _ in range(clients)])

    get = b"GET /topics/steady/earliest?maxBytes=4096 HTTP/1.1\r\n" + HOST + b"\r\n"
    # The end of a client's sending is the end of the client (api/PROTOCOL.md §9). A response may or may not come.
    await many("half-closed behind a request", [["200"], []], [told(get, half_close=True) for _ in range(clients)])
    await many("half-closed within a head", [["400"], []], [told(get[:30], half_close=True) for _ in range(clients)])
    await many("half-closed within a body", [["400"], []], [told(post + b"Content-Length: 10\r\n\r\nhello", half_close=True) for _ in range(clients)])

    smuggled = b"GET /topics/smuggled HTTP/1.1\r\n" + HOST + b"\r\n"
    shapes = {
        "two lengths": post + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello" + smuggled,
        "a length and chunks": post + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + smuggled,
        "a coding that there is not": post + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + smuggled,
        "chunked, and not at the end": post + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" + smuggled,
        "a space before the colon": post + b"Content-Length : 0\r\n\r\n" + smuggled,
        "a folded header": post + b"X-Folded: a\r\n Content-Length: 0\r\n\r\n" + smuggled,
        "a length in another base": post + b"Content-Length: 0x5\r\n\r\nhello" + smuggled,
        "a chunk's length too large": post + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nx\r\n0\r\n\r\n" + smuggled,
        "a chunk longer than it says": post + b"Transfer-Encoding: chunked\r\n\r\n1\r\nxx\r\n0\r\n\r\n" + smuggled,
        "no host": b"GET /topics HTTP/1.1\r\n\r\n" + smuggled,
        "two hosts": b"GET /topics HTTP/1.1\r\n" + HOST + HOST + b"\r\n" + smuggled,
        "a NUL in a header": b"GET /topics HTTP/1.1\r\n" + HOST + b"X: a\0b\r\n\r\n" + smuggled,
    }
    for name, request in shapes.items():
        statuses = await told(request)
        # One response, and the end: the bytes behind it are not a request. Chunks overrule a length (RFC 9112 section
        # 6.3).
        assert len(statuses) == 1 and statuses[0] in ("400", "411", "415", "501", "201" if name == "a length and chunks" else ""), (name, statuses)
    print(f"requests in disguise: {len(shapes)} shapes, each answered once, and hung up on", flush=True)

    huge = b"x" * 10_000_000
    too_much = {
        "a header of 10 MB": (b"GET /topics HTTP/1.1\r\n" + HOST + b"X: " + huge + b"\r\n\r\n", "431"),
        "10,000 headers": (b"GET /topics HTTP/1.1\r\n" + HOST + b"X: y\r\n" * 10_000 + b"\r\n", "431"),
        "a URL of 10 MB": (b"GET /topics/" + huge + b" HTTP/1.1\r\n" + HOST + b"\r\n", "414"),
        "a key of 60 kB": (b"POST /topics/t HTTP/1.1\r\n" + HOST + b"Connection: close\r\nRecord-Key: " + huge[:60_000] + b"\r\nContent-Length: 1\r\n\r\n1", "400"),
        "JSON 1,000,000 deep": (post.replace(b"text/plain", b"application/json") + b"Connection: close\r\nContent-Length: 1000000\r\n\r\n" + b"[" * 1_000_000, "400"),
        "JSON of 10 MB in a record": (post.replace(b"text/plain", b"application/json") + b"Connection: close\r\nContent-Length: 10000002\r\n\r\n\"" + huge + b"\"", "413"),
        "text that is not UTF-8": (post + b"Connection: close\r\nContent-Length: 4\r\n\r\n\xc3\x28\xff\xfe", "400"),
    }
    for name, (request, status) in too_much.items():
        statuses = await told(request)
        # A client that continues to send after a refusal may get a reset before it has read the reason.
        assert statuses in ([status], []), (name, statuses)
    print(f"too large, too deep, not text: {len(too_much)} kinds, each refused", flush=True)

    before_mb = server_state()[1]
    unknown = await asyncio.gather(*(flood((b"GET /topics/name-%d/latest HTTP/1.1\r\n" % number + HOST + b"\r\n" for number in share(names, of)), {404}) for of in range(8)))
    print(f"{names} names that there are not, asked for: {sum(count[404] for count in unknown)} 404; resident {server_state()[1] - before_mb:+d} MB", flush=True)
    made = await asyncio.gather(*(flood((b"POST /topics/name-%d HTTP/1.1\r\n" % number + HOST + b"Content-Length: 1\r\n\r\n1" for number in share(names, of)), {201, 429}) for of in range(8)))
    created, refused = (sum(count.get(status, 0) for count in made) for status in (201, 429))
    assert created + refused == names and 990 < created < 1000, (created, refused)
    print(f"{names} names posted to: {created} topics made, {refused} 429; resident {server_state()[1] - before_mb:+d} MB", flush=True)

    stop.set()
    await working
    busy_ms = sorted(latencies_ms)
    percentile = lambda values, part: values[int(len(values) * part)]
    print(f"meanwhile one client appended and read {written} records, one after the other: "
          f"p50 {percentile(busy_ms, .5):.1f} ms, p99 {percentile(busy_ms, .99):.1f} ms, max {busy_ms[-1]:.1f} ms (alone p50 {percentile(alone_ms, .5):.1f} ms)")
    reader, writer = await connect()
    writer.write(b"GET /topics/steady HTTP/1.1\r\n" + HOST + b"\r\n")
    _, _, body = await answer(reader)
    assert json.loads(body)["partitions"][0]["nextOffset"] == written
    writer.close()
    # Topics have open files of their own. Connections must be gone.
    sockets = sum(os.path.realpath(f"/proc/{server_pid}/fd/{handle}").rpartition("/")[2].startswith("socket:") for handle in os.listdir(f"/proc/{server_pid}/fd"))
    assert sockets < 20, sockets
    print(f"sockets that are left open: {sockets}; handles {handles} before, {server_state()[0]} after with {created} topics; resident {resident_mb} MB before, {server_state()[1]} MB after")


asyncio.run(main())
