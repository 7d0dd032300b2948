"""Zeroes a page of 8 MB of acknowledged records, after a kill: with the journal's bytes for it, and without them.

Usage: crash-zeroed-page.py SERVER.dll DIRECTORY SEED RUNS
"""
import hashlib
import http.client
import json
import pathlib
import random
import struct
import sys

from crashes import RECORD, Faults, Server, Topic, finish, segments

dll, directory, seed = sys.argv[1:4]
runs = int(sys.argv[4])
chance = random.Random(seed)
faults = Faults()
PAGE = 4096
TABLE = []
for value in range(256):
    for _ in range(8):
        value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
    TABLE.append(value)


def crc32c(content):
    crc = 0xFFFFFFFF
    for byte in content:
        crc = crc >> 8 ^ TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def journal_rounds(journal):
    """Oldest needed round and entries of each round, by number (api/FORMAT.md §8, §9). Expects no torn round."""
    rounds = {}
    for path in journal.glob("*.journal"):
        content, position, epoch = path.read_bytes(), 0, None
        while content[position : position + 8] == b"LHROUND0":
            head = content[position : position + 64]
            _, entries, its_epoch, number, oldest, length = struct.unpack_from("<IIQQQI", head, 8)
            if crc32c(head[:60]) != struct.unpack_from("<I", head, 60)[0] or epoch not in (None, its_epoch):
                break
            epoch = its_epoch
            rounds[number] = oldest, content[position + 64 : position + length]
            position += -(-length // PAGE) * PAGE
    return rounds


def journaled_ranges(data, topic_id):
    """The ranges of the segment at 0 that are in rounds which recovery still needs."""
    rounds = journal_rounds(data / "journal")
    oldest, ranges = rounds[max(rounds)][0], []
    for number, (_, entries) in rounds.items():
        position = 0
        while position < len(entries):
            kind, _, topic, base, _, length, at = struct.unpack_from("<BxxxIQqIIq", entries, position)
            if kind == 1 and topic == topic_id and base == 0 and number >= oldest:
                ranges.append((at, at + length))
            position += 40 + -(-length // 8) * 8
    joined = []
    for begin, end in sorted(ranges):
        if joined and joined[-1][1] >= begin:
            joined[-1][1] = max(end, joined[-1][1])
        else:
            joined.append([begin, end])
    return joined


def pages(ranges, length):
    """The numbers of the pages that lie within the ranges."""
    return {page for begin, end in ranges for page in range(-(-begin // PAGE), min(end, length) // PAGE)}


def write(server, topic, total):
    """Batches of 40 KB, which go to the journal, one after the other."""
    connection, sent, number = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120), 0, 0
    while sent < total:
        line = '{"w":0,"n":%d,"c":100,"i":%d,"p":"%s"}\n'
        body = "".join(line % (number, index, chance.choice("abcdef") * 400) for index in range(100)).encode()
        connection.request("POST", f"/topics/{topic}?partition=0", body, {"Content-Type": "application/x-ndjson"})
        response = connection.getresponse()
        answer = response.read()
        assert response.status == 201, answer
        sent, number = sent + len(body), number + 1
    connection.close()


def digest(path):
    return hashlib.sha256(path.read_bytes()).digest()


def zero(path, page):
    with path.open("r+b") as file:
        file.seek(page * PAGE)
        before = file.read(PAGE)
        file.seek(page * PAGE)
        file.write(bytes(PAGE))
    return before


def expect(holds, detail):
    if not holds:
        faults.add("changed", detail)


def one(run, is_journaled):
    data = pathlib.Path(directory, f"data-{run}-{is_journaled}")
    server = Server(dll, directory, data)
    try:
        server.start()
        server.create(["victim", "other"])
        write(server, "victim", 8_000_000)
        segment = segments(data, "victim")[0]
        topic_id = int(json.loads(pathlib.Path(data, "topics/victim/topic.json").read_text())["id"], 16)
        if not is_journaled:
            while pages(journaled_ranges(data, topic_id), segment.stat().st_size):
                write(server, "other", 4_000_000)
        server.end()
        whole = segment.read_bytes()
        there = pages(journaled_ranges(data, topic_id), len(whole))
        page = chance.choice(sorted(there) if is_journaled else range(len(whole) // PAGE))
        before = zero(segment, page)
        what = f"run {run}, page {page} of {len(whole) // PAGE}"
        server.start()
        if is_journaled:
            expect(not server.says("READ-ONLY|DAMAGED"), f"{what}: read-only though the journal has its bytes")
            expect(segment.read_bytes() == whole, f"{what}: the segment is not what it was")
            expect(server.read("victim", 0) == whole, f"{what}: not everything is served")
            write(server, "victim", 1)
            return len(there)
        damaged = digest(segment)
        for restart in range(2):
            expect(server.says(r"victim.0: opened READ-ONLY") == 1, f"{what}: no error in the log")
            expect(digest(segment) == damaged and not list(segment.parent.glob("*.torn")), f"{what}: something was cut")
            served = server.read("victim", 0)
            # A batch of 100 lines is served whole or not at all.
            sound = whole[: page * PAGE].splitlines(keepends=True)
            while not sound[-1].endswith(b"}}\n") or int(RECORD.match(sound[-1])[5]) != 99:
                sound.pop()
                if not sound:
                    break
            expect(served == b"".join(sound), f"{what}: {len(served)} bytes served, {sum(map(len, sound))} sound")
            status, body, _ = server.ask("POST", "/topics/victim?partition=0", "1", range(400, 600))
            expect(status == 503 and b"read-only" in body, f"{what}: an append got {status} {body}")
            write(server, "other", 1)
            server.end()
            if restart == 0:
                server.start()
        with segment.open("r+b") as file:
            file.seek(page * PAGE)
            file.write(before)
        server.start()
        expect(server.read("victim", 0) == whole, f"{what}: restored, not everything is served")
        write(server, "victim", 1)
        return 0
    finally:
        server.end()


covered = [one(run, True) for run in range(runs)]
for run in range(runs):
    one(run, False)
print(f"{runs} pages zeroed with their bytes in the journal ({min(covered)} to {max(covered)} such pages): restored. "
      f"{runs} without: read-only, nothing cut, all before served, writable when repaired")
sys.exit(finish(faults))
