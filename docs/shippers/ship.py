#!/usr/bin/env python3
"""Appends every line of a growing log file to a topic, each once and in order, also across rotations.

Usage: ship.py SERVER TOPIC FILE [STATE]
STATE is a file of this program's own, TOPIC.ship by default.
"""
import fcntl
import hashlib
import http.client
import json
import os
import re
import socket
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

SETTLE = float(os.environ.get("SHIP_SETTLE", "1"))  # seconds without a write, after which a rotated file is complete
POLL = 0.2  # seconds between looks at a file that does not grow
CHUNK_BYTES = 1 << 20
MAX_LINE_BYTES = 64 << 20
MARK_BYTES = 1024  # of a file's beginning, and before the position, to know the file again by
CHECKPOINTS = 32  # of these, the newest that the server has is resumed from


class Retry(Exception):
    """The server or the network fails. The same may succeed later."""


class Stop(Exception):
    """A person has to decide."""


def log(text):
    print(f"ship.py: {text}", file=sys.stderr, flush=True)


# The server


def request(path, body=None, headers={}):
    """Returns the lines of the response, or of a problem."""
    try:
        try:
            response = urllib.request.urlopen(urllib.request.Request(server + path, body, headers), timeout=60)
        except urllib.error.HTTPError as error:
            response = error
        with response:
            text = response.read()
    except (OSError, http.client.HTTPException) as error:
        raise Retry(str(error) or type(error).__name__)
    try:
        return response.status, [json.loads(line) for line in text.splitlines() if line]
    except ValueError:
        raise (Retry if response.status >= 500 else Stop)(f"{response.status} {text[:200]}")


def fail(problem, prefix=""):
    """A mistake in a line, or a producer that somebody else has continued, is not mended by another try."""
    may_succeed = problem["status"] >= 500 or problem["status"] in (408, 429) or problem["code"] == "sequence_gap"
    raise (Retry if may_succeed else Stop)(f"{prefix}{problem['status']} {problem['code']}: {problem['detail']}")


def producer_position():
    """The producer's epoch on the server, and how many lines of that epoch it has."""
    status, answer = request(f"/topics/{topic}/producers/{state['producer']}")
    if status == 404:
        return -1, 0
    if status != 200:
        fail(answer[0])
    return max((partition["epoch"], partition["nextSequence"]) for partition in answer[0]["partitions"])


def append(lines, sequence):
    """Appends lines. The server drops those that it has from a request before."""
    headers = {
        "Content-Type": "text/plain",
        "Producer-Id": state["producer"],
        "Producer-Epoch": str(state["epoch"]),
        "Producer-Seq": str(sequence),
    }
    try:
        lines.decode()
    except UnicodeDecodeError:
        lines = lines.decode("utf-8", "replace").encode()
    status, answer = request(f"/topics/{topic}?split=lines&stream=true&reports=end", lines, headers)
    if status != 200:
        fail(answer[0], f"After line {sequence}: ")
    if not answer or "done" not in answer[-1]:
        raise Retry("The response has no end.")
    if not answer[-1]["done"]:
        fail(answer[-1]["error"], f"After line {sequence}: ")


# The files


def log_files():
    """The log's files with a byte in them, in the order in which they were written, by (device, inode)."""
    while True:
        try:
            first, second = scan(), scan()
        except FileNotFoundError:  # renamed just now
            time.sleep(0.001)
            continue
        if list(first) == list(second):
            return {key: name for key, (name, size) in second.items() if size > 0}


def scan():
    directory, name = os.path.split(path)
    found = []
    for entry in os.listdir(directory):
        rotated = re.fullmatch(re.escape(name) + r"[.-](\d[\dT:._-]*)", entry)
        if rotated is None and entry != name:
            continue
        # log-20260101, log-20260102, ..., or log.2, log.1. The log itself is the newest.
        suffix = rotated[1] if rotated else ""
        is_number = suffix.isdigit() and len(suffix) < 6
        order = (2, 0, "") if not rotated else (1, -int(suffix), "") if is_number else (0, 0, suffix)
        full = os.path.join(directory, entry)
        status = os.stat(full)
        found.append((order, (status.st_dev, status.st_ino), full, status.st_size))
    return {key: (full, size) for _, key, full, size in sorted(found)}


def mark(file, end):
    """A hash of the bytes before a position."""
    length = min(end, MARK_BYTES)
    data = os.pread(file, length, end - length)
    return [end, hashlib.sha256(data).hexdigest() if len(data) == length else ""]


def has_marks(file, checkpoint):
    return all(mark(file, end) == [end, digest] for end, digest in checkpoint["marks"])


class Place:
    """An open file of the log, and the position of the next line in it."""

    def __init__(self, file, position, sequence):
        self.file, self.position, self.sequence = file, position, sequence
        status = os.fstat(file)
        self.key = (status.st_dev, status.st_ino)
        self.head = mark(file, min(status.st_size, MARK_BYTES))

    def checkpoint(self):
        # A head that a file of one short line had is too little once the file has grown.
        if self.head[0] < MARK_BYTES <= self.position:
            self.head = mark(self.file, MARK_BYTES)
        marks = [self.head, mark(self.file, self.position)]
        return {"sequence": self.sequence, "file": self.key, "position": self.position, "marks": marks}

    def read(self):
        """Returns the next whole lines, or none."""
        size = CHUNK_BYTES
        while True:
            data = os.pread(self.file, size, self.position)
            end = data.rfind(b"\n") + 1
            if end or len(data) < size:
                return data[:end]
            if size > MAX_LINE_BYTES:
                raise Stop(f"A line at byte {self.position} of {path} has more than {MAX_LINE_BYTES} bytes.")
            size *= 2

    def advance(self, data, lines):
        self.position += len(data)
        self.sequence += lines

    def close(self):
        os.close(self.file)


def find(checkpoint, sequence):
    """Opens the checkpoint's file, whatever its name is now. None if it is not there."""
    files = log_files()
    wanted = tuple(checkpoint["file"])
    # A log that is copied and truncated has the same bytes in another file.
    for key in sorted(files, key=lambda key: key != wanted):
        file = os.open(files[key], os.O_RDONLY)
        if has_marks(file, checkpoint):
            return Place(file, checkpoint["position"], checkpoint["sequence"])
        os.close(file)
    if wanted not in scan():
        return None
    if wanted not in files:
        raise Retry  # truncated, and empty yet
    log(f"{files[wanted]} was truncated or replaced. Lines may be missing before line {sequence}.")
    return begin(wanted, sequence)


def begin(key, sequence):
    """Opens a file at its first byte. Remembers that durably before any line of the file is sent."""
    file = os.open(log_files().get(key, path), os.O_RDONLY)
    place = Place(file, 0, sequence)
    if place.key != key:
        place.close()
        raise Retry("The log is being rotated.")
    save(place.checkpoint())
    return place


def successor(place):
    """The file that the log continues in, if that has a line. Its writer then writes no more to this one."""
    files = log_files()
    keys = list(files)
    if place.key in keys:
        later = keys[keys.index(place.key) + 1 :]
    else:  # deleted or compressed meanwhile; older files may still be there
        changed = os.fstat(place.file).st_mtime_ns
        later = [key for key in keys if os.stat(files[key]).st_mtime_ns >= changed]
    return later[0] if later and has_line(files[later[0]]) else None


def has_line(name):
    """Whether a file has enough to know it again by, or gets no more."""
    with open(name, "rb") as file:
        data = file.read(MARK_BYTES)
        return b"\n" in data or len(data) == MARK_BYTES or is_settled(file.fileno())


def is_settled(file):
    return time.time() - os.fstat(file).st_mtime >= SETTLE


# The state


def save(checkpoint):
    """Adds a checkpoint, durably."""
    earlier = [kept for kept in state["checkpoints"] if kept["sequence"] < checkpoint["sequence"]]
    state["checkpoints"] = earlier[1 - CHECKPOINTS :] + [checkpoint]
    with open(state_path + ".new", "w") as new:
        json.dump(state, new)
        new.flush()
        os.fsync(new.fileno())
    os.replace(state_path + ".new", state_path)
    directory = os.open(os.path.dirname(state_path), os.O_RDONLY)
    os.fsync(directory)
    os.close(directory)


def resume():
    """Returns the place of the first line that the server does not have."""
    epoch, sequence = producer_position()
    if not state["checkpoints"]:
        if epoch >= state["epoch"]:
            raise Stop(
                f"The server has lines of producer {state['producer']}, and {state_path} is lost. To send the files "
                f"again from the oldest one on, set SHIP_EPOCH={epoch + 1}."
            )
        for key, name in log_files().items():
            if has_line(name):
                return begin(key, 0)
            break
        raise Retry  # no line yet
    if epoch > state["epoch"]:
        raise Stop(f"Producer {state['producer']} continues with epoch {epoch}, and {state_path} is older.")
    last = state["checkpoints"][-1]
    if epoch < state["epoch"] and last["sequence"] > 0:
        # It was silent for longer than ProducerExpiry, or the topic was deleted.
        state["epoch"] += 1
        log(f"The server no longer knows producer {state['producer']}. Continuing with epoch {state['epoch']}.")
        state["checkpoints"], sequence = [], 0
        save(last | {"sequence": 0})
    elif epoch < state["epoch"]:
        sequence = 0
    for checkpoint in reversed(state["checkpoints"]):
        if checkpoint["sequence"] > sequence:
            continue
        if place := find(checkpoint, sequence):
            skip(place, sequence)
            return place
        break
    raise Stop(f"Line {sequence} of {path} is in a file that is no longer there. Put it beside the log, uncompressed.")


def skip(place, sequence):
    """Skips the lines that the server has."""
    while (missing := sequence - place.sequence) > 0:
        data = place.read()
        lines = data.count(b"\n")
        if lines == 0:
            rest = os.fstat(place.file).st_size - place.position
            if missing > 1 or rest == 0:
                raise Stop(f"The server has {missing} more lines than {path} and its older files.")
            place.advance(bytes(rest), 1)  # the last line of a rotated file, without its end
        elif lines <= missing:
            place.advance(data, lines)
        else:
            skipped = b"\n".join(data.split(b"\n", missing)[:missing]) + b"\n"
            place.advance(skipped, missing)


def ship():
    place = resume()
    log(f"Line {place.sequence} is next.")
    checked = saved = place.checkpoint()
    saved_at = time.monotonic()
    try:
        while True:
            data, lines, following = next_lines(place)
            # Only now, because the file may have been truncated before the read.
            if not has_marks(place.file, checked):
                save(checked)
                return
            if data:
                append(data, place.sequence)
                place.advance(data, lines)
                checked = place.checkpoint()
            if checked is not saved and (not data or time.monotonic() - saved_at > 1):
                save(checked)
                saved, saved_at = checked, time.monotonic()
            if following:
                place.close()
                place = begin(following, place.sequence)
                checked = saved = place.checkpoint()
            elif not data:
                time.sleep(POLL)
    finally:
        place.close()


def next_lines(place):
    """Returns the next lines and their number, or the file that the log continues in after the last one."""
    data = place.read()
    if not data and (following := successor(place)) and is_settled(place.file):
        # Lines may have come just before the first one of the other file.
        data = place.read()
        if not data:
            rest = os.pread(place.file, MAX_LINE_BYTES, place.position)
            if not rest:
                return b"", 0, following
            # The last line of a rotated file may lack its end.
            return (b"", 0, None) if b"\n" in rest else (rest, 1, None)
    return data, data.count(b"\n"), None


if len(sys.argv) not in (4, 5):
    sys.exit(__doc__)
server, topic, path = sys.argv[1].rstrip("/"), sys.argv[2], os.path.abspath(sys.argv[3])
state_path = os.path.abspath(sys.argv[4] if len(sys.argv) == 5 else f"{topic}.ship")
lock = open(state_path + ".lock", "w")
try:
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
except BlockingIOError:
    sys.exit(f"ship.py: Another ship.py uses {state_path}.")
try:
    with open(state_path) as kept:
        state = json.load(kept)
except FileNotFoundError:
    producer = urllib.parse.quote(f"ship:{socket.gethostname()}{path.replace('/', ':')}", safe=":")
    state = {"producer": producer[-256:], "epoch": int(os.environ.get("SHIP_EPOCH", "0")), "checkpoints": []}
while True:
    try:
        ship()
    except (Retry, FileNotFoundError) as error:
        if str(error):
            log(f"Trying again: {error}")
        time.sleep(1)
    except Stop as error:
        sys.exit(f"ship.py: {error}")
