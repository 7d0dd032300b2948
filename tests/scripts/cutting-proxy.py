"""Passes connections on to a server, and breaks every second one off after some of the answer's bytes, wherever that is.

Those are asked for in HTTP/1.0, as some proxies do: an answer without chunks and a length looks whole wherever it ends.

With a SEED it breaks every connection off, after some of the request's bytes or of the answer's.

Usage: cutting-proxy.py PORT-OF-THE-SERVER [SEED]. Says its own port, and "cut" for each it broke off.
"""
import asyncio
import itertools
import random
import sys

numbers = itertools.count()
seed = sys.argv[2] if len(sys.argv) > 2 else None
random.seed(seed)


def limits():
    """Of a connection: how many bytes of requests and of answers go through, and the version that it asks in."""
    if seed is not None:
        is_request, most_bytes = random.random() < 0.5, random.randrange(1, 4000)
        return most_bytes if is_request else sys.maxsize, sys.maxsize if is_request else most_bytes, b"HTTP/1.1"
    if next(numbers) % 2:
        return sys.maxsize, random.randrange(200, 5000), b"HTTP/1.0"
    return sys.maxsize, sys.maxsize, b"HTTP/1.1"


async def pass_on(reader, writer, most_bytes, version=b"HTTP/1.1"):
    try:
        while most_bytes > 0 and (data := await reader.read(min(most_bytes, 65536))):
            most_bytes -= len(data)
            writer.write(data.replace(b"HTTP/1.1\r\n", version + b"\r\n", 1))
            await writer.drain()
        if most_bytes == 0:
            print("cut", flush=True)
    except ConnectionError:
        pass
    finally:
        writer.close()


async def accept(client_reader, client_writer):
    request_bytes, answer_bytes, version = limits()
    try:
        server_reader, server_writer = await asyncio.open_connection("127.0.0.1", int(sys.argv[1]))
    except ConnectionError:
        client_writer.close()
        return
    await asyncio.gather(pass_on(client_reader, server_writer, request_bytes, version), pass_on(server_reader, client_writer, answer_bytes))


async def main():
    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
