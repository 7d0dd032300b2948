"""A thousand clients through one proxy: proxies.py NAME PROXY_URL LOGHTTP_URL"""
import asyncio
import base64
import collections
import json
import re
import socket
import ssl
import sys
import time
from urllib.parse import urljoin, urlsplit

name, proxy, direct = sys.argv[1:]
PAGES, POLLS, FOLLOWERS, EVENTS, STREAMS, TOO_LARGE = 400, 250, 120, 120, 60, 50  # a thousand
LARGE_STREAMS = 3  # of those, with 12 MB each: more than stalls behind nginx without reports=end
AT_ONCE = 50
LIMIT_SECONDS = 540  # nothing here takes as long unless it hangs
NEXT = re.compile(r'<([^>]*)>; rel="next"')
tls = ssl.create_default_context()
tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
password = base64.b64encode(b"log:secret").decode()
room = asyncio.Semaphore(AT_ONCE)
Answer = collections.namedtuple("Answer", "status headers body url")


class Failure(Exception):
    pass


def check(condition, what):
    if not condition:
        raise Failure(what)


async def open_request(method, url, headers=(), body=None, length=None):
    """Sends the head, and the body beside what comes; gives the status, the headers and the connection."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port, ssl=tls if parts.scheme == "https" else None, limit=1 << 22)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    head = [f"{method} {target} HTTP/1.1", f"Host: {parts.netloc}", f"Authorization: Basic {password}", "Connection: close", *headers]
    if body is not None:
        head.append(f"Content-Length: {len(body) if length is None else length}")
    writer.write(("\r\n".join(head) + "\r\n\r\n").encode())
    sending = asyncio.ensure_future(send(writer, body or b""))
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin1").split("\r\n")
    found = {key.lower(): value for key, _, value in (line.partition(": ") for line in head[1:-2])}
    return int(head[0].split(" ")[1]), found, reader, writer, sending


async def send(writer, body):
    try:
        for first in range(0, len(body), 65536):
            writer.write(body[first:first + 65536])
            await writer.drain()
    except ConnectionError:
        pass  # it was refused; the response says why


async def pieces(headers, reader):
    if headers.get("transfer-encoding") == "chunked":
        while size := int(await reader.readuntil(b"\r\n"), 16):
            yield (await reader.readexactly(size + 2))[:-2]
    elif "content-length" in headers:
        yield await reader.readexactly(int(headers["content-length"]))
    else:
        while piece := await reader.read(65536):
            yield piece


async def ask(method, url, headers=(), body=None, length=None):
    status, found, reader, writer, sending = await open_request(method, url, headers, body, length)
    content = b"" if status in (204, 304) else b"".join([piece async for piece in pieces(found, reader)])
    sending.cancel()
    writer.close()
    return Answer(status, found, content, url)


def values(body):
    return [json.loads(line)["value"] for line in body.splitlines()]


async def page_client(number, expected):
    """Along the links, from anywhere, to the end: they are relative, and hold below the prefix."""
    async with room:
        first = number % len(expected)
        url, found = f"{proxy}/topics/pages/{first}?partition=0&maxBytes=4096", []
        while True:
            page = await ask("GET", url)
            check(page.status in (200, 204), f"{url}: {page.status} {page.body[:300]}")
            if page.status == 204:
                break
            found += values(page.body)
            url = urljoin(url, NEXT.match(page.headers["link"]).group(1))
            check(url.startswith(proxy), f"a link leaves the prefix: {url}")
        check(found == expected[first:], f"a reader from {first} has other records")


async def poll_client():
    answer = await ask("GET", f"{proxy}/topics/live/1?partition=0&wait=250s")
    check((answer.status, values(answer.body)) == (200, ["now"]), f"a poll: {answer.status} {answer.body[:300]}")


async def follow_client(begun, headers, ending):
    status, found, reader, writer, _ = await open_request("GET", f"{proxy}/topics/live/0?partition=0&follow=true", headers)
    check(status == 200, f"a follower: {status}")
    came = b""
    async for piece in pieces(found, reader):
        came += piece
        if b'"value":"before"' in came:
            begun()
            begun = lambda: None
        if re.search(ending, came):
            break
    writer.close()
    check(re.search(ending, came), f"a follower's response ended: {came[:300]}")


async def stream_client(number):
    async with room:
        lines = 24_000 if number < LARGE_STREAMS else 12_000
        line = json.dumps("x" * 500 if number < LARGE_STREAMS else number).encode() + b"\n"
        answer = await ask("POST", f"{proxy}/topics/streams?partition=0&stream=true", ["Content-Type: application/x-ndjson"], line * lines)
        reports = [json.loads(report) for report in answer.body.splitlines()]
        check(answer.status == 200 and reports[-1] == {"done": True, "lastCommittedLine": lines, "count": lines}, f"a stream: {answer.status} {answer.body[-300:]}")


def post_too_large():
    """
    All that comes back. A socket of its own, because asyncio drops a response that it has already when a later send fails, and
    a proxy may close once it has answered.
    """
    parts, body = urlsplit(f"{proxy}/topics/refused"), b"1\n" * 1_500_000
    head = [f"POST {parts.path} HTTP/1.1", f"Host: {parts.netloc}", f"Authorization: Basic {password}", "Connection: close",
            "Content-Type: application/x-ndjson", f"Content-Length: {len(body)}"]
    with socket.create_connection((parts.hostname, parts.port), timeout=60) as plain:
        connection = tls.wrap_socket(plain) if parts.scheme == "https" else plain
        try:
            connection.sendall("\r\n".join(head).encode() + b"\r\n\r\n" + body)
        except (ConnectionError, ssl.SSLError):
            pass  # it was refused; the response says why
        came = b""
        try:
            while piece := connection.recv(65536):
                came += piece
        except (ConnectionError, ssl.SSLError):
            pass  # as far as it came
        return came


async def too_large_client():
    async with room:
        came = await asyncio.to_thread(post_too_large)
        check(b" 413 " in came.split(b"\r\n")[0] and b'"code":"body_too_large"' in came, f"a body that is too large: {came[:600]}")


async def main():
    expected = [f"{name} {number} {'x' * 200}" for number in range(60)]
    for topic in ("pages", "live", "streams"):
        await ask("DELETE", f"{direct}/topics/{topic}")
        check((await ask("PUT", f"{direct}/topics/{topic}", body=b'{"flush":"os"}')).status == 201, "a topic was not made")
    made = await ask("POST", f"{proxy}/topics/pages?split=lines", ["Content-Type: text/plain"], "\n".join(expected).encode())
    check(made.status == 201, f"an append: {made.status} {made.body[:300]}")
    location = urljoin(made.url, made.headers["location"])
    check(location.startswith(proxy) and values((await ask("GET", location)).body)[0] == expected[0], f"Location leads to {location}")
    marks = [time.monotonic()]

    async def part(*clients):
        await asyncio.gather(*clients)
        marks.append(time.monotonic())

    await part(*(page_client(number, expected) for number in range(PAGES)))

    check((await ask("POST", f"{proxy}/topics/live", ["Content-Type: text/plain"], b"before")).status == 201, "an append failed")
    begun = asyncio.Semaphore(0)

    async def produce():
        for _ in range(FOLLOWERS + EVENTS):
            await begun.acquire()
        check((await ask("POST", f"{proxy}/topics/live", ["Content-Type: text/plain"], b"now")).status == 201, "an append failed")

    await part(
        produce(),
        *(poll_client() for _ in range(POLLS)),
        *(follow_client(begun.release, [], rb'"value":"now"}\n') for _ in range(FOLLOWERS)),
        *(follow_client(begun.release, ["Accept: text/event-stream"], rb'id: live/0[^\n]*\ndata: [^\n]*"value":"now"}\n') for _ in range(EVENTS)))
    await part(*(stream_client(number) for number in range(STREAMS)))
    await part(*(too_large_client() for _ in range(TOO_LARGE)))
    seconds = [f"{after - before:.1f} s" for before, after in zip(marks, marks[1:])]
    print(f"{name}: {PAGES} page readers {seconds[0]}; {POLLS} polls, {FOLLOWERS} followers, {EVENTS} event streams {seconds[1]}; "
          f"{STREAMS} streams {seconds[2]}; {TOO_LARGE} bodies too large {seconds[3]}", flush=True)


try:
    asyncio.run(asyncio.wait_for(main(), LIMIT_SECONDS))
except Failure as failure:
    sys.exit(f"FAILED: {name}: {failure}")
except asyncio.TimeoutError:
    sys.exit(f"FAILED: {name}: not done after {LIMIT_SECONDS} s")
